# shellcheck shell=sh
# in_box.sh
# Before make_context.sh and show_session.sh: the common part of the boxes for waypipe. A box ends with the session, and
# with its stdin, unless that has the line "keep".
#
# Values in front:
#   shared     the directory of the sessions' sockets
#   transport  the name of this session's socket there; with "~end", a FIFO that the session holds open while it lives
: "${shared:?}" "${transport:?}"
fifo=$shared/$transport~end
trap 'rm -f "$fifo"' EXIT
[ -p "$fifo" ] || mkfifo -m 660 "$fifo"
# Until the box is ready, the container cannot end it: it would seem that waypipe fails on this host.
trap : TERM
{ exec 3<"$fifo" && : >/tmp/opened && head -c 1 <&3 >/dev/null; kill $$; } &
over=$!

# Waits until a process has made a socket. Returns 1 if the process ends before.
await_socket() {
  tries=0
  until [ -S "$2" ]; do
    kill -0 "$1" 2>/dev/null || return 1
    tries=$((tries + 1))
    [ "$tries" -lt 12000 ] || exit 1
    sleep 0.005
  done
}

# Prints "ready", and returns when the session has ended.
await_end() {
  trap 'exit 0' TERM
  echo ready
  read -r word && [ "$word" = keep ] || exit 0
  # A session that has not opened the FIFO by then never will.
  { sleep 10; [ -e /tmp/opened ] || kill "$over"; } &
  wait "$over"
}
