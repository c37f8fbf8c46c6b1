# shellcheck shell=sh
# finish_unmap.sh
# Removes the mount points that an engine may leave, given as arguments, and their directories. Then prints which
# processes of the container still use an unmapped file: for each open file "DEVICE:INODE PROGRAM", for each
# memory-mapped file (mmap) "map MAJOR:MINOR INODE PROGRAM". $open and $mapped are regular expressions for the former
# and the latter of the unmapped files. Runs as root in the container.

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
