# shellcheck shell=sh
# read_copy.sh
# Prints one line that describes a file (size, device, inode, times), then its content. Arguments: the file, and its
# former size and SHA-256; if it still has these, prints only the line. Exit status: 3 there is no file, 4 there is
# something else in its place. Waits for the end of its input before it exits: an engine may lose output that has not
# arrived by then. Runs as the container's user.

file=$1
if ! [ -e "$file" ] && ! [ -L "$file" ]; then exit 3; fi
if ! [ -f "$file" ] || [ -L "$file" ]; then exit 4; fi
found=$(stat -c '%s %d %i %y %z' -- "$file") || exit
if [ "${found%% *}" = "$2" ]; then
  sum=$(sha256sum <"$file") && if [ "${sum%% *}" = "$3" ]; then
    printf 'same %s\n' "$found"
    read -r _
    exit 0
  fi
fi
printf 'data %s\n' "$found"
cat <"$file" || exit
# Exits if the file has changed meanwhile: if it has shrunk, the other side would wait for more than was sent.
[ "$(stat -c '%s %d %i %y %z' -- "$file" 2>/dev/null)" = "$found" ] || exit 0
read -r _
exit 0
