# shellcheck shell=sh
# Removes the mount points that an engine may leave, which are the arguments. Then prints which processes of the
# container have an unmapped file open: for each open file its "DEVICE:INODE", a space, and the program's name. $pattern
# matches the "DEVICE:INODE" of the unmapped files, with the space. Runs as root in the container.

: "${pattern:?}"
for file; do
  if [ -f "$file" ] && ! [ -s "$file" ]; then rm -f -- "$file" 2>/dev/null; fi
done
stat -L -c '%d:%i %n' /proc/[0-9]*/fd/* 2>/dev/null | grep -E "$pattern" | while IFS=/ read -r inode _ pid _; do
  read -r program <"/proc/$pid/comm" && printf '%s%s\n' "$inode" "$program"
done
true
