# shellcheck shell=sh
# show_session.sh
# After in_box.sh: shows a session by waypipe's client. What the container sends is read here, and here only. Only the guard connects
# to it.
#
# Values in front:
#   own        where the socket "waypipe" is to be, and the FIFO "alive", which is open for writing while this runs
#   bytes      how much address space each connection may take
#   processes  how many processes there may be: one for each connection, and a few
#   compress   how what the container sends is compressed
: "${own:?}" "${bytes:?}" "${processes:?}" "${compress:?}"
mkfifo "$own/alive"
exec 8<>"$own/alive"
# If the container's pictures fill the host's memory, this is what the kernel kills first.
echo 1000 >/proc/self/oom_score_adj
show() {
  # As an absolute path: waypipe 0.11.2 takes a name alone for one in a directory without a name.
  exec prlimit --as="$bytes" --nproc="$processes" \
    waypipe --no-gpu --compress "$compress" --socket "$own/waypipe" client
}
# It writes for as long as it runs, and nobody may read that any more. Start errors are ignored; the retry reports them.
show 2>/dev/null &
await_socket "$!" "$own/waypipe" || { (show); exit; }
await_end
