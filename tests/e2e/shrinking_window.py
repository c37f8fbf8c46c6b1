"""A window like Firefox's, in which a green part shows all: with each new size, the window says so and is drawn, in blue as far as its
shadow reaches, and a tenth of a second later the part alone. Behind wayland_client.py."""

import sys
import time

GREEN, BLUE = 0xFF00FF00, 0xFF0000FF
SHADOW = 20
COMPOSITOR, SHM, SHELL, SUBCOMPOSITOR, WINDOW, WINDOW_SHELL, TOPLEVEL, PART, SUBSURFACE, FIRST = range(4, 14)

desktop = Desktop()
known = desktop.globals()
for interface, version, number in (
    ("wl_compositor", 4, COMPOSITOR),
    ("wl_shm", 1, SHM),
    ("xdg_wm_base", 1, SHELL),
    ("wl_subcompositor", 1, SUBCOMPOSITOR),
):
    desktop.bind(known, interface, number, version)
number = FIRST


def show(surface, width, height, colour):
    global number
    pool, picture = number, number + 1
    number += 2
    size = width * height * 4
    file = os.memfd_create("picture")
    os.write(file, struct.pack("<I", colour) * (width * height))
    desktop.send(SHM, 0, struct.pack("<Ii", pool, size), [file])
    os.close(file)
    desktop.send(pool, 0, struct.pack("<IiiiiI", picture, 0, width, height, width * 4, 1))
    desktop.send(surface, 1, struct.pack("<Iii", picture, 0, 0))
    desktop.send(surface, 2, struct.pack("<iiii", 0, 0, 9999, 9999))
    desktop.send(surface, 6)


def draw(width, height):
    desktop.send(WINDOW_SHELL, 3, struct.pack("<iiii", SHADOW, SHADOW, width, height))
    show(WINDOW, width + 2 * SHADOW, height + 2 * SHADOW, BLUE)
    time.sleep(0.1)
    show(PART, width, height, GREEN)
    print(f"drawn {width} x {height}", flush=True)


desktop.send(COMPOSITOR, 0, struct.pack("<I", WINDOW))
desktop.send(SHELL, 2, struct.pack("<II", WINDOW_SHELL, WINDOW))
desktop.send(WINDOW_SHELL, 1, struct.pack("<I", TOPLEVEL))
desktop.send(TOPLEVEL, 2, text(sys.argv[1]))
desktop.send(COMPOSITOR, 0, struct.pack("<I", PART))
desktop.send(SUBCOMPOSITOR, 1, struct.pack("<III", SUBSURFACE, PART, WINDOW))
desktop.send(SUBSURFACE, 1, struct.pack("<ii", SHADOW, SHADOW))
desktop.send(SUBSURFACE, 5)
desktop.send(WINDOW, 6)
size = (600, 400)
while True:
    target, opcode, body = desktop.receive()
    if target == SHELL:
        desktop.send(SHELL, 3, body)
    if target == TOPLEVEL and opcode == 0:
        width, height = struct.unpack("<ii", body[:8])
        size = (width or size[0], height or size[1])
    if target == WINDOW_SHELL and opcode == 0:
        desktop.send(WINDOW_SHELL, 4, body)
        draw(*size)
