"""An input method on a Wayland desktop: commits a text into each field that becomes active. Usage: input_method.py TEXT, behind
wayland_client.py

It speaks input-method-unstable-v2 (version 1 of zwp_input_method_manager_v2).
"""

import sys

SEAT, MANAGER, METHOD = 4, 5, 6
ACTIVATE, DONE, UNAVAILABLE = 0, 5, 6
COMMIT_STRING, COMMIT = 0, 3


def main():
    desktop = Desktop()
    found = desktop.globals()
    desktop.bind(found, "wl_seat", SEAT)
    desktop.bind(found, "zwp_input_method_manager_v2", MANAGER)
    desktop.send(MANAGER, 0, struct.pack("<II", SEAT, METHOD))
    print("ready", flush=True)
    done, is_new = 0, False
    while True:
        target, opcode, _ = desktop.receive()
        if target != METHOD:
            continue
        if opcode == UNAVAILABLE:
            sys.exit("there is another input method")
        if opcode == ACTIVATE:
            is_new = True
        if opcode == DONE:
            done += 1
            if is_new:
                is_new = False
                desktop.send(METHOD, COMMIT_STRING, text(sys.argv[1]))
                desktop.send(METHOD, COMMIT, struct.pack("<I", done))


main()
