"""An app for a test: a window of 600 × 400 pixels, half of it like a photograph and half of it text. Needs python3-gi and GTK 3."""

import math

import cairo
import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk  # noqa: E402

width, height = 600, 400


def draw(_widget, context):
    image = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height // 2)
    stride, data = image.get_stride(), image.get_data()
    for y in range(height // 2):
        for x in range(width):
            wave = math.sin(x / 17) * math.cos(y / 11) + math.sin((x + y) / 5) / 4
            at = y * stride + 4 * x
            data[at:at + 3] = bytes((int(128 + 90 * wave), x * 255 // width, y * 510 // height % 256))
    image.mark_dirty()
    context.set_source_surface(image)
    context.paint()
    context.rectangle(0, height // 2, width, height // 2)
    context.set_source_rgb(1, 1, 1)
    context.fill()
    context.set_source_rgb(0, 0, 0.6)
    for line in range(12):
        context.move_to(4, height // 2 + 14 + 16 * line)
        context.show_text("Blue words on white, as small as they are read: the quick brown fox jumps over " * 2)


window = Gtk.Window(title="picture", default_width=width, default_height=height, resizable=False)
area = Gtk.DrawingArea(width_request=width, height_request=height)
area.connect("draw", draw)
window.add(area)
window.connect("destroy", Gtk.main_quit)
window.show_all()
Gtk.main()
