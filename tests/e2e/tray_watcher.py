"""A panel for a test: owns org.kde.StatusNotifierWatcher. Prints all icons, as JSON, whenever something has changed. Does what each
line that it reads says, in Python."""

import json

from gi.repository import Gio, GLib

from tray_lines import obey

WATCHER, ITEM, MENU = "org.kde.StatusNotifierWatcher", "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
PROPERTIES = "org.freedesktop.DBus.Properties"
XML = Gio.DBusNodeInfo.new_for_xml(f"""<node><interface name="{WATCHER}">
  <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method></interface></node>""")
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
icons = {}
signals = 0


def call(name, path, interface, method, arguments):
    """Calls an icon."""
    answer = bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 2000, None)
    return answer.unpack()


def look(name):
    """What an icon shows: what the app has said before its menu is read after that."""
    _revision, layout = call(name, "/MenuBar", MENU, "GetLayout", GLib.Variant("(iias)", (0, -1, [])))
    (shown,) = call(name, "/StatusNotifierItem", PROPERTIES, "GetAll", GLib.Variant("(s)", (ITEM,)))
    width, height, pixels = shown["IconPixmap"][0]
    at = [0, (height // 2 * width + width // 2) * 4]
    colours = [bytes(pixels[start : start + 4]).hex() for start in at]
    keys = ("Title", "Status", "ItemIsMenu", "IconName", "Id")
    return {**{key: shown[key] for key in keys}, "size": [width, height], "colours": colours, "menu": layout[2]}


def show(*_):
    """Prints all icons, and how many signals there were."""
    print(json.dumps({"signals": signals, "icons": {name: look(name) for name in icons}}), flush=True)


def activate(name):
    """Clicks at an icon."""
    call(name, "/StatusNotifierItem", ITEM, "Activate", GLib.Variant("(ii)", (7, 7)))


def click(name, number):
    """Chooses an item of a menu."""
    call(name, "/MenuBar", MENU, "AboutToShow", GLib.Variant("(i)", (0,)))
    call(name, "/MenuBar", MENU, "Event", GLib.Variant("(isvu)", (number, "clicked", GLib.Variant("i", 0), 0)))


def on_signal(*_):
    """An icon has changed."""
    global signals
    signals += 1
    GLib.idle_add(show)


def on_register(_bus, sender, _path, _interface, _method, _parameters, invocation):
    """There is an icon."""

    def vanished(*_):
        icons.pop(sender, None)
        show()

    invocation.return_value(None)
    icons[sender] = Gio.bus_watch_name_on_connection(bus, sender, Gio.BusNameWatcherFlags.NONE, None, vanished)
    for interface in (ITEM, MENU):
        bus.signal_subscribe(sender, interface, None, None, None, Gio.DBusSignalFlags.NONE, on_signal)
    GLib.idle_add(show)


bus.register_object("/StatusNotifierWatcher", XML.interfaces[0], on_register, None, None)
Gio.bus_own_name_on_connection(bus, WATCHER, Gio.BusNameOwnerFlags.NONE, show, None)
obey(globals())
