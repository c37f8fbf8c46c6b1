"""Shows more than a small green window once that has the keyboard, in red: a large part of it, or a large popup, which says that it
is small. Usage: large_windows.py part|popup SCALE, behind wayland_client.py. SCALE is that of the desktop."""

import sys

RED, GREEN = 0xFFFF0000, 0xFF00C000
WIDTH, HEIGHT = (side // int(sys.argv[2]) for side in (900, 600))
COMPOSITOR, SHM, SHELL, SUBCOMPOSITOR, SEAT, OUTPUT, KEYBOARD, POOL, LARGE, SMALL, WINDOW, WINDOW_SHELL, TOPLEVEL = range(4, 17)
OTHER, OTHER_SHELL, LAST, POSITIONER = range(17, 21)

desktop = Desktop()
known = desktop.globals()
for interface, version, number in (
    ("wl_compositor", 4, COMPOSITOR),
    ("wl_shm", 1, SHM),
    ("xdg_wm_base", 1, SHELL),
    ("wl_subcompositor", 1, SUBCOMPOSITOR),
    ("wl_seat", 1, SEAT),
    ("wl_output", 2, OUTPUT),
):
    desktop.send(REGISTRY, 0, struct.pack("<I", known[interface]) + text(interface) + struct.pack("<II", version, number))
desktop.send(SEAT, 1, struct.pack("<I", KEYBOARD))
size = WIDTH * HEIGHT * 4
file = os.memfd_create("pictures")
os.write(file, struct.pack("<I", RED) * (WIDTH * HEIGHT) + struct.pack("<I", GREEN) * (80 * 60))
desktop.send(SHM, 0, struct.pack("<Ii", POOL, size + 80 * 60 * 4), [file])
desktop.send(POOL, 0, struct.pack("<IiiiiI", LARGE, 0, WIDTH, HEIGHT, WIDTH * 4, 1))
desktop.send(POOL, 0, struct.pack("<IiiiiI", SMALL, size, 80, 60, 80 * 4, 1))


def show(surface, picture):
    desktop.send(surface, 1, struct.pack("<Iii", picture, 0, 0))
    desktop.send(surface, 2, struct.pack("<iiii", 0, 0, 9999, 9999))
    desktop.send(surface, 6)


def configured(shell):
    while True:
        target, opcode, body = desktop.receive()
        if target == SHELL:
            desktop.send(SHELL, 3, body)
        if target == shell and opcode == 0:
            desktop.send(shell, 4, body)
            return


desktop.send(COMPOSITOR, 0, struct.pack("<I", WINDOW))
desktop.send(SHELL, 2, struct.pack("<II", WINDOW_SHELL, WINDOW))
desktop.send(WINDOW_SHELL, 1, struct.pack("<I", TOPLEVEL))
desktop.send(TOPLEVEL, 2, text("large"))
desktop.send(WINDOW, 6)
configured(WINDOW_SHELL)
desktop.send(WINDOW_SHELL, 3, struct.pack("<iiii", 0, 0, 80, 60))
show(WINDOW, SMALL)
while desktop.receive()[:2] != (KEYBOARD, 1):
    pass
desktop.send(COMPOSITOR, 0, struct.pack("<I", OTHER))
if sys.argv[1] == "part":
    desktop.send(SUBCOMPOSITOR, 1, struct.pack("<III", OTHER_SHELL, OTHER, WINDOW))
    desktop.send(OTHER_SHELL, 5)
    desktop.send(WINDOW, 6)
else:
    desktop.send(SHELL, 2, struct.pack("<II", OTHER_SHELL, OTHER))
    desktop.send(SHELL, 1, struct.pack("<I", LAST))
    desktop.send(LAST, 1, struct.pack("<ii", 10, 10))
    desktop.send(LAST, 2, struct.pack("<iiii", 0, 0, 10, 10))
    desktop.send(OTHER_SHELL, 2, struct.pack("<III", POSITIONER, WINDOW_SHELL, LAST))
    desktop.send(OTHER, 6)
    configured(OTHER_SHELL)
show(OTHER, LARGE)
print("shown", flush=True)
while True:
    configured(0)
