"""A pointer on a Wayland desktop: goes where each line of a pipe says, as "X Y" of a screen of 1280 x 720, and clicks at the line
"click", or does half of that at "press" and "release", as long as somebody has the pipe open to write. Usage: pointer.py PIPE,
behind wayland_client.py
"""

import sys

SEAT, MANAGER, POINTER = 4, 5, 6
LEFT = 0x110


def main():
    desktop = Desktop()
    found = desktop.globals()
    desktop.bind(found, "wl_seat", SEAT)
    desktop.bind(found, "zwlr_virtual_pointer_manager_v1", MANAGER)
    desktop.send(MANAGER, 0, struct.pack("<II", SEAT, POINTER))

    def does(opcode, *words):
        desktop.send(POINTER, opcode, struct.pack(f"<{len(words) + 1}I", 0, *words))
        desktop.send(POINTER, 4)

    print("ready", flush=True)
    with open(sys.argv[1]) as pipe:
        for line in pipe:
            if line in ("click\n", "press\n", "release\n"):
                if line != "release\n":
                    does(2, LEFT, 1)
                if line != "press\n":
                    does(2, LEFT, 0)
            else:
                does(1, *map(int, line.split()), 1280, 720)


main()
