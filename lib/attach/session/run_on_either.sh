# shellcheck shell=sh
# run_on_either.sh
# After run_on_x.sh: runs an app of a session on the session's display. On Wayland, one that ends soon since it takes X alone, where
# x_gate.py has turned it away, is started once more, on an X server of its own. What it prints goes to the session's log, this
# shell's standard output.

# What such an app prints: Xlib's and Xt's, GTK's, Tk's, Java's, Qt's, SDL's and GLFW's words.
no_display='(open|connect to|connecting to) (the |an )?(X(11)? display|display *([^ [:alnum:]]|$))|no display name'
no_display="$no_display|(^|[^[:alnum:]])X(11)? (window )?server"
no_display="$no_display|DISPLAY( environment)? variable|DISPLAY is not set|HeadlessException|plugin \"xcb\"|no available video device"
# The same of those that end well: VLC 3 takes commands in place of a window, and Mono's programs show each error in a window.
no_display_and_well='no suitable interface module|Could not open display \(X-Server required'
# Vim and Emacs turn to a terminal, and end for want of one.
no_terminal='is not (to )?a (terminal|tty)'
# waypipe 0.9.2 binds its display by the name alone. On X, xpra's own connections are there before.
connected=" 03 +[0-9]+ (.*/)?${WAYLAND_DISPLAY:-X${DISPLAY#*:}}\$"

# Waits for what Firefox has started in its own place, as after an update. The parameter is a file for its process id.
await_restarted() {
  # Of its children, only its helper for crashes has that variable, too, and ends with it.
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

# Whether the app has printed something like this.
has_printed() {
  tail -c "+$first_byte" "/proc/$$/fd/1" | head -c 65536 | grep -qaiE "$1"
}

# Whether an app that has ended soon knows only X.
knows_only_x() {
  # It has been stopped: by Ctrl-C, or SIGTERM.
  case $status in
    130 | 143) return 1 ;;
    *) [ ! -e "$RUNTIME_DIRECTORY/stopped" ] || return 1 ;;
  esac
  case $status in
    0) has_printed "$no_display_and_well" ;;
    *) has_printed "$no_display" || { has_printed "$no_terminal" && ldd "$(command -v "$program")" 2>/dev/null | grep -q libX11; } ;;
  esac
}

count_connected() {
  grep -cE "$connected" /proc/net/unix
}

# Whether something runs that has been started by this shell, and not by the session's bus.
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

# Runs the parameters, and waits for what an app has left that ends well and soon, as kate does, while that is on the display. It
# may come there later.
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

# Runs an app, and returns its exit status. The parameters are the first byte of what it prints in the log, its program, and the
# words to run.
run_on_either() {
  first_byte=$1 program=$2
  shift 2
  read -r began _ </proc/uptime
  windows=$(count_connected) || :
  run_to_end "$@"
  [ "${WAYLAND_DISPLAY-}" ] || [ -z "${DISPLAY-}" ] || return "$status"
  { has_ended_soon && knows_only_x; } || return "$status"
  has_x_server || return "$((status ? status : 1))"
  echo "The app knows only X: it is started again, on Xwayland"
  run_on_x run_to_end "$@"
}
