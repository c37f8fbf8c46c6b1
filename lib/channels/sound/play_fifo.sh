# shellcheck shell=sh
# play_fifo.sh
# Plays what comes through a FIFO, or the pipe that /dev/stdin is, by the program that the other parameters name. The program runs only while something comes: a sound
# server keeps its card awake for a stream that is silent, too. Ends when nobody has the FIFO open for writing.
#
# Values in front:
#   rest_seconds  after how many seconds without a byte the program ends; at most twice as many
: "${rest_seconds:?}"
# It is opened for writing too, for a moment: open(2) would wait for a writer forever where the session has ended.
# shellcheck disable=SC2094 # Both are for the FIFO.
exec 3<>"$1" 4<"$1" 3>&-
shift
command -v "$1" >/dev/null || exit 127
# Each end of a player is said there.
exec 2>/dev/null
# What is started here ends with this shell.
with='setpriv --pdeathsig TERM'
# One frame is lost, lest all later ones begin in their middle.
while $with head -c 4 <&4 | grep -qa ''; do
  $with "$@" <&4 &
  player=$!
  # shellcheck disable=SC2016 # The inner shell expands these.
  $with /bin/sh -c 'before=
    while sleep "$2" && read -r _ bytes <"/proc/$1/io"; do
      [ "$bytes" != "$before" ] || kill "$1"
      before=$bytes
    done' sh "$player" "$rest_seconds" &
  # One that fails, as without a sound server, would be started again and again, and what it did not play would be played late. 143: it
  # was ended, since nothing came.
  wait "$player" || [ $? -eq 143 ] || $with timeout "$rest_seconds" cat <&4 >/dev/null
done
exit 0
