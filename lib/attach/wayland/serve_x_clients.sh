# shellcheck shell=sh
# serve_x_clients.sh
# What systemd starts in a session on Wayland when a client comes to its X display, whose sockets are the descriptors 3 and 4: an X
# server in one window, and a window manager that fills it with the apps' windows. It ends with the last client, and starts anew with
# the next one.
# shellcheck source=/dev/null
. "${0%/*}/environment"
# Before Xwayland 23.1, its window has the size of the screen, and no frame on GNOME.
case $(Xwayland -help 2>&1) in *-decorate*) set -- -decorate -geometry 960x640 ;; esac
# waypipe passes pictures on in memory: those of a GPU would be read back.
Xwayland "$DISPLAY" -listenfd 3 -listenfd 4 -auth "$XAUTHORITY" -terminate -shm "$@" &
server=$!
if command -v matchbox-window-manager >/dev/null; then
  matchbox-window-manager 3<&- 4<&- &
  manager=$!
  # A window manager is a client, too. Each client has a socket, and there are two that listen.
  while sleep 2; do
    [ "$(grep -c "/tmp/.X11-unix/X${DISPLAY#:}\$" /proc/net/unix)" -gt 3 ] || kill "$manager"
  done &
fi
wait "$server"
