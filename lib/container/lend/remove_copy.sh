# shellcheck shell=sh
# remove_copy.sh
# Removes a lent file, unless it has changed, and its directory, unless that contains more. Arguments: the file, and its
# description by read_copy.sh, or nothing to remove it even if it has changed. Exit status: 5 it has changed, 6 it
# cannot be removed. Runs as the container's user.

if [ -n "$2" ] && [ -e "$1" ] && [ "$(stat -c '%s %d %i %y %z' -- "$1")" != "$2" ]; then exit 5; fi
rm -f -- "$1" || exit 6
case $1 in */maps/*/*) rmdir -- "${1%/*}" 2>/dev/null ;; esac
exit 0
