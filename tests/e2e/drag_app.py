"""A window of the host's from which files are dragged: its arguments. Says when the pointer is there, when it drags
them, and when that has failed, as where the app below the pointer has not said yet that it takes them.
"""

import pathlib
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

window = Gtk.Window(title="files")
area = Gtk.EventBox()
window.add(area)
area.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY | Gdk.DragAction.MOVE)
area.drag_source_add_uri_targets()
area.drag_source_add_text_targets()
area.connect("enter-notify-event", lambda *_: print("entered", flush=True))
area.connect("drag-begin", lambda *_: print("drags", flush=True))
area.connect("drag-failed", lambda *_: print("failed", flush=True))
area.connect(
    "drag-data-get",
    lambda _area, _context, data, _kind, _time: data.set_uris([pathlib.Path(path).as_uri() for path in sys.argv[1:]]),
)
window.show_all()
Gtk.main()
