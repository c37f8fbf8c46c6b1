"""An app for the bench: a window like that of paint.py, by GTK 3 on X and on Wayland. Needs python3-gi.

On Wayland GTK 3.24 makes new shared memory for each frame, which all has to be passed on.
"""

import random

import cairo
import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk

width, height, pictures = 1000, 700, 8
chance = random.Random(1)


def picture(window):
    """A picture that is kept where the window's pictures are made."""
    stripe = chance.randbytes(width * 20 * 4)
    noise = cairo.ImageSurface.create_for_data(bytearray(stripe * (height // 20)), cairo.FORMAT_RGB24, width, height)
    kept = window.create_similar_surface(cairo.CONTENT_COLOR, width, height)
    context = cairo.Context(kept)
    context.set_source_surface(noise)
    context.paint()
    for _ in range(60):
        context.set_source_rgb(chance.random(), chance.random(), chance.random())
        context.rectangle(chance.randrange(width), chance.randrange(height), 120, 80)
        context.fill()
    return kept


def draw(_, context):
    global frame
    frame += 1
    context.set_source_surface(kept[frame % pictures])
    context.paint()
    return True


def repaint(widget, _):
    widget.queue_draw()
    return GLib.SOURCE_CONTINUE


frame = 0
window = Gtk.Window(title="paint", decorated=False, app_paintable=True)
window.set_default_size(width, height)
window.realize()
kept = [picture(window.get_window()) for _ in range(pictures)]
window.connect("draw", draw)
window.add_tick_callback(repaint)
window.show()
Gtk.main()
