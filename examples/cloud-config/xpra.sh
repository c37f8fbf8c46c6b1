#!/bin/sh
# What attach.ts needs in a container: an SSH server, xpra's server, waypipe, and more. create.ts adds this file to the
# APPs by itself, unless it is called with --bare. cloud-init runs it as root, when the packages of
# cloud-configs are installed.
#
# What is there already is left alone. Debian and Ubuntu have no xpra, or one that is too old: it comes from xpra.org, which
# has packages for Ubuntu jammy (22.04), noble (24.04) and resolute (26.04), and for Debian bookworm (12), trixie (13) and
# forky. Where it cannot be had, the rest is installed all the same, and create.ts says what is missing. To try again, run
# this file again: it is /var/lib/cloud/instance/scripts/xpra.sh in the container.
set -u
umask 022

# "no" with create.ts --without-xpra: a container whose windows are shown on Wayland only.
with_xpra=yes

# xpra's archive, and the full fingerprint of the key that signs its packages (docs/SECURITY.md in xpra's source).
archive=https://xpra.org
fingerprint=B4993B57323148E37977E5D873254CAD17978FAF

# need PROGRAM PACKAGE...: without the program, or the file, these packages are missing. Each line of $missing is one need.
missing=
need() {
  case $1 in
    /*) [ ! -e "$1" ] || return 0 ;;
    *) ! command -v "$1" >/dev/null || return 0 ;;
  esac
  shift
  missing="$missing$*
"
}
need dbus-daemon dbus-user-session
need pulseaudio pulseaudio # sound and microphone: each session starts its own
need sshd openssh-server   # the cloud images of the remote "images:" have none
need waypipe waypipe       # windows on a Wayland desktop
need Xwayland xwayland libdecor-0-plugin-1-cairo # there, for apps that know only X
need openbox openbox
need xclip xclip           # attach.ts --copy and --paste
need xdg-open xdg-utils
need /usr/libexec/xdg-desktop-portal xdg-desktop-portal # the apps' own dialogs
need /usr/lib/python3/dist-packages/gi python3-gi       # the same, and xpra
for icons in /usr/lib/*/girepository-1.0/Gtk-3.0.typelib; do
  need "$icons" gir1.2-gtk-3.0 librsvg2-common # for the host's menu
done

# An xpra before version 5 is of no use.
xpra=xpra
[ ! -e /usr/bin/xpra ] || case $(dpkg-query --show --showformat='${db:Status-Status} ${Version}' xpra 2>/dev/null) in
  "installed "[0-4].*) xpra=/usr/bin/current-xpra ;;
esac
[ "$with_xpra" = no ] || need Xvfb xvfb
before=$missing
[ "$with_xpra" = no ] || need "$xpra" xpra-server xpra-x11 xpra-codecs \
  python3-dbus python3-gi-cairo python3-setproctitle python3-xdg unattended-upgrades
[ "$missing" ] || exit 0

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# Fetches lists of packages, for which apt-get waits for nobody: the daily update may be at it.
update() {
  while ! said=$(timeout 120 apt-get update --quiet "$@" 2>&1); do
    printf '%s\n' "$said"
    case $said in *'Could not get lock'*) sleep 2 ;; *) return 1 ;; esac
  done
}

# The container is for one app: apt installs only what that needs.
get() {
  apt-get install --yes --quiet --no-install-recommends --option DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Of all keys in the file xpra.asc in $1, puts the one that is known into the file $2. Fails if that has any other primary
# key: anybody can make the known one a subkey of theirs, and gpg exports both.
take_key() {
  gpg --batch --quiet --no-autostart --homedir "$1" --import "$1/xpra.asc"
  gpg --batch --quiet --no-autostart --homedir "$1" --export "$fingerprint" >"$2"
  primary=$(gpg --batch --no-autostart --homedir "$1" --with-colons --show-keys "$2" | awk -F: '$1 == "pub" { getline; print $10 }')
  [ "$primary" = "$fingerprint" ]
}

# Adds xpra's archive, if its key can be had and its lists can be read.
add_archive() {
  echo "Adding $archive"
  get ca-certificates gpg || return
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "${UBUNTU_CODENAME:-$VERSION_CODENAME}")
  keys=$(mktemp -d)
  mkdir -p /etc/apt/keyrings
  timeout 120 /usr/lib/apt/apt-helper download-file "$archive/xpra.asc" "$keys/xpra.asc" &&
    take_key "$keys" /etc/apt/keyrings/xpra.gpg
  has_key=$?
  rm -rf "$keys"
  echo "deb [arch=amd64,arm64 signed-by=/etc/apt/keyrings/xpra.gpg] $archive $release main" >/etc/apt/sources.list.d/xpra.list
  # The container installs these updates by itself. The distribution's security updates need no line here.
  cat >/etc/apt/apt.conf.d/52unattended-upgrades-xpra <<'END'
Unattended-Upgrade::Origins-Pattern {
  "site=xpra.org";
  "origin=${distro_id},archive=${distro_codename}-updates";
  "origin=${distro_id},codename=${distro_codename}-updates";
};
END
  [ "$has_key" = 0 ] && update --option Dir::Etc::SourceList=/etc/apt/sources.list.d/xpra.list \
    --option Dir::Etc::SourceParts=- --option APT::Get::List-Cleanup=0 --option APT::Update::Error-Mode=any && return
  rm -f /etc/apt/sources.list.d/xpra.list /etc/apt/keyrings/xpra.gpg /etc/apt/apt.conf.d/52unattended-upgrades-xpra
  echo "There is no xpra for this container: $archive cannot be reached, or has no packages for $release"
  missing=$before
}

update
[ "$missing" = "$before" ] || apt-cache show xpra-server >/dev/null 2>&1 || add_archive

# Word splitting is meant. What one distribution lacks is not to keep it from the rest.
# shellcheck disable=SC2086
get $missing || printf %s "$missing" | while read -r packages; do get $packages; done

# The package's own server listens on a TCP port and starts sessions for anybody. attach.ts does not need it.
[ "$missing" = "$before" ] || systemctl disable --now xpra-server.socket xpra-server.service
exit 0
