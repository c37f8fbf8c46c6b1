# shellcheck shell=sh
# software.sh
# Upgrades a container's packages, as root in it, or installs new ones. Prints the output of the package managers, then
# a line with the number of new packages. Exits with the status of the first package manager that fails. Values in
# front: unknown: the exit status without a known package manager; packages, files, snaps: names of packages, package
# files and names of snaps, separated by blanks. Without any of these three, all packages are upgraded.
: "${unknown:?}" "${packages=}" "${files=}" "${snaps=}"
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

if command -v apt-get >/dev/null; then
  list() { dpkg-query --show; }
  apt() {
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
      -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" 9>&-
  }
  change() {
    # shellcheck disable=SC2086 # Names and paths without special characters.
    if [ -n "$packages$files" ]; then apt install -- $packages $files; else apt --with-new-pkgs upgrade; fi
  }
  update() {
    # apt's daily job holds this lock while it runs.
    exec 9>>/var/lib/apt/daily_lock
    flock --wait 1800 9
    # A container that has just started may have no network yet.
    for pause in 3 5 10 0; do
      apt -o APT::Update::Error-Mode=any update && break
      [ "$pause" -gt 0 ] && sleep "$pause"
    done
    indexed=$?
    # Finishes an interrupted installation first: apt-get would refuse to run. Unlike apt-get, dpkg waits for no other.
    [ -z "$(ls /var/lib/dpkg/updates)" ] || dpkg --force-confdef --force-confold --configure -a
    change && return "$indexed"
  }
elif command -v dnf >/dev/null; then
  list() { rpm --query --all; }
  update() {
    # shellcheck disable=SC2086
    if [ -n "$packages$files" ]; then dnf --assumeyes install -- $packages $files; else dnf --assumeyes --refresh upgrade; fi
  }
else
  echo "There is neither apt-get nor dnf"
  exit "$unknown"
fi

list_all() {
  list
  [ -z "$snaps" ] || snap list 2>/dev/null
}

# shellcheck disable=SC2086,SC2016 # Each file is a word; dpkg-deb expands the fields.
[ -z "$files" ] || dpkg-deb --show --showformat='File: ${Package} ${Version}\n' $files
before=$(list_all)
status=0
[ -n "$snaps" ] && [ -z "$packages$files" ] || update 2>&1 </dev/null || status=$?
[ -z "$snaps" ] || [ $status -ne 0 ] || command -v snap >/dev/null || {
  echo "snap is not there: the package snapd brings it (apt:snapd)"
  status=1 snaps=
}
for snap in $snaps; do
  [ $status -eq 0 ] && { snap install "$snap" 2>&1 </dev/null || status=$?; }
done
# shellcheck disable=SC2086
rm -f $files
{
  printf '%s\n\n' "$before"
  list_all
} | awk '
  !NF { after = 1; next }
  !after { known[$0] }
  after && !($0 in known) { count++ }
  END { printf "\n%d\n", count }'
exit "$status"
