"""An app for the bench: a window of 1000 × 700 pixels, all of it repainted 60 times a second. Needs python3-xlib.

It cycles through pictures that neither repeat nor are of one colour, which it has left with the X server before: what is
measured is the way to the host's display, not the app.
"""

import random
import time

from Xlib import X, display

width, height, pictures = 1000, 700, 8
connection = display.Display()
screen = connection.screen()
window = screen.root.create_window(0, 0, width, height, 0, screen.root_depth, X.InputOutput, X.CopyFromParent,
                                   event_mask=X.ExposureMask)
window.set_wm_name("paint")
gc = window.create_gc()
chance = random.Random(1)
pixmaps = []
for _ in range(pictures):
    pixmap = window.create_pixmap(width, height, screen.root_depth)
    # Stripes of noise that repeat down the window, with shapes on top: like a photograph in a page.
    stripe = b"".join(bytes((value, value // 2 + chance.randrange(128), chance.randrange(256), 0))
                      for value in range(256) for _ in range(width * 20 // 256))
    stripe = stripe.ljust(width * 20 * 4, b"\0")
    for top in range(0, height, 20):
        pixmap.put_image(gc, 0, top, width, 20, X.ZPixmap, screen.root_depth, 0, stripe)
    for _ in range(60):
        gc.change(foreground=chance.randrange(1 << 24))
        pixmap.fill_rectangle(gc, chance.randrange(width), chance.randrange(height), 120, 80)
    pixmaps.append(pixmap)
window.map()
connection.sync()
start = time.monotonic()
frame = 0
while True:
    window.copy_area(gc, pixmaps[frame % pictures], 0, 0, width, height, 0, 0)
    connection.sync()
    frame += 1
    time.sleep(max(0, start + frame / 60 - time.monotonic()))
