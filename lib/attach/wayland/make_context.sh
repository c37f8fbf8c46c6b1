# shellcheck shell=sh
# make_context.sh
# After in_box.sh: makes a security context (protocol security-context-v1) in a box of its own: a socket of the compositor's that hides
# screen capture, typing and the like. waypipe makes one, and keeps it for as long as it runs. Of the container, only the end of a FIFO
# reaches this box: nothing that comes through it is looked at.
#
# Values in front:
#   app_id  what the compositor calls the clients of this socket
#   own     where the socket "display" is to be
: "${app_id:?}" "${own:?}"
# waypipe makes the context before it listens, and its name has waypipe's process id in it. Nothing tells when it listens. It then
# connects to the context, and ends if that is gone: it stays where it is.
# waypipe 0.9.2 takes a word of its own such as "bench" for its mode, also where it is the value of an option.
waypipe --no-gpu --compress none --secctx="$app_id" --socket "$own/unused" client &
waypipe=$!
await_socket "$waypipe" "$own/unused" || exit 1
ln "$own/waypipe-secctx-$waypipe" "$own/display"
await_end
