# shellcheck shell=sh
# session.sh
# Actions on sessions in a container, run as its user: one verb a call, see protocol.ts. A session has a directory,
# which systemd makes and removes:
#   app, stop, record, channels   scripts that run and stop its app, its words as JSON, open channels: serve_session.sh
#   awaited, run                  "awaited" until its agent is there; the run that started it: serve_session.sh
#   bus, pulse, microphone/       sockets of its D-Bus and PulseAudio, the FIFO to the latter: serve_session.sh
#   environment, pid              those of its app, once that runs: run_app.sh
#   ready                         a FIFO that tells when waypipe is ready; on Wayland only: start_waypipe.sh
#   xauthority, xpra/             its X server's cookies, xpra's own files; on X only: serve_x11.sh
#   close_windows.py              a script that closes windows; on X only: serve_x11.sh
#   agent.py, start_agent         the agent, and how the bus starts it: offer_portals.sh
#   bin/, data/, portals/, await_tray   how apps reach the agent: offer_portals.sh
#   attached, asleep, scheme      the session.sh that runs the agent, or waits to; the host's color scheme: agent.py
#
# Values in front, and more of each verb:
#   verb  one of the functions below from "list" on; it gets the parameters
#   useless, replaced, asleep, taken, not_live, no_directory, called_off, only_wayland  exit statuses
: "${verb:?}" "${useless:?}" "${replaced:?}" "${asleep:?}" "${taken:?}" "${not_live:?}"
: "${no_directory:?}" "${called_off:?}" "${only_wayland:?}"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
# Debian's sshd omits these, which a login has.
export PATH="$PATH:/usr/local/games:/usr/games:$HOME/.local/bin"
# With this variable, libpulse asks an X display for its sound server, which would start an X server on Wayland.
unset SSH_CONNECTION
# The path of a session's directory without the session's name; its unit is named likewise.
directories=$XDG_RUNTIME_DIR/gui-container-

units() {
  systemctl --user list-units --type=service --plain --no-legend "$@" 'gui-container-*'
}

# Finds the live session named $session, and sets $directory to its directory.
find_session() {
  directory=$directories${session:?}
  # A session that is just starting has no environment yet.
  tries=0
  until [ -e "$directory/environment" ]; do
    [ -e "$directory/record" ] && [ "$tries" -lt 200 ] || exit "$not_live"
    tries=$((tries + 1))
    sleep 0.1
  done
}

# Runs systemd-run with the parameters after the unit's name, in a scope that ends with that unit.
in_scope_of() {
  unit=$1
  shift
  exec systemd-run --user --scope --quiet --collect --property=BindsTo="$unit" --property=After="$unit" "$@"
}

# Counts the clients of the xpra server with this process id. A socket is listed in the network namespace of the end
# that connected. Clients are on the host, so the server's sockets that are not listed here are theirs. For clients on
# another machine, this container's sshd connects: those are listed as connected (03) to the session's own socket.
count_clients() {
  readlink "/proc/$1/fd/"* | awk -v socket="/.xpra/$2" '
    FILENAME ~ /unix/ { listed[$7] = $6 == "03" && substr($8, length($8) - length(socket) + 1) == socket; next }
    FILENAME != "-" { listed[$10] = 0; next }
    sub(/^socket:\[/, "") && sub(/\]$/, "") && (!($0 in listed) || listed[$0]) { clients++ }
    END { print clients + 0 }' /proc/net/unix /proc/net/netlink -
}

# Whether a run serves the session with this directory, or will soon.
is_served() {
  # The session's bus waits this long for the agent of the run that started it: see offer_portals.sh.
  [ -z "$(find "$1/awaited" -newermt '20 seconds ago' 2>/dev/null)" ] || return 0
  read -r pid 2>/dev/null <"$1/attached" && grep -qsax verb=agent "/proc/$pid/cmdline"
}

