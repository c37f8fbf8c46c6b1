# shellcheck shell=sh
# software.sh
# Installs the newest versions of a container's packages, as root in it, or packages that it does not have. Prints what the package
# managers print, then, on a line of its own, how many packages are new. Its exit status is that of the first that fails.
# Values in front: the exit status where no package manager is known; names of packages, files of packages and names of snaps, each
# with a blank between two. Without any of these, all packages get their newest versions.
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
    # The daily job holds this lock while it works.
    exec 9>>/var/lib/apt/daily_lock
    flock --wait 1800 9
    # A container that has just started may have no network yet.
    for pause in 3 5 10 0; do
      apt -o APT::Update::Error-Mode=any update && break
      [ "$pause" -gt 0 ] && sleep "$pause"
    done
    indexed=$?
    # What was interrupted is finished first: apt-get refuses to go on otherwise. It waits for another dpkg, as dpkg does not.
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
