# shellcheck shell=sh
# make_context.sh
# After in_box.sh: makes a security context (protocol security-context-v1) in a separate box: a socket of the compositor
# without screen capture, virtual input and the like. waypipe keeps it as long as it runs. Only a FIFO's end connects
# this box to the container: no data from it is interpreted.
#
# Values in front:
#   app_id  the compositor's name for the clients of this socket
#   own     the directory for the socket "display"
: "${app_id:?}" "${own:?}"
# waypipe makes the context, whose name contains waypipe's process id, before it listens. It then connects to the
# context, and exits if that is gone: so the context is linked, not moved. waypipe 0.9.2 takes words such as "bench" for
# its mode even as the value of an option: so the value is in the same word.
waypipe --no-gpu --compress none --secctx="$app_id" --socket "$own/unused" client &
waypipe=$!
await_socket "$waypipe" "$own/unused" || exit 1
ln "$own/waypipe-secctx-$waypipe" "$own/display"
await_end
