# shellcheck shell=sh
# show_session.sh
# After in_box.sh: shows a session with waypipe's client. Only this box interprets the container's data, and only the
# guard connects to it.
#
# Values in front:
#   own        the directory for the socket "waypipe", and the FIFO "alive", which is open for writing while this runs
#   bytes      how much address space each connection may take
#   processes  the most processes: one for each connection, and a few more
#   compress   the compression of what the container sends
: "${own:?}" "${bytes:?}" "${processes:?}" "${compress:?}"
mkfifo "$own/alive"
exec 8<>"$own/alive"
# If the container's pictures fill the host's memory, the kernel kills this first.
echo 1000 >/proc/self/oom_score_adj
show() {
  # An absolute path: waypipe 0.11.2 takes a bare name for one in a directory without a name.
  exec prlimit --as="$bytes" --nproc="$processes" \
    waypipe --no-gpu --compress "$compress" --socket "$own/waypipe" client
}
# waypipe prints as long as it runs, and perhaps nobody reads that. Errors at its start are hidden; a second try shows
# them.
show 2>/dev/null &
await_socket "$!" "$own/waypipe" || { (show); exit; }
await_end
