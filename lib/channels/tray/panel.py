# tray/panel.py
"""The host's end of the tray: shows icons and menus on the desktop's own StatusNotifierWatcher, for attach.ts.

Its argument is the id of this container's icons for the panel. Lines are JSON objects. From attach.ts, each time with all
of an icon: {"icon", "title", "status", "isMenu", "pixels", "menu"}, where the pixels are a square of ARGB in base64, and a
menu is a list of {"id", "label", "enabled", "toggle", "on", "menu"} and {"id", "separator"}; or {"icon", "gone"}. To
attach.ts, what the user does: {"icon", "do": a method of the icon}, {"icon", "item": id} for a click at an item, and
{"icon", "show": id} for a menu that is about to open.

A watcher removes an icon when its connection to the bus ends: so each icon has a connection of its own.
"""

import base64
import json
import math
import os
import sys
import traceback

from gi.repository import Gio, GLib

WATCHER = "org.kde.StatusNotifierWatcher"
PATH, MENU = "/StatusNotifierItem", "/MenuBar"
NO_PIXELS = GLib.Variant("a(iiay)", [])


def tell(icon, **what):
    """Tells attach.ts what the user does with an icon."""
    print(json.dumps({"icon": icon, **what}), flush=True)


def properties(state):
    """The icon's properties on D-Bus."""
    title, data = state["title"], base64.b64decode(state["pixels"])
    side = GLib.Variant("i", math.isqrt(len(data) // 4))
    pixels = GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(data), True)
    return {
        "Category": GLib.Variant("s", "ApplicationStatus"),
        "Id": GLib.Variant("s", sys.argv[1]),
        "Title": GLib.Variant("s", title),
        "Status": GLib.Variant("s", state["status"]),
        "WindowId": GLib.Variant("i", 0),
        "IconPixmap": GLib.Variant.new_array(None, [GLib.Variant.new_tuple(side, side, pixels)]),
        "OverlayIconPixmap": NO_PIXELS,
        "AttentionIconPixmap": NO_PIXELS,
        **{name: GLib.Variant("s", "") for name in ("IconName", "OverlayIconName", "AttentionIconName")},
        "ToolTip": GLib.Variant("(sa(iiay)ss)", ("", [], title, "")),
        "ItemIsMenu": GLib.Variant("b", state["isMenu"]),
        "Menu": GLib.Variant("o", MENU),
    }


MENU_PROPERTIES = {
    "Version": GLib.Variant("u", 3),
    "TextDirection": GLib.Variant("s", "ltr"),
    "Status": GLib.Variant("s", "normal"),
    "IconThemePath": GLib.Variant("as", []),
}


def types_of(values):
    """The types of properties."""
    return {name: value.get_type_string() for name, value in values.items()}


ITEM_INTERFACE = interface(
    "org.kde.StatusNotifierItem",
    {**{name: ("i i", "") for name in ("Activate", "SecondaryActivate", "ContextMenu")}, "Scroll": ("i s", "")},
    {"NewTitle": "", "NewIcon": "", "NewToolTip": "", "NewStatus": "s"},
    types_of(properties({"title": "", "status": "", "isMenu": False, "pixels": ""})),
)
MENU_INTERFACE = interface(
    "com.canonical.dbusmenu",
    {
        "GetLayout": ("i i as", "u (ia{sv}av)"),
        "GetGroupProperties": ("ai as", "a(ia{sv})"),
        "Event": ("i s v u", ""),
        "EventGroup": ("a(isvu)", "ai"),
        "AboutToShow": ("i", "b"),
        "AboutToShowGroup": ("ai", "ai ai"),
    },
    {"LayoutUpdated": "u i", "ItemActivationRequested": "i u"},
    types_of(MENU_PROPERTIES),
)
XML = Gio.DBusNodeInfo.new_for_xml(f"<node>{ITEM_INTERFACE}{MENU_INTERFACE}</node>")


class Icon:
    """An icon on the desktop's panel."""

    def __init__(self, number, state):
        self.number, self.revision = number, 1
        self.take(state)
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SESSION)
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags)
        self.bus.set_exit_on_close(True)
        item, menu = XML.interfaces
        self.bus.register_object(PATH, item, self.on_item, lambda *call: self.shown[call[4]], None)
        self.bus.register_object(MENU, menu, self.on_menu, lambda *call: MENU_PROPERTIES[call[4]], None)
        # Also when another panel takes over.
        Gio.bus_watch_name_on_connection(self.bus, WATCHER, Gio.BusNameWatcherFlags.NONE, self.register, None)

    def register(self, *_):
        """Registers the icon at the watcher."""
        word = GLib.Variant("(s)", (self.bus.get_unique_name(),))
        method = (WATCHER, "/StatusNotifierWatcher", WATCHER, "RegisterStatusNotifierItem", word)
        self.bus.call(*method, None, Gio.DBusCallFlags.NONE, -1, None)

    def take(self, state):
        """Takes a state. Returns the keys that have changed."""
        before = getattr(self, "state", state)
        self.state, self.shown = state, properties(state)
        self.nodes = {0: ({"children-display": GLib.Variant("s", "submenu")}, state["menu"])}
        self.add_nodes(state["menu"])
        return [key for key in state if state[key] != before[key]]

    def add_nodes(self, entries):
        """Takes the entries of a menu."""
        for entry in entries:
            if entry.get("separator"):
                self.nodes[entry["id"]] = ({"type": GLib.Variant("s", "separator")}, [])
                continue
            shown = {"label": GLib.Variant("s", entry["label"]), "enabled": GLib.Variant("b", entry["enabled"])}
            if entry["toggle"]:
                shown["toggle-type"] = GLib.Variant("s", entry["toggle"])
                shown["toggle-state"] = GLib.Variant("i", int(entry["on"]))
            if entry["menu"]:
                shown["children-display"] = GLib.Variant("s", "submenu")
            self.nodes[entry["id"]] = (shown, entry["menu"])
            self.add_nodes(entry["menu"])

    def change(self, state):
        """Shows another state."""
        changed = self.take(state)
        signals = {"title": ["NewTitle", "NewToolTip"], "pixels": ["NewIcon"]}
        for signal in [name for key in changed for name in signals.get(key, [])]:
            self.bus.emit_signal(None, PATH, XML.interfaces[0].name, signal, None)
        if "status" in changed:
            news = GLib.Variant("(s)", (state["status"],))
            self.bus.emit_signal(None, PATH, XML.interfaces[0].name, "NewStatus", news)
        if "menu" in changed:
            self.revision += 1
            news = GLib.Variant("(ui)", (self.revision, 0))
            self.bus.emit_signal(None, MENU, XML.interfaces[1].name, "LayoutUpdated", news)

    def on_item(self, _bus, _sender, _path, _interface, method, _parameters, invocation):
        """The user clicks on the icon."""
        if method in ("Activate", "SecondaryActivate"):
            tell(self.number, do=method)
        invocation.return_value(None)

    def on_menu(self, _bus, _sender, _path, _interface, method, parameters, invocation):
        """The panel reads the menu, or the user chooses from it."""
        words = parameters.unpack()
        answer = None
        if method == "GetLayout":
            number, depth, _names = words
            if number in self.nodes:
                answer = GLib.Variant("(u(ia{sv}av))", (self.revision, self.layout(number, depth)))
        elif method == "GetGroupProperties":
            numbers = [number for number in words[0] or self.nodes if number in self.nodes]
            answer = GLib.Variant("(a(ia{sv}))", ([(number, self.nodes[number][0]) for number in numbers],))
        elif method in ("Event", "EventGroup"):
            for number, kind, *_ in [words] if method == "Event" else words[0]:
                if kind == "clicked":
                    tell(self.number, item=number)
            answer = GLib.Variant("(ai)", ([],)) if method == "EventGroup" else GLib.Variant("()", ())
        else:
            for number in words[:1] if method == "AboutToShow" else words[0]:
                tell(self.number, show=number)
            answer = GLib.Variant("(b)", (False,)) if method == "AboutToShow" else GLib.Variant("(aiai)", ([], []))
        if answer is None:
            invocation.return_dbus_error("com.canonical.dbusmenu.Error", "There is no such item")
        else:
            invocation.return_value(answer)

    def layout(self, number, depth):
        """A part of the menu."""
        shown, entries = self.nodes[number]
        children = [self.layout(entry["id"], depth - 1) for entry in entries] if depth else []
        return (number, shown, [GLib.Variant("(ia{sv}av)", child) for child in children])


icons = {}


def on_line(channel, _condition):
    """Obeys a line of attach.ts. Ends with attach.ts, and by any exception, which GLib would otherwise ignore."""
    line = channel.readline()
    if not line:
        sys.exit(0)
    try:
        take(json.loads(line))
    except Exception:
        traceback.print_exc()
        os._exit(1)
    return True


def take(message):
    """Shows, changes or removes an icon."""
    number = message.pop("icon")
    if "gone" in message:
        if number in icons:
            icons.pop(number).bus.close_sync()
    elif number in icons:
        icons[number].change(message)
    else:
        icons[number] = Icon(number, message)


GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_line)
GLib.MainLoop().run()
