# shellcheck shell=sh
# run_on_either.sh
# Runs an app of a session on the session's display. On Wayland, one that ends soon since it knows only X is started once more,
# on an X server of its own, which is one window there. What it prints goes to the session's log, this shell's standard output.

# What such an app prints: Xlib's and Xt's, GTK's, Tk's, Java's, Qt's, SDL's and GLFW's words.
no_display='(open|connect to|connecting to) (the |an )?(X(11)? display|display *([^ [:alnum:]]|$))|no display name'
no_display="$no_display|(^|[^[:alnum:]])X(11)? (window )?server"
no_display="$no_display|DISPLAY( environment)? variable|DISPLAY is not set|HeadlessException|plugin \"xcb\"|no available video device"
# The same of those that end well: VLC 3 takes commands in place of a window, and Mono's programs show each error in a window.
no_display_and_well='no suitable interface module|Could not open display \(X-Server required'
# Vim and Emacs turn to a terminal, and end for want of one.
no_terminal='is not (to )?a (terminal|tty)'
# Java's programs may stay, without their first thread.
no_main_thread='^Exception in thread "main" java\.awt\.HeadlessException'

# Reads the output of such a program as it comes. If there is that, and no window, hangs up what this shell has started since.
#   first_byte, log, no_main_thread   what is read, and for what
#   connected, windows                lines of connections to the display, and how many there were before
#   shell, before                     this shell, and the processes that it had started before
# shellcheck disable=SC2016 # The inner shell expands these.
hang_up_headless='list_started() {
  for process in $(cat "/proc/$1/task/"*/children); do
    case " $before $PPID " in *" $process "*) continue ;; esac
    echo "$process"
    (list_started "$process")
  done
}
# Not while most others start.
sleep 1
tail -c "+$first_byte" -f "$log" | {
  grep -qaE -m 1 "$no_main_thread" || exit
  [ "$(grep -cE "$connected" /proc/net/unix)" -gt "$windows" ] || kill -s HUP $(list_started "$shell")
}'
# waypipe 0.9.2 binds its display by the name alone. On X, xpra's own connections are there before.
connected=" 03 +[0-9]+ (.*/)?${WAYLAND_DISPLAY:-X${DISPLAY#*:}}\$"

# Waits for what Firefox has started in its own place, as after an update. The parameter is a file for its process id.
await_restarted() {
  # Of its children, only its helper for crashes has that variable, too, and ends with it.
  found=$(grep -lszx MOZ_LAUNCHED_CHILD=1 /proc/[0-9]*/environ | sort -t/ -k3n)
  for process in $found; do
    process=${process%/environ}
    cmp -s "$process/cgroup" /proc/self/cgroup || continue
    echo "${process#/proc/}" >"$1"
    tail --pid="${process#/proc/}" --sleep-interval=0.1 -f /dev/null
    await_restarted "$1"
    return
  done
}

# Whether the app has printed something like this.
has_printed() {
  tail -c "+$first_byte" "/proc/$$/fd/1" | head -c 65536 | grep -qaiE "$1"
}

# Whether an app that has ended soon knows only X.
knows_only_x() {
  # It has been stopped: by Ctrl-C, or SIGTERM.
  case $status in
    130 | 143) return 1 ;;
    *) [ ! -e "$RUNTIME_DIRECTORY/stopped" ] || return 1 ;;
  esac
  case $status in
    0) has_printed "$no_display_and_well" ;;
    *) has_printed "$no_display" || { has_printed "$no_terminal" && ldd "$(command -v "$program")" 2>/dev/null | grep -q libX11; } ;;
  esac
}

count_connected() {
  grep -cE "$connected" /proc/net/unix
}

# Whether something runs that has been started by this shell, and not by the session's bus.
has_left() {
  started=$(grep -lszx "GUI_CONTAINER_STARTED=$$" /proc/[0-9]*/environ)
  for process in $started; do
    ! cmp -s "${process%/environ}/cgroup" /proc/self/cgroup || return 0
  done
  return 1
}

has_ended_soon() {
  read -r now _ </proc/uptime
  [ "$((${now%.*} - ${began%.*}))" -lt 10 ]
}

# Runs the parameters, and waits for what an app has left that ends well and soon, as kate does, while that is on the display. It
# may come there later.
run_to_end() {
  GUI_CONTAINER_STARTED=$$ "$@"
  status=$?
  has_ended_soon || return "$status"
  tries=0
  while [ "$status" = 0 ] && has_left && { [ "$(count_connected)" -gt "$windows" ] || [ "$tries" -lt 10 ]; }; do
    tries=$((tries + 1))
    sleep 0.5
  done
  return "$status"
}

# Runs an app, and returns its exit status. The parameters are the first byte of what it prints in the log, its program, and the
# words to run.
run_on_either() {
  first_byte=$1 program=$2
  shift 2
  read -r began _ </proc/uptime
  windows=$(count_connected) || :
  [ -z "${DISPLAY-}" ] || {
    run_to_end "$@"
    return
  }
  read -r before <"/proc/$$/task/$$/children" || :
  first_byte=$first_byte log=/proc/$$/fd/1 no_main_thread=$no_main_thread connected=$connected windows=$windows \
    shell=$$ before=$before timeout 9 /bin/sh -c "$hang_up_headless" &
  headless=$!
  run_to_end "$@"
  # The watch has ended by then.
  has_ended_soon || return "$status"
  kill "$headless" 2>/dev/null
  knows_only_x || return "$status"
  { command -v Xwayland && command -v openbox; } >/dev/null || {
    echo "There is no Xwayland or openbox in this container: apt-get install xwayland libdecor-0-plugin-1-cairo openbox"
    return "$((status ? status : 1))"
  }
  echo "The app knows only X: it is started again, on Xwayland"
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
    return "$status"
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
  run_to_end "$@"
  kill "$manager" 2>/dev/null
  kill "$server"
  return "$status"
}
