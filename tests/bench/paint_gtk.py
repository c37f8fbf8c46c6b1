"""An app for the bench, on X and on Wayland: a window of 1000 × 700 pixels, all of it repainted at each frame of the display.

It cycles through pictures that neither repeat nor are of one colour: stripes of noise with shapes on top, like a photograph
in a page. On X it has left them with the X server before. Needs python3-gi and GTK 3.
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
window = Gtk.Window(title="repaint", decorated=False, app_paintable=True)
window.set_default_size(width, height)
window.realize()
kept = [picture(window.get_window()) for _ in range(pictures)]
window.connect("draw", draw)
window.add_tick_callback(repaint)
window.show()
Gtk.main()
