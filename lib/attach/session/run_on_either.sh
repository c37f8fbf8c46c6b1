# shellcheck shell=sh
# run_on_either.sh
# After run_on_x.sh: runs an app of a session on the session's display. On Wayland, an app that supports only X, and
# ends soon since x_gate.py has refused it, is started again on an X server of its own. Its output goes to the session's
# log, this shell's stdout.

# Errors of such apps: from Xlib and Xt, GTK, Tk, Java, Qt, SDL and GLFW.
no_display='(open|connect to|connecting to) (the |an )?(X(11)? display|display *([^ [:alnum:]]|$))|no display name'
no_display="$no_display|(^|[^[:alnum:]])X(11)? (window )?server"
no_display="$no_display|DISPLAY( environment)? variable|DISPLAY is not set|HeadlessException|plugin \"xcb\"|no available video device"
# The same of apps that had a display, and lost it: their server's window was closed.
lost_display='fatal IO error|X(11)? connection .*broke'
# Errors of apps that exit with 0: VLC 3 falls back to commands, and Mono's programs show each error in a window.
no_display_and_well='no suitable interface module|Could not open display \(X-Server required'
# Vim and Emacs fall back to a terminal, and exit without one.
no_terminal='is not (to )?a (terminal|tty)'
# waypipe 0.9.2 binds its display by a relative path. On X, xpra's own connections exist before the app's.
connected=" 03 +[0-9]+ (.*/)?${WAYLAND_DISPLAY:-X${DISPLAY#*:}}\$"

# Waits for a process that has replaced Firefox, as after an update. The parameter is a file for its process id.
await_restarted() {
  # Of its children, only the crash helper has that variable too, and it ends with Firefox.
  found=$(grep -lszx MOZ_LAUNCHED_CHILD=1 /proc/[0-9]*/environ | sort -t/ -k3n)
  for process in $found; do
    process=${process%/environ}
    cmp -s "$process/cgroup" /proc/self/cgroup || continue
    echo "${process#/proc/}" >"$1"
    tail --pid="${process#/proc/}" --sleep-interval=0.1 -f /dev/null
    await_restarted "$1"
    return
  done
}

# Whether the app's output matches a pattern.
has_printed() {
  tail -c "+$first_byte" "/proc/$$/fd/1" | head -c 65536 | grep -qaiE "$1"
}

# Whether an app that has ended soon supports only X.
knows_only_x() {
  # It was stopped by Ctrl-C or SIGTERM, or its server was closed.
  case $status in
    130 | 143) return 1 ;;
    *) [ ! -e "$RUNTIME_DIRECTORY/stopped" ] && ! has_printed "$lost_display" || return 1 ;;
  esac
  case $status in
    0) has_printed "$no_display_and_well" ;;
    *) has_printed "$no_display" || { has_printed "$no_terminal" && ldd "$(command -v "$program")" 2>/dev/null | grep -q libX11; } ;;
  esac
}

count_connected() {
  grep -cE "$connected" /proc/net/unix
}

# Whether a process runs that this shell has started, not the session's bus.
has_left() {
  started=$(grep -lszx "GUI_CONTAINER_STARTED=$$" /proc/[0-9]*/environ)
  for process in $started; do
    ! cmp -s "${process%/environ}/cgroup" /proc/self/cgroup || return 0
  done
  return 1
}

has_ended_soon() {
  read -r now _ </proc/uptime
  [ "$((${now%.*} - ${began%.*}))" -lt 10 ]
}

# Runs the parameters. If the app soon exits with 0 and leaves processes, as kate does, waits for them while they are
# connected to the display, or may still connect.
run_to_end() {
  GUI_CONTAINER_STARTED=$$ "$@"
  status=$?
  has_ended_soon || return "$status"
  tries=0
  while [ "$status" = 0 ] && has_left && { [ "$(count_connected)" -gt "$windows" ] || [ "$tries" -lt 10 ]; }; do
    tries=$((tries + 1))
    sleep 0.5
  done
  return "$status"
}

# Runs an app, and returns its exit status. The parameters are the position of its output in the log, in bytes from 1,
# its program, and the words to run.
run_on_either() {
  first_byte=$1 program=$2
  shift 2
  read -r began _ </proc/uptime
  windows=$(count_connected) || :
  run_to_end "$@"
  [ "${WAYLAND_DISPLAY-}" ] || [ -z "${DISPLAY-}" ] || return "$status"
  { has_ended_soon && knows_only_x; } || return "$status"
  has_x_server || return "$((status ? status : 1))"
  echo "The app supports only X: it is started again, on Xwayland"
  run_on_x run_to_end "$@"
}
