# shellcheck shell=sh
# show_session.sh
# Shows a session by waypipe's client, in a box. What the container sends is read here, and here only.
# Prints "ready" when it listens, reads a line, and on "keep" stays until the session ends. Without that line it ends.
#
# Values in front:
#   shared     the directory of the sessions' sockets
#   transport  the name there of this session's socket; "~end" behind it is a FIFO that the session holds open while it lives
#   title      what the titles of windows begin with
#   bytes      how much address space each connection may take
#   processes  how many processes there may be: one for each connection, and a few
#   compress   how what the container sends is compressed
: "${shared:?}" "${transport:?}" "${title:?}" "${bytes:?}" "${processes:?}" "${compress:?}"
# As an absolute path: waypipe 0.11.2 takes a name alone for one in a directory without a name.
socket=$shared/$transport
fifo=$socket~end
trap 'rm -f "$socket" "$fifo"' EXIT
[ -p "$fifo" ] || mkfifo -m 660 "$fifo"
head -c 1 "$fifo" >/dev/null &
over=$!
# If the container's pictures fill the host's memory, this is what the kernel kills first.
echo 1000 >/proc/self/oom_score_adj
show() {
  exec prlimit --as="$bytes" --nproc="$processes" \
    waypipe --no-gpu --compress "$compress" --title-prefix "$title" --socket "$socket" client
}
# It writes for as long as it runs, and nobody may read that any more. Start errors are ignored; the retry reports them.
show 2>/dev/null &
waypipe=$!
tries=0
until [ -S "$socket" ]; do
  kill -0 "$waypipe" 2>/dev/null || { rm -f "$fifo"; show; }
  tries=$((tries + 1))
  [ "$tries" -lt 400 ] || exit 1
  sleep 0.005
done
# waypipe's own mode masks the ACL of the directory, which gives the socket to the container user.
chmod 660 "$socket"
echo ready
read -r word && [ "$word" = keep ] && wait "$over"
