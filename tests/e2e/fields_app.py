"""An app for tests, of GTK 3: two fields above each other, each 200 pixels high, with a menu in a colour of its own. Usage:
fields_app.py FILE

Writes the texts of both and the width of the window to FILE, one a line, at each change.
"""

import os
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk

FIELDS = [Gtk.Entry(height_request=200) for _ in range(2)]


def write(*_):
    lines = [*(field.get_text() for field in FIELDS), str(window.get_allocated_width())]
    with open(f"{sys.argv[1]}~", "w") as file:
        file.write("\n".join(lines))
    os.rename(file.name, sys.argv[1])


look = Gtk.CssProvider()
look.load_from_data(b"menu { background: #d10fa3; }")
Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), look, Gtk.STYLE_PROVIDER_PRIORITY_USER)
window = Gtk.Window(title="fields")
box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
window.add(box)
for field in FIELDS:
    box.add(field)
    field.connect("changed", write)
window.connect("size-allocate", write)
window.show_all()
Gtk.main()
