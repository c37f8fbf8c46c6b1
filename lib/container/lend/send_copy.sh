# shellcheck shell=sh
# send_copy.sh
# Puts its input into a new file, the first argument, with the mode of the second one, and prints the file's size. What is
# there already is not overwritten; the same content is there if this runs again. Runs as the container's user, and follows
# links with that user's rights only.

umask 077
mkdir -p -- "${1%/*}" || exit
set -C
{ cat >"$1" || cmp -s -- - "$1"; } && chmod "$2" "$1" && stat -c %s -- "$1"
