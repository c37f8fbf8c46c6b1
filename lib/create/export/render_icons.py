# render_icons.py
# Renders icons, as the container's user. Each argument is an icon's name or path. For each, prints a line "WIDTH HEIGHT
# PIXELS", the pixels as RGBA in base64, or an empty line if that fails. Image files are decoded only here, never by the
# host.
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
# A picture may claim any size, and reading a file may never end.
LARGEST = 4096
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
signal.alarm(20)

theme = Gtk.IconTheme.new()
theme.set_custom_theme("hicolor")
for share in "/var/lib/flatpak/exports/share", os.path.expanduser("~/.local/share/flatpak/exports/share"):
    theme.append_search_path(share + "/icons")
for icon in sys.argv[1:]:
    line = ""
    try:
        path = icon if icon.startswith("/") else theme.lookup_icon(icon, SIDE, 0).get_filename()
        if os.path.isfile(path):
            kind, width, height = GdkPixbuf.Pixbuf.get_file_info(path)
            if max(width, height) <= LARGEST:
                side = SIDE if kind.is_scalable() else min(SIDE, max(width, height))
                picture = GdkPixbuf.Pixbuf.new_from_file_at_size(path, side, side).add_alpha(False, 0, 0, 0)
                width, height, stride = picture.get_width(), picture.get_height(), picture.get_rowstride()
                data = picture.get_pixels()
                rows = (data[y * stride : y * stride + 4 * width] for y in range(height))
                line = f"{width} {height} {base64.b64encode(b''.join(rows)).decode()}"
    except Exception:
        pass
    print(line, flush=True)
