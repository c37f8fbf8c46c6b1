# shellcheck shell=sh
# run_on_x.sh
# On Wayland, apps that support only X run on Xwayland, an X server in one window.
#
# Value in front:
#   openbox_config  openbox.xml
: "${openbox_config:?}"

# Whether that is installed; otherwise prints what to install. outcome.ts looks for the line.
has_x_server() {
  { command -v Xwayland && command -v openbox; } >/dev/null && return
  echo "There is no Xwayland or openbox in this container: apt-get install xwayland libdecor-0-plugin-1-cairo openbox"
  return 1
}

# Runs the parameters on such a server, ends it after them, and returns their exit status.
run_on_x() {
  # Before Xwayland 23.1, its window has the size of the screen, and no frame on GNOME.
  size=
  case $(Xwayland -help 2>&1) in *-decorate*) size='-decorate -geometry 960x640' ;; esac
  ready=$(mktemp -u "$RUNTIME_DIRECTORY/x.XXXXXX")
  mkfifo "$ready"
  # -shm, since waypipe sends pictures from memory: a GPU's would have to be read back. Only this user's apps may
  # connect.
  # shellcheck disable=SC2086 # These are words.
  Xwayland -displayfd 3 -noreset -shm $size 3>"$ready" &
  server=$!
  # Reads to the end, so that no other writer is left when it is opened again.
  number=$(cat "$ready")
  [ "$number" ] || {
    rm "$ready"
    return "${status:-1}"
  }
  export DISPLAY=":$number"
  # It prints messages, such as about a missing key, and would be killed if nobody read them.
  openbox --sm-disable --config-file /dev/stdin --startup "sh -c 'echo >$ready'" 3>"$ready" >/dev/null <<END &
$openbox_config
END
  manager=$!
  # openbox gives the focus to no window that was there before it.
  read -r _ <"$ready" || :
  rm "$ready"
  "$@"
  status=$?
  # If the desktop draws no frames, as on GNOME, the X server draws its own, and exits before the app when the user
  # closes it.
  [ "$status" = 0 ] || {
    sleep 0.2
    kill -0 "$server" 2>/dev/null || ! wait "$server" || status=0
  }
  kill "$manager" "$server" 2>/dev/null
  return "$status"
}
