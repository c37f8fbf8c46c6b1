"""An app for a test: an icon in the tray, with a menu. Prints what the user does with it. Does what each line that it reads says, in
Python. Needs python3-gi."""

from gi.repository import Gio, GLib

from tray_lines import obey

WATCHER = "org.kde.StatusNotifierWatcher"
PATH = "/StatusNotifierItem"
ITEM, MENU = "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
XML = Gio.DBusNodeInfo.new_for_xml("""<node>
  <interface name="org.kde.StatusNotifierItem">
    <method name="Activate"><arg type="i" direction="in"/><arg type="i" direction="in"/></method>
    <property name="Id" type="s" access="read"/><property name="Title" type="s" access="read"/>
    <property name="Status" type="s" access="read"/><property name="IconName" type="s" access="read"/>
    <property name="IconPixmap" type="a(iiay)" access="read"/><property name="ItemIsMenu" type="b" access="read"/>
    <property name="Menu" type="o" access="read"/></interface>
  <interface name="com.canonical.dbusmenu">
    <method name="GetLayout"><arg type="i" direction="in"/><arg type="i" direction="in"/><arg type="as" direction="in"/>
      <arg type="u" direction="out"/><arg type="(ia{sv}av)" direction="out"/></method>
    <method name="Event"><arg type="i" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="in"/>
      <arg type="u" direction="in"/></method>
    <method name="AboutToShow"><arg type="i" direction="in"/><arg type="b" direction="out"/></method></interface></node>""")


def square(side, argb):
    """A picture of one colour."""
    return (side, side, bytes(argb) * side * side)


def say(*words):
    """Prints a line."""
    print(*words, flush=True)


item = {
    "Id": GLib.Variant("s", "mail"),
    "Title": GLib.Variant("s", "Mail <b>7</b>"),
    "Status": GLib.Variant("s", "Active"),
    "IconName": GLib.Variant("s", ""),
    "IconPixmap": GLib.Variant("a(iiay)", [square(22, (255, 255, 255, 0)), square(128, (255, 0, 0, 255))]),
    "ItemIsMenu": GLib.Variant("b", False),
    "Menu": GLib.Variant("o", "/menu"),
}
menu = [(5, "_Show"), (6, "Mute"), (7, None), (8, "Quit")]
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
other = Gio.DBusConnection.new_for_address_sync(Gio.dbus_address_get_for_bus_sync(Gio.BusType.SESSION), flags)


def change(name, kind, value):
    """Gives a property another value."""
    item[name] = GLib.Variant(kind, value)
    bus.emit_signal(None, PATH, ITEM, f"New{name.replace('Pixmap', '')}", None)


def change_menu(entries):
    """Has another menu."""
    menu[:] = entries
    bus.emit_signal(None, "/menu", MENU, "LayoutUpdated", GLib.Variant("(ui)", (1, 0)))


def register(*_):
    """Asks for a place in the tray, as soon as there is one: as Qt 6, by another connection."""
    word = GLib.Variant("(s)", (bus.get_unique_name(),))
    method = (WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisterStatusNotifierItem", word)
    other.call_sync(*method, None, Gio.DBusCallFlags.NONE, -1, None)
    say("registered")


def on_call(_bus, _sender, _path, _interface, method, parameters, invocation):
    """Somebody reads the menu, or uses it."""
    answer = None
    if method == "GetLayout":
        shown = [
            (number, {"type": GLib.Variant("s", "separator")} if label is None else {"label": GLib.Variant("s", label)}, [])
            for number, label in menu
        ]
        children = [GLib.Variant("(ia{sv}av)", entry) for entry in shown]
        answer = GLib.Variant("(u(ia{sv}av))", (1, (0, {}, children)))
    elif method == "AboutToShow":
        answer = GLib.Variant("(b)", (False,))
    else:
        say(method, *parameters.unpack()[:2])
    invocation.return_value(answer)


for path, interface in zip((PATH, "/menu"), XML.interfaces):
    bus.register_object(path, interface, on_call, lambda *call: item[call[4]], None)
owner = ("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", GLib.Variant("(s)", (WATCHER,)))
# Toolkits look once.
say("tray", *bus.call_sync(*owner, None, Gio.DBusCallFlags.NONE, -1, None).unpack())
Gio.bus_watch_name_on_connection(bus, WATCHER, Gio.BusNameWatcherFlags.NONE, register, None)
obey(globals())
