# shellcheck shell=sh
# read_copy.sh
# Prints what a file is, in one line, and then what is in it. The arguments: the file, and the size and the SHA-256 that it had.
# Prints only the line when it still has them. The exit status says why nothing is printed: 3 there is no file, 4 there is
# something else in its place. Ends with its input: an engine may lose what has not arrived by the end. Runs as the container's
# user.

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
# What has shrunk meanwhile has not sent all that the line says, which is waited for on the other side.
[ "$(stat -c '%s %d %i %y %z' -- "$file" 2>/dev/null)" = "$found" ] || exit 0
read -r _
exit 0
