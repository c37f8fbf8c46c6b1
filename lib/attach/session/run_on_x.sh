# shellcheck shell=sh
# run_on_x.sh
# On Wayland, what knows only X runs on Xwayland, an X server in one window.

# Whether that is here; else prints what is to be installed. outcome.ts looks for the line.
has_x_server() {
  { command -v Xwayland && command -v openbox; } >/dev/null && return
  echo "There is no Xwayland or openbox in this container: apt-get install xwayland libdecor-0-plugin-1-cairo openbox"
  return 1
}

# Runs the parameters with such a server, which ends with them, and returns their exit status.
run_on_x() {
  # Before Xwayland 23.1, its window has the size of the screen, and no frame on GNOME.
  size=
  case $(Xwayland -help 2>&1) in *-decorate*) size='-decorate -geometry 960x640' ;; esac
  ready=$(mktemp -u "$RUNTIME_DIRECTORY/x.XXXXXX")
  mkfifo "$ready"
  # waypipe passes pictures on in memory: those of a GPU would be read back. Only this user's apps may connect.
  # shellcheck disable=SC2086 # These are words.
  Xwayland -displayfd 3 -noreset -shm $size 3>"$ready" &
  server=$!
  # To the end: what opens it next is to meet no other writer.
  number=$(cat "$ready")
  [ "$number" ] || {
    rm "$ready"
    return "${status:-1}"
  }
  export DISPLAY=":$number"
  # Keys are the app's, but for that of windows.ts, also while Alt, Super, or Super and Shift are down. It closes the window that
  # has the keyboard, or all, if none takes it, as xclock's.
  closes='<action name="If"><focused>yes</focused><then><action name="Close"/></then>
    <else><action name="ForEach"><then><action name="Close"/></then></action></else></action>'
  # It prints messages, as of a keyboard without that key, and would end where nobody reads them.
  openbox --sm-disable --config-file /dev/stdin --startup "sh -c 'echo >$ready'" 3>"$ready" >/dev/null <<END &
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <theme><titleLayout>LC</titleLayout></theme>
  <desktops><number>1</number></desktops>
  <keyboard>
    <keybind key="XF86Xfer">$closes</keybind>
    <keybind key="A-XF86Xfer">$closes</keybind>
    <keybind key="W-XF86Xfer">$closes</keybind>
    <keybind key="W-S-XF86Xfer">$closes</keybind>
  </keyboard>
  <mouse>
    <context name="Client Titlebar Top Right Bottom Left TLCorner TRCorner BRCorner BLCorner">
      <mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
      <mousebind button="Middle" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
      <mousebind button="Right" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
    </context>
    <context name="Top Right Bottom Left TLCorner TRCorner BRCorner BLCorner">
      <mousebind button="Left" action="Drag"><action name="Resize"/></mousebind>
    </context>
    <context name="Titlebar">
      <mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
    </context>
    <context name="Titlebar Root">
      <mousebind button="Right" action="Press"><action name="ShowMenu"><menu>client-list-combined-menu</menu></action></mousebind>
    </context>
    <context name="Close">
      <mousebind button="Left" action="Click"><action name="Close"/></mousebind>
    </context>
  </mouse>
  <menu><manageDesktops>no</manageDesktops></menu>
  <applications>
    <application type="normal"><maximized>yes</maximized></application>
  </applications>
</openbox_config>
END
  manager=$!
  # It gives the keyboard to no window that was there before.
  read -r _ <"$ready" || :
  rm "$ready"
  "$@"
  status=$?
  # Where the desktop draws no frames, as on GNOME, the X server draws its own, and ends under the app when the user closes it.
  [ "$status" = 0 ] || {
    sleep 0.2
    kill -0 "$server" 2>/dev/null || ! wait "$server" || status=0
  }
  kill "$manager" "$server" 2>/dev/null
  return "$status"
}
