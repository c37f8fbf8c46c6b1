# shellcheck shell=sh
# play_fifo.sh
# Plays the samples from the FIFO or pipe $1 with the program that the other parameters name. The program runs only while samples
# come: a sound server keeps its card awake also for a silent stream. Ends when nobody has the FIFO open for writing.
#
# Values in front:
#   rest_seconds  the program ends after so many seconds without a byte, or up to twice as many
: "${rest_seconds:?}"
# For a moment it is also opened for writing: if the session has ended, open(2) would wait for a writer forever.
# shellcheck disable=SC2094 # Both are for the FIFO.
exec 3<>"$1" 4<"$1" 3>&-
shift
command -v "$1" >/dev/null || exit 127
# The shell would report there how each player ends.
exec 2>/dev/null
# All programs that are started here end with this shell.
with='setpriv --pdeathsig TERM'
# Reads a whole frame, which is lost: otherwise all later ones would begin in the middle.
while $with head -c 4 <&4 | grep -qa ''; do
  $with "$@" <&4 &
  player=$!
  # shellcheck disable=SC2016 # The inner shell expands these.
  $with /bin/sh -c 'before=
    while sleep "$2" && read -r _ bytes <"/proc/$1/io"; do
      [ "$bytes" != "$before" ] || kill "$1"
      before=$bytes
    done' sh "$player" "$rest_seconds" &
  # A player that fails, as without a sound server, would be started again and again, and play old samples. 143: it was ended
  # because nothing came.
  wait "$player" || [ $? -eq 143 ] || $with timeout "$rest_seconds" cat <&4 >/dev/null
done
exit 0
