# shellcheck shell=sh
# finish_unmap.sh
# Removes the mount points that an engine may leave, which are the arguments, and their directories. Then prints which processes
# of the container use an unmapped file: for each open file its "DEVICE:INODE", a space, and the program's name; for each file in a
# process's memory (mmap) "map MAJOR:MINOR INODE", a space, and the program's name. $open and $mapped match the former and
# the latter of the unmapped files. Runs as root in the container.

: "${open:?}" "${mapped:?}"
for file; do
  if [ -f "$file" ] && ! [ -s "$file" ]; then rm -f -- "$file" 2>/dev/null; fi
  case $file in */maps/*/*) rmdir -- "${file%/*}" 2>/dev/null ;; esac
done
stat -L -c '%d:%i %n' /proc/[0-9]*/fd/* 2>/dev/null | grep -E "^($open) " | while IFS=/ read -r inode _ pid _; do
  read -r program <"/proc/$pid/comm" && printf '%s%s\n' "$inode" "$program"
done
grep -HE " ($mapped)( |\$)" /proc/[0-9]*/maps 2>/dev/null |
  sed -nE "s#^/proc/([0-9]+)/maps:[^ ]+ [^ ]+ [^ ]+ ($mapped)( .*)?\$#\\1 \\2#p" | sort -u |
  while read -r pid inode; do
    read -r program <"/proc/$pid/comm" && printf 'map %s %s\n' "$inode" "$program"
  done
true
