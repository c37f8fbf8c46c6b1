# shellcheck shell=sh
# Prepares a container for attach.ts and map.ts, as root in it: keys, the directory of mapped files, lingering. Reads the
# authorized keys from stdin and prints the public host keys.
# Values in front: the user in the container, and the directory of mapped files.
: "${user:?}" "${maps:?}"
set -eu
umask 077
id "$user" >/dev/null
mkdir -p "/home/$user/.ssh" "$maps"
cat >"/home/$user/.ssh/authorized_keys"
chmod 755 "$maps"
chown -R "$user:" "/home/$user/.ssh" "$maps"

# With lingering, the systemd of that user runs without a login.
loginctl enable-linger "$user"

# GStreamer writes its registry of plugins at its first start, which takes a second. At the first attach the sound of xpra
# would not be ready when the client asks, and both would wait (xpra 6.5.5: 5 s). setpriv becomes python3; runuser would
# not end when the container is stopped meanwhile, and the stop would take 90 s.
HOME=/home/$user setpriv --reuid="$user" --regid="$user" --init-groups \
  python3 -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst; Gst.init(None)' \
  </dev/null >/dev/null 2>&1 &

cat /etc/ssh/ssh_host_*_key.pub
