# shellcheck shell=sh
# start_session.sh
# Starts the systemd units of a session, as the container user, and prints the session's name. The parameters end the
# command line of systemd-run: environment and command of the session's service.
#
# Values in front:
#   xpra_directory  where sockets and logs of sessions are
#   name            the session's name
#   mode            when that name is taken: "exact" fails, "count" tries name-2, name-3, ...
#   program         the app's program
#   run             the id of this run
#   sound           not empty for a session that has a FIFO for sound
#   fifo_suffix     what that FIFO has after the session's name
#   server          the program that forwards the session: xpra or waypipe
#   transport       with waypipe: the name of the socket at which the host's end listens
#   taken, no_directory, called_off  exit statuses
#
# Input, with waypipe: the word "go" when the host's end is ready
: "${xpra_directory:?}" "${name:?}" "${mode:?}" "${program:?}" "${run:?}" "${sound?}" "${fifo_suffix:?}" "${server:?}"
: "${transport?}" "${taken:?}" "${no_directory:?}" "${called_off:?}"

# Without a session, nobody else removes it.
[ -z "$transport" ] || trap 'rm -f "$xpra_directory/$transport"' EXIT
for needed in "$program" "$server"; do
  command -v "$needed" >/dev/null || { printf '%s: not found\n' "$needed" >&2; exit 127; }
done
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"

# A container that was killed leaves sockets that nobody listens on, and their FIFOs. An attachment that was killed leaves its
# file for pixels, or the host's end of waypipe its socket and FIFO. At the socket of a session with waypipe, a process of the
# host's listens, which is not listed here: its unit has a directory before it gets the socket. Anywhere else but here this would
# remove files of the user's.
cd "$xpra_directory" || exit "$no_directory"
for socket in *; do
  [ ! -S "$socket" ] || [ -e "$XDG_RUNTIME_DIR/gui-container-$socket" ] ||
    grep -q " $xpra_directory/$socket\$" /proc/net/unix || rm -f "$socket"
done
for fifo in *"$fifo_suffix"; do
  [ -e "${fifo%"$fifo_suffix"}" ] || rm -f "$fifo"
done
find . -maxdepth 1 \( -name '.pixels-*' -o -name '.wayland-*' \) -mmin +10 -delete

[ -z "$transport" ] || { read -r word && [ "$word" = go ]; } || exit "$called_off"

# ExecStop: asks the app to end, then waits for xpra, which ends with it. systemd kills what is there after TimeoutStopSec.
# shellcheck disable=SC2016 # The shell that systemd starts expands these variables.
stop='[ "$MAINPID" ] || exit 0; echo The session is stopped; kill "$(cat "$RUNTIME_DIRECTORY/pid")" || exit 0; timeout 4 tail --pid="$MAINPID" --sleep-interval=0.1 -f /dev/null'

# Starts the unit of the session. Its parameters are further options and words of systemd-run.
start() {
  systemd-run --user --quiet --collect --unit="gui-container-$session" --description="$session, run $run" \
    --property=Type=exec --property=RuntimeDirectory="gui-container-$session" \
    --property=TimeoutStopSec=8 --property=ExecStop=":/bin/sh -c '$stop'" \
    --property=ExecStopPost=":/bin/sh -c 'cd $xpra_directory && rm -f $session$fifo_suffix${transport:+ $session $transport*}'" \
    --property=StandardOutput="append:$xpra_directory/$session.log" --property=StandardError=inherit "$@" 2>&1
}

# For xpra, BindsTo of the socket starts the service together with the socket, without waiting for it, and stops the socket with
# the service. waypipe connects to the socket of the host's end, which gets the session's name.
session=$name count=1
while
  fifo=${sound:+; rm -f $session$fifo_suffix; mkfifo -m 660 $session$fifo_suffix}
  ! message=$(
    if [ "$transport" ]; then
      start --property=ExecStartPre=":/bin/sh -c 'cd $xpra_directory && mv $transport $session$fifo'" "$@"
    else
      start --socket-property=ListenStream="$xpra_directory/$session" --socket-property=SocketMode=0660 \
        --socket-property=ExecStartPost="/bin/sh -c 'cd $xpra_directory$fifo'" \
        --socket-property=RemoveOnStop=yes --socket-property=BindsTo="gui-container-$session.service" "$@"
    fi
  )
do
  case $message in
    *' already '*) ;;
    *)
      printf '%s\n' "$message" >&2
      df -P "$XDG_RUNTIME_DIR" . | awk '$4 == 0 { print "No space left in " $6 }' >&2
      exit 1
      ;;
  esac
  count=$((count + 1))
  if [ "$mode" = count ]; then
    session=$name-$count
  elif systemctl --user --quiet is-active "gui-container-$session.socket" "gui-container-$session.service" ||
    [ "$count" -gt 100 ]; then
    exit "$taken"
  else
    # Another session of this name is just starting or ending.
    sleep 0.1
  fi
done
# The host's player ends at once when nobody has opened the FIFO for writing. So the host learns the name when the service has.
[ -z "$sound" ] || timeout 5 head -c 0 "$session$fifo_suffix" || :
printf '%s\n' "$session"