# Prints a line for each live session, separated by tabs: name, "x11" or "wayland", process id of the app, number of
# clients, start in seconds since the epoch, open channels, "served" if a run serves them or will soon, and the app as
# JSON. A session on Wayland always has a client for its windows, but counts as one without while no run serves its
# channels.
list() {
  units --state=activating,active | while read -r unit _; do
    session=${unit#gui-container-}
    session=${session%.service}
    path=$directories$session
    [ -e "$path/record" ] || continue
    served=
    ! is_served "$path" || served=served
    if [ -e "$path/ready" ]; then
      display=wayland clients=1
      [ ! -e "$path/attached" ] || [ "$served" ] || clients=0
    else
      display=x11
      clients=$(count_clients "$(systemctl --user show --property=MainPID --value "$unit")" "$session")
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$session" "$display" "$(cat "$path/pid" 2>/dev/null)" "$clients" \
      "$(stat -c %Y "$path/record")" "$(cat "$path/channels" 2>/dev/null)" "$served" "$(cat "$path/record")"
  done
}

# Records that the user ends the sessions of these names, so that no exit status of their apps counts as a failure.
#   sockets  the directory of the sessions' logs
note_end() {
  for session; do
    : >"$directories$session/stopped"
    echo "The session is stopped" >>"${sockets:?}/$session.log"
  done
}

# Stops the sessions of these names, with their sockets. One may have ended just before.
stop() {
  for session; do
    systemctl --user stop "gui-container-$session.service" || ! systemctl --user --quiet is-active "gui-container-$session.service"
  done
}

# Stops the session that a run started.
#   run  the id of that run
undo() {
  units | grep " run ${run:?}\$" | while read -r unit _; do systemctl --user stop "$unit"; done
}

# Returns when a session has ended.
#   session  its name
await() {
  pid=$(systemctl --user show --property=MainPID --value "gui-container-${session:?}.service")
  [ "${pid:-0}" = 0 ] || tail --pid="$pid" --sleep-interval=0.1 -f /dev/null
}

# Records which channels of a session are open from now on.
#   session   its name
#   channels  the open channels
note() {
  find_session
  printf '%s\n' "${channels?}" >"$directory/channels"
}

# Runs an app in a session, with the environment of the session's first app; the parameters are the app's words. A lock
# keeps the session until the app has ended. Prints the session's name just before the app starts; the app's output goes
# to the session's log.
#   session         its name
#   sockets         the directory of the sessions' logs
#   run_app         the script that runs it
join() {
  find_session
  # The environment may set any variable, but cannot change the positional parameters.
  set -- "$session" "$directory/environment" "${sockets:?}/$session.log" "${run_app:?}" "$@"
  # shellcheck source=/dev/null
  . "$2"
  command -v "$5" >/dev/null || exit 127
  printf '%s\n' "$1"
  exec >>"$3" 2>&1
  session=$1 lock=$2 run_app=$4 first_byte=$(($(stat -c %s "$3") + 1))
  shift 4
  in_scope_of "gui-container-$session.service" -- flock --shared "$lock" /bin/sh -c "$run_app" sh "$first_byte" "$@"
}

# Prints the text on a session's clipboard, or puts its stdin there. In the latter case, an xclip in a scope offers the
# text until the session or the time ends. In the former, xclip waits for the app that has copied, which may not answer.
#   session    its name
#   direction  out or in
#   max        the most bytes to print
#   seconds    how long the text can be read after `in`
carry() {
  find_session
  set -- "${direction:?}" "${max:?}" "gui-container-$session.service" "${seconds:?}"
  # shellcheck source=/dev/null
  . "$directory/environment"
  command -v xclip >/dev/null || exit 127
  if [ "$1" = out ]; then
    timeout 5 xclip -selection clipboard -out -target UTF8_STRING 2>/dev/null | head -c "$2"
  else
    in_scope_of "$3" --property=RuntimeMaxSec="$4" -- xclip -selection clipboard -in >/dev/null 2>&1
  fi
}

# Starts the session's unit. The parameters are further options and words of systemd-run.
start_unit() {
  systemd-run --user --quiet --collect --unit="gui-container-$session" --description="$session, run $run" \
    --setenv=GUI_CONTAINER_SERVER="$script" \
    --property=Type=exec --property=RuntimeDirectory="gui-container-$session" \
    --property=TimeoutStopSec=8 --property=ExecStop=":/bin/sh -c '. \"\$RUNTIME_DIRECTORY/stop\"'" \
    --property=ExecStopPost=":/bin/sh -c 'cd $sockets && rm -f $session~*${transport:+ $session $transport* \$XDG_RUNTIME_DIR/gui-$session \$(readlink \$RUNTIME_DIRECTORY/x_socket)}'" \
    --property=StandardOutput="append:$sockets/$session.log" --property=StandardError=inherit "$@" 2>&1
}

# Exits with 1, and reports a full file system, if there is one.
tell_full() {
  df -P "$XDG_RUNTIME_DIR" . | awk '$4 == 0 { print "No space left in " $6 }' >&2
  exit 1
}

# Starts the systemd units of a session, and prints its name, unless a session of this name runs. The parameters end the
# command line of systemd-run: environment and command of the session's service. Reads the service's script from stdin;
# its last line is "# go" if the host's end is ready.
#   sockets         the directory of the sessions' sockets and logs
#   session         its name
#   program         the app's program
#   run             the id of this run
#   fifos           the names of its FIFOs, without the session's name and ~ in front
#   server          the program that forwards the session: xpra or waypipe
#   transport       with waypipe: the name of the socket at which the host's end listens
#   shown           not empty if this run shows the session; otherwise, this checks whether the app needs Wayland
start() {
  : "${sockets:?}" "${session:?}" "${program:?}" "${run:?}" "${fifos?}" "${server:?}"
  : "${transport?}" "${shown?}"
  # An earlier try has started it, but its answer did not arrive.
  ! units | grep -q " run $run\$" || { printf '%s\n' "$session"; exit 0; }
  # Nobody else removes these if no session starts.
  script=$XDG_RUNTIME_DIR/gui-start-$run
  trap 'rm -f "$script" ${transport:+"$sockets/$transport"}' EXIT
  for needed in "$program" "$server"; do
    command -v "$needed" >/dev/null || { printf '%s: not found\n' "$needed" >&2; exit 127; }
  done
  [ "$shown" ] || case $(timeout 5 ldd "$(command -v "$program")" 2>/dev/null) in
    # These may run on X, including compositors, which may load X libraries later.
    *libX11.so* | *libxcb.so* | *libQt[5-9]* | *libwayland-server.so*) ;;
    *libwayland-client.so*) exit "$only_wayland" ;;
  esac

  # Removes leftovers: from a killed container, sockets without a listener, and their FIFOs; from a killed run, the file
  # for pixels, or the socket and FIFO of the host's end of waypipe. The socket of a session with waypipe has its
  # listener on the host, which is not listed here: but its unit has a directory before it gets the socket. In any other
  # directory, this would remove the user's files.
  cd "$sockets" || exit "$no_directory"
  for socket in *; do
    [ ! -S "$socket" ] || [ -e "$directories$socket" ] ||
      grep -q " $sockets/$socket\$" /proc/net/unix || rm -f "$socket"
  done
  for fifo in *~?*; do
    [ -e "${fifo%~*}" ] || rm -f "$fifo"
  done
  find . -maxdepth 1 \( -name '.pixels-*' -o -name '.wayland-*' \) -mmin +10 -delete
  find "$XDG_RUNTIME_DIR" -maxdepth 1 -type f -name 'gui-start-*' -mmin +10 -delete 2>/dev/null

  (umask 077 && cat >"$script") || tell_full
  [ "$(tail -n 1 "$script")" = '# go' ] || exit "$called_off"

  # For xpra, BindsTo= in the socket unit starts the service along with the socket, without waiting for it, and stops
  # the socket with the service. waypipe connects to the socket of the host's end, which is renamed to the session's
  # name.
  names=
  for fifo in $fifos; do names="$names $session~$fifo"; done
  make_fifos=${names:+; rm -f$names; mkfifo -m 660$names}
  count=1
  while
    ! message=$(
      if [ "$transport" ]; then
        start_unit --property=ExecStartPre=":/bin/sh -c 'cd $sockets && mv $transport $session$make_fifos'" "$@"
      else
        start_unit --socket-property=ListenStream="$sockets/$session" --socket-property=SocketMode=0660 \
          --socket-property=ExecStartPost="/bin/sh -c 'cd $sockets$make_fifos'" \
          --socket-property=RemoveOnStop=yes --socket-property=BindsTo="gui-container-$session.service" "$@"
      fi
    )
  do
    case $message in
      *' already '*) ;;
      *)
        printf '%s\n' "$message" >&2
        tell_full
        ;;
    esac
    count=$((count + 1))
    # Another session of this name is just starting or ending; one whose app has ended stays active for a moment.
    if [ "$count" -gt 100 ] || {
      [ "$count" -gt 30 ] &&
        systemctl --user --quiet is-active "gui-container-$session.socket" "gui-container-$session.service"
    }; then
      exit "$taken"
    fi
    sleep 0.1
  done
  trap - EXIT
  # The host's player exits at once if nobody has opened the FIFO for writing. So the name is printed only after the
  # service has opened it.
  for fifo in $names; do timeout 5 head -c 0 "$fifo" || :; done
  # Other runs find the session by what the service has recorded by then.
  tries=0
  until [ -e "$directories$session/run" ] || [ "$tries" -ge 250 ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
  printf '%s\n' "$session"
}

