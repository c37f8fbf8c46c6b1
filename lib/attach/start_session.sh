# shellcheck shell=sh
# Starts the systemd units of a session, as the container user, and prints the session's name. The parameters end the
# command line of systemd-run: environment and command of the session's service.
#
# Values in front:
#   xpra_directory  where sockets and logs of sessions are
#   name            the session's name
#   mode            when that name is taken: "exact" fails, "count" tries name-2, name-3, ...
#   program         the app's program
#   run, link       the id of this run, and the name of its link to the session's socket
#   pixels          what stands between the session's name and the rest in the name of a file for pixels
#   sound           what the FIFO for sound has behind the session's name; empty for a session without a FIFO
#   taken, no_directory  exit statuses
: "${xpra_directory:?}" "${name:?}" "${mode:?}" "${program:?}" "${run:?}" "${link:?}" "${pixels:?}" "${sound?}"
: "${taken:?}" "${no_directory:?}"

for needed in "$program" xpra; do
  command -v "$needed" >/dev/null || { printf '%s: not found\n' "$needed" >&2; exit 127; }
done
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"

# A container that was killed leaves sockets that nobody listens on, links to no socket, and files of sessions that have no
# socket. Anywhere else but here the loops would remove files of the user's.
cd "$xpra_directory" || exit "$no_directory"
for socket in *; do
  [ ! -S "$socket" ] || grep -q " $xpra_directory/$socket\$" /proc/net/unix || rm -f "$socket"
done
for file in *"$pixels"*; do
  [ -e "${file%%"$pixels"*}" ] || rm -f "$file"
done
for old_link in .[!.]*; do
  [ -e "$old_link" ] || rm -f "$old_link" "$old_link$pixels"*
done

# ExecStop: asks the app to end, then waits for xpra, which ends with it. systemd kills what is there after TimeoutStopSec.
# shellcheck disable=SC2016 # The shell that systemd starts expands these variables.
stop='[ "$MAINPID" ] || exit 0; echo The session is stopped; kill "$(cat "$RUNTIME_DIRECTORY/pid")" || exit 0; timeout 4 tail --pid="$MAINPID" --sleep-interval=0.1 -f /dev/null'

# BindsTo of the socket starts the service together with the socket, without waiting for it, and stops the socket with the
# service.
session=$name count=1
while
  fifo=$xpra_directory/$session$sound
  ! message=$(systemd-run --user --quiet --collect --unit="gui-container-$session" \
    --description="$session, run $run" \
    --property=Type=exec --property=RuntimeDirectory="gui-container-$session" \
    --property=TimeoutStopSec=8 --property=ExecStop=":/bin/sh -c '$stop'" \
    --property=ExecStopPost=":/bin/sh -c 'cd $xpra_directory && rm -f $session$pixels* $link*'" \
    --property=StandardOutput="append:$xpra_directory/$session.log" --property=StandardError=inherit \
    --socket-property=ListenStream="$xpra_directory/$session" --socket-property=SocketMode=0660 \
    --socket-property=ExecStartPost="/bin/sh -c 'ln -s $session $xpra_directory/$link || :${sound:+; rm -f $fifo; mkfifo -m 660 $fifo}'" \
    --socket-property=RemoveOnStop=yes --socket-property=BindsTo="gui-container-$session.service" \
    "$@" 2>&1)
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
  elif systemctl --user --quiet is-active "gui-container-$session.socket" || [ "$count" -gt 100 ]; then
    exit "$taken"
  else
    # Another session of this name is just starting or ending.
    sleep 0.1
  fi
done
printf '%s\n' "$session"
