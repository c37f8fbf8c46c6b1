# shellcheck shell=sh
# update.sh
# Installs the newest versions of a container's packages, as root in it. Prints what the package manager prints, then, on a line of
# its own, how many packages are new. Its exit status is that of the package manager.
# Value in front: the exit status where no package manager is known.
: "${unknown:?}"
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

if command -v apt-get >/dev/null; then
  list() { dpkg-query --show; }
  apt() {
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
      -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" 9>&-
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
    # What was interrupted is finished first.
    { apt --with-new-pkgs upgrade || { dpkg --configure -a && apt --with-new-pkgs upgrade; }; } && return "$indexed"
  }
elif command -v dnf >/dev/null; then
  list() { rpm --query --all; }
  update() { dnf --assumeyes --refresh upgrade; }
else
  echo "There is neither apt-get nor dnf"
  exit "$unknown"
fi

before=$(list)
update 2>&1 </dev/null
status=$?
{
  printf '%s\n\n' "$before"
  list
} | awk '
  !NF { after = 1; next }
  !after { known[$0] }
  after && !($0 in known) { count++ }
  END { printf "\n%d\n", count }'
exit "$status"
