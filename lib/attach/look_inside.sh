# shellcheck shell=sh
# look_inside.sh
# Prints "no PROGRAM" for each parameter that is no program of the container, then the version of xpra.
for program; do
  command -v "$program" >/dev/null || echo "no $program"
done
xpra --version
