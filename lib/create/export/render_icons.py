# render_icons.py
# Renders icons as PNG, as the container's user: its argument list has a name or a path for each icon, and a line with the picture
# in base64 is printed for each; an empty one where that fails. Files of other formats than PNG, SVG above all, are read in
# here and never by the host.
import base64
import os
import resource
import signal
import sys

import gi

gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gtk

SIDE = 128
# A picture can say that it has any size, and a file can be one that is never read to its end.
LARGEST = 4096
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
signal.alarm(20)

theme = Gtk.IconTheme.new()
theme.set_custom_theme("hicolor")
for share in "/var/lib/flatpak/exports/share", os.path.expanduser("~/.local/share/flatpak/exports/share"):
    theme.append_search_path(share + "/icons")
for icon in sys.argv[1:]:
    picture = b""
    try:
        path = icon if icon.startswith("/") else theme.lookup_icon(icon, SIDE, 0).get_filename()
        if os.path.isfile(path):
            kind, width, height = GdkPixbuf.Pixbuf.get_file_info(path)
            if max(width, height) <= LARGEST:
                side = SIDE if kind.is_scalable() else min(SIDE, max(width, height))
                pixels = GdkPixbuf.Pixbuf.new_from_file_at_size(path, side, side)
                picture = pixels.save_to_bufferv("png", [], [])[1]
    except Exception:
        pass
    print(base64.b64encode(picture).decode(), flush=True)
