# shellcheck shell=sh
# show_session.sh
# Shows a session by waypipe's client, in a box. What the container sends is read here, and here only.
# Only the guard connects to it. Prints "ready" when it listens, and ends with the session; also with its input, unless that
# ends with the line "keep".
#
# Values in front:
#   shared     the directory of the sessions' sockets
#   transport  the name there of the guard's socket; "~end" after it is a FIFO that the session holds open while it lives
#   own        where the socket "waypipe" is to be, and the FIFO "alive", which is open for writing while this runs
#   bytes      how much address space each connection may take
#   processes  how many processes there may be: one for each connection, and a few
#   compress   how what the container sends is compressed
: "${shared:?}" "${transport:?}" "${own:?}" "${bytes:?}" "${processes:?}" "${compress:?}"
# As an absolute path: waypipe 0.11.2 takes a name alone for one in a directory without a name.
socket=$own/waypipe
fifo=$shared/$transport~end
trap 'rm -f "$fifo"' EXIT
mkfifo "$own/alive"
exec 8<>"$own/alive"
[ -p "$fifo" ] || mkfifo -m 660 "$fifo"
trap 'exit 0' TERM
{ exec 3<"$fifo" && : >/tmp/opened && head -c 1 <&3 >/dev/null; kill $$; } &
over=$!
# If the container's pictures fill the host's memory, this is what the kernel kills first.
echo 1000 >/proc/self/oom_score_adj
show() {
  exec prlimit --as="$bytes" --nproc="$processes" \
    waypipe --no-gpu --compress "$compress" --socket "$socket" client
}
# It writes for as long as it runs, and nobody may read that any more. Start errors are ignored; the retry reports them.
show 2>/dev/null &
waypipe=$!
tries=0
until [ -S "$socket" ]; do
  kill -0 "$waypipe" 2>/dev/null || { rm -f "$fifo"; show; }
  tries=$((tries + 1))
  [ "$tries" -lt 12000 ] || exit 1
  sleep 0.005
done
echo ready
read -r word && [ "$word" = keep ] || exit 0
# A session that has not opened it by then never will.
{ sleep 10; [ -e /tmp/opened ] || kill "$over"; } &
wait "$over"
