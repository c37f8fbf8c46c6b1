"""Uses a GTK window as a screen reader does, by AT-SPI: what stands in for the registry, of which there is none here.

Each line of stdin is a command: `list`, `press NAME` for the part of the window with that name that can be pressed, or
`type NAME TEXT` for the field whose name begins with that word. The answer is a line of JSON: the names of all parts
with their roles, or whether it was done.
"""

import json
import sys

from gi.repository import Gio, GLib

ROOT = "/org/a11y/atspi/accessible/root"
A11Y = "org.a11y.atspi."
NODES = """<node>
<interface name='org.a11y.atspi.Socket'>
<method name='Embed'><arg type='(so)' direction='in'/><arg type='(so)' direction='out'/></method>
<method name='Unembed'><arg type='(so)' direction='in'/></method>
</interface>
<interface name='org.a11y.atspi.Registry'>
<method name='GetRegisteredEvents'><arg type='a(ss)' direction='out'/></method>
</interface>
</node>"""
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
apps = []


def on_call(_bus, _sender, _path, _interface, method, args, invocation):
    if method == "Embed":
        apps.append(args.unpack()[0])
        invocation.return_value(GLib.Variant("((so))", ((bus.get_unique_name(), ROOT),)))
    else:
        invocation.return_value(GLib.Variant("(a(ss))", ([],)) if method == "GetRegisteredEvents" else None)


def call(part, interface, method, args=None):
    """What a part of the window answers; None if it is gone, or has no such interface."""
    try:
        return bus.call_sync(*part, interface, method, args, None, 0, 5000).unpack()[0]
    except GLib.Error:
        return None


def parts():
    """All parts of the windows, with their names and roles."""
    left, seen = [(name, path) for name, path in apps], []
    while left and len(seen) < 3000:
        part = left.pop()
        name = call(part, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", (f"{A11Y}Accessible", "Name")))
        role = call(part, f"{A11Y}Accessible", "GetRoleName")
        if role is not None:
            seen.append((part, name or "", role))
            left += call(part, f"{A11Y}Accessible", "GetChildren") or []
    return seen


def on_line(channel, _condition):
    verb, _, wanted = channel.readline().rstrip("\n").partition(" ")
    if verb == "":
        loop.quit()
        return False
    found = parts()
    answer = [[name, role] for _, name, role in found]
    if verb == "press":
        zero = GLib.Variant("(i)", (0,))
        answer = any(call(part, f"{A11Y}Action", "DoAction", zero) for part, name, _ in found if name == wanted)
    elif verb == "type":
        field, _, text = wanted.partition(" ")
        words = GLib.Variant("(s)", (text,))
        fields = [part for part, name, _ in found if name.startswith(field)]
        answer = any(call(part, f"{A11Y}EditableText", "SetTextContents", words) for part in fields)
    print(json.dumps(answer), flush=True)
    return True


infos = {info.name: info for info in Gio.DBusNodeInfo.new_for_xml(NODES).interfaces}
for path, name in ((ROOT, "Socket"), ("/org/a11y/atspi/registry", "Registry")):
    bus.register_object(path, infos[A11Y + name], on_call, None, None)
Gio.bus_own_name_on_connection(bus, f"{A11Y}Registry", Gio.BusNameOwnerFlags.NONE, None, None)
loop = GLib.MainLoop()
print("ready", flush=True)
GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, on_line)
loop.run()
