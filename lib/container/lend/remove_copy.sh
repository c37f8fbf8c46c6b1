# shellcheck shell=sh
# remove_copy.sh
# Removes a lent file, unless it has changed, and its directory, unless there is more in it. The arguments: the file, and what it
# was as read_copy.sh prints it, or nothing for whatever is there. The exit status 5 says that it has changed, and 6 that it cannot
# be removed. Runs as the container's user.

if [ -n "$2" ] && [ -e "$1" ] && [ "$(stat -c '%s %d %i %y %z' -- "$1")" != "$2" ]; then exit 5; fi
rm -f -- "$1" || exit 6
case $1 in */maps/*/*) rmdir -- "${1%/*}" 2>/dev/null ;; esac
exit 0
