# shellcheck shell=sh
# make_context.sh
# Makes a security context (protocol security-context-v1) in a box of its own: a socket of the compositor's that hides screen
# capture, typing and the like. waypipe makes one, and keeps it for as long as it runs. Of the container, only the end of a FIFO
# reaches this box: nothing that comes through it is looked at.
# Prints "ready", and ends with the session; also with its input, unless that ends with the line "keep".
#
# Values in front:
#   shared     the directory of the sessions' sockets
#   transport  the name there of this session's socket; "~end" after it is a FIFO that the session holds open while it lives
#   app_id     what the compositor calls the clients of this socket
#   own        where the socket "display" is to be
: "${shared:?}" "${transport:?}" "${app_id:?}" "${own:?}"
fifo=$shared/$transport~end
trap 'rm -f "$fifo"' EXIT
mkfifo -m 660 "$fifo"
trap 'exit 0' TERM
{ exec 3<"$fifo" && : >/tmp/opened && head -c 1 <&3 >/dev/null; kill $$; } &
over=$!
# waypipe makes the context before it listens, and its name has waypipe's process id in it. Nothing tells when it listens. It then
# connects to the context, and ends if that is gone: it stays where it is.
# waypipe 0.9.2 takes a word of its own such as "bench" for its mode, also where it is the value of an option.
waypipe --no-gpu --compress none --secctx="$app_id" --socket "$own/unused" client &
waypipe=$!
tries=0
until [ -S "$own/unused" ]; do
  kill -0 "$waypipe" 2>/dev/null || exit 1
  tries=$((tries + 1))
  [ "$tries" -lt 12000 ] || exit 1
  sleep 0.005
done
ln "$own/waypipe-secctx-$waypipe" "$own/display"
echo ready
read -r word && [ "$word" = keep ] || exit 0
# A session that has not opened it by then never will.
{ sleep 10; [ -e /tmp/opened ] || kill "$over"; } &
wait "$over"
