# shellcheck shell=sh
# run_on_either.sh
# Runs an app of a session on the session's display. On Wayland, one that ends soon since it knows only X is started once more,
# on an X server of its own, which is one window there. What it prints goes to the session's log, this shell's standard output.
#
# Values in front:
#   tell_size  tell_size.py
: "${tell_size:?}"

# What such an app prints: Xlib's and Xt's, GTK's, Tk's, Java's, Qt's, SDL's and GLFW's words.
no_display='(open|connect to|connecting to) (the |an )?(X(11)? display|display *([^ [:alnum:]]|$))|no display name'
no_display="$no_display|(^|[^[:alnum:]])X(11)? (window )?server"
no_display="$no_display|DISPLAY( environment)? variable|DISPLAY is not set|HeadlessException|plugin \"xcb\"|no available video device"

# Runs an app, and returns its exit status. The parameters are the first byte of what it prints in the log, and its words.
run_on_either() {
  first_byte=$1
  shift
  read -r began _ </proc/uptime
  "$@"
  status=$?
  [ -z "${DISPLAY-}" ] || return "$status"
  # The app has been stopped: by Ctrl-C, or SIGTERM.
  case $status in 130 | 143) return "$status" ;; esac
  # VLC 3 takes commands in place of a window, and ends well.
  [ "$status" != 0 ] || no_display='no suitable interface module'
  read -r now _ </proc/uptime
  [ "$((${now%.*} - ${began%.*}))" -lt 10 ] &&
    tail -c "+$first_byte" "/proc/$$/fd/1" | head -c 65536 | grep -qaiE "$no_display" || return "$status"
  command -v Xwayland >/dev/null || {
    echo "There is no Xwayland in this container: apt-get install xwayland libdecor-0-plugin-1-cairo matchbox-window-manager"
    return "$status"
  }
  echo "The app knows only X: it is started again, on Xwayland"
  # Before Xwayland 23.1, its window has the size of the screen, and no frame on GNOME.
  size=
  case $(Xwayland -help 2>&1) in *-decorate*) size='-decorate -geometry 960x640' ;; esac
  ready=$(mktemp -u "$RUNTIME_DIRECTORY/x.XXXXXX")
  mkfifo "$ready"
  # waypipe passes pictures on in memory: those of a GPU would be read back. Only this user's apps may connect.
  # shellcheck disable=SC2086 # These are words.
  Xwayland -displayfd 3 -noreset -shm $size 3>"$ready" &
  server=$!
  number=
  read -r number <"$ready" || :
  rm "$ready"
  [ "$number" ] || return "$status"
  export DISPLAY=":$number"
  # matchbox reads its keys once it listens for a new size of the screen, but knows that of before: tiling desktops change it soon.
  # Its own keys, such as Alt+C, are the app's; that of windows.ts closes a window, also while Alt, Super, or Super and Shift are down.
  keys=$ready.keys
  mkfifo "$keys"
  {
    printf '%sXF86Xfer=close\n' '' '<Alt>' '<Super>' '<Super><Shift>' >"$keys"
    exec python3 -ISc "$tell_size"
  } &
  teller=$!
  matchbox-window-manager -kbdconfig "$keys" &
  manager=$!
  "$@"
  status=$?
  # It would wait for ever for keys of a teller that is gone.
  kill "$teller" "$manager" 2>/dev/null
  rm "$keys"
  kill "$server"
  return "$status"
}
