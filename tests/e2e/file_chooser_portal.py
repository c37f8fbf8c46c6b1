"""A portal of the desktop's, with dialogs for files or with none: prints each request as a JSON object, and chooses the
file that is its argument.
"""

import json
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
ASKING = '<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>'
CHOOSER = Gio.DBusNodeInfo.new_for_xml(
    f"""<node><interface name="org.freedesktop.portal.FileChooser"><method name="OpenFile">{ASKING}</method>
    <method name="SaveFile">{ASKING}</method><property name="version" type="u" access="read"/></interface></node>"""
).interfaces[0]


def on_call(connection, sender, _path, _interface, method, parameters, invocation):
    _parent, title, options = parameters.unpack()
    folder = bytes(options.get("current_folder", [])).rstrip(b"\0").decode()
    filters = [[label, [rule for _kind, rule in rules]] for label, rules in options.get("filters", [])]
    asked = {"method": method, "title": title, "folder": folder, "name": options.get("current_name"), "filters": filters}
    print(json.dumps({**asked, "multiple": options.get("multiple", False)}), flush=True)
    handle = f"{PATH}/request/{sender[1:].replace('.', '_')}/{options['handle_token']}"
    invocation.return_value(GLib.Variant("(o)", (handle,)))
    results = {"uris": GLib.Variant("as", [GLib.filename_to_uri(sys.argv[1])])}
    response = GLib.Variant("(ua{sv})", (0, results))
    connection.emit_signal(sender, handle, "org.freedesktop.portal.Request", "Response", response)


def on_bus(connection, _name):
    if len(sys.argv) > 1:
        connection.register_object(PATH, CHOOSER, on_call, lambda *_: GLib.Variant("u", 4), None)


Gio.bus_own_name(Gio.BusType.SESSION, NAME, 0, on_bus, lambda *_: print("ready", flush=True), None)
GLib.MainLoop().run()