# Reads the agent's program from stdin, and runs it; then stdin and stdout are connected to the host's end. An idle
# agent exits, which frees 25 MB of memory. This then waits until the session's bus calls (see offer_portals.sh), or the
# host's end sends a line.
#   session   the session's name
#   run       the id of this run if it is about to start the session; otherwise empty
#   channels  the channels that it serves, separated by spaces
#   waits     not empty: wait until the later run that serves the session has ended
#   bytes     the size of the agent's program
agent() {
  : "${session:?}" "${run?}" "${channels:?}" "${waits?}" "${bytes:?}"
  source=$(head -c "$bytes")
  [ -d /usr/lib/python3/dist-packages/gi ] || { echo '{"ask": "lacks", "what": "python3-gi"}'; exit "$useless"; }
  directory=$directories$session
  until read -r id 2>/dev/null <"$directory/run" && [ "$id" = "${run:-$id}" ]; do
    # The host's end sends nothing before the agent is ready: readable input before that is its end.
    ! timeout 0.02 head -c 1 >/dev/null || exit 1
  done
  while [ "$waits" ] && is_served "$directory"; do ! timeout 2 head -c 1 >/dev/null || exit 1; done
  printf '%s\n' "$source" >"$directory/agent.$$"
  mv "$directory/agent.$$" "$directory/agent.py"
  called='' line=''
  trap 'called=yes' USR1
  while
    # shellcheck disable=SC2086 # These are words.
    /usr/bin/python3 "$directory/agent.py" "$useless" "$asleep" "$replaced" "$line" $channels 2>/dev/null
    status=$?
    [ "$status" = "$asleep" ]
  do
    line=''
    [ "$called" ] || read -r line || [ "$called" ] || exit 0
    called=''
    # A later run's agent has replaced this process id.
    grep -qsx $$ "$directory/attached" || exit "$replaced"
  done
  exit "$status"
}

"$verb" "$@"
