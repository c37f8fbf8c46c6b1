# shellcheck shell=sh
# serve_wayland.sh
# The end of the main process of a session's service, after start_waypipe.sh: becomes the app when waypipe is ready.
start_bus_and_sound

# The desktop's input method comes by the compositor (text-input-v3), of which Qt 5 knows nothing: for Qt, one that the container has
# and has set up takes its place if it goes by D-Bus. XIM would need X.
unset GTK_IM_MODULE XMODIFIERS
case ${QT_IM_MODULE-} in
  fcitx*) fcitx5 -d ;;
  ibus) ibus-daemon --daemonize ;;
  *) false ;;
esac >/dev/null 2>&1 || unset QT_IM_MODULE

# What can do both takes Wayland. Toolkits that are not named here do so when there is no DISPLAY. One whose server starts with the
# first client would open its window, empty, for whoever only asks: vim in a terminal, mpv (0.40), the xprop of xdg-utils.
export XDG_SESSION_TYPE=wayland MOZ_ENABLE_WAYLAND=1 ELECTRON_OZONE_PLATFORM_HINT=wayland

read -r _ <"$RUNTIME_DIRECTORY/ready"
export WAYLAND_DISPLAY="gui-${session:?}"
exec /bin/sh "$RUNTIME_DIRECTORY/app"
