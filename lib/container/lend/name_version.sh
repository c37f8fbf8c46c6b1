# shellcheck shell=sh
# name_version.sh
# Gives a file a second name, an unused one with a number, and prints the number. Arguments: the file, the new name up
# to its number, and the rest of it. Running it again gives the same name. Overwrites nothing, and follows no link. Runs
# as the container's user.

number=2
while [ "$number" -lt 100 ]; do
  # shellcheck disable=SC3013 # dash has it, and so have other shells that are /bin/sh.
  if ln -T -- "$1" "$2 ($number)$3" 2>/dev/null || [ "$1" -ef "$2 ($number)$3" ]; then
    echo "$number"
    exit
  fi
  number=$((number + 1))
done
exit 1
