# shellcheck shell=sh
# look_inside.sh
# Prints "no PROGRAM" for each parameter that is not a program of the container, "closed DIRECTORY" for each shared
# directory that its user cannot write to, then the version of xpra.
for program; do
  command -v "$program" >/dev/null || echo "no $program"
done
for directory in .xpra share; do
  [ -w "$directory" ] || echo "closed $directory"
done
xpra --version || true
