"""A keyboard on a Wayland desktop: types what is written to a pipe, as long as the desktop lives. Usage: keyboard.py PIPE

It speaks virtual-keyboard-unstable-v1 itself, since it has to stay: each call of wtype makes a keyboard anew, of which a window
misses the first key, and which has no keymap for a moment. waypipe 0.9.2 ends an app that is shown a keyboard without one.
"""

import os
import socket
import struct
import sys
import time

KEYMAP = b"""xkb_keymap {
  xkb_keycodes { include "evdev+aliases(qwerty)" };
  xkb_types { include "complete" };
  xkb_compat { include "complete" };
  xkb_symbols { include "pc+us+inet(evdev)" };
};\0"""

# Key codes of linux/input-event-codes.h, row by row.
ROWS = {2: "1234567890-=", 16: "qwertyuiop[]", 30: "asdfghjkl;'`", 44: "zxcvbnm,./"}
KEYS = {char: first + index for first, row in ROWS.items() for index, char in enumerate(row)}
KEYS |= {"\n": 28, " ": 57, "\\": 43}
SHIFTED = dict(zip('!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"~ZXCVBNM<>?|', "1234567890-=qwertyuiop[]asdfghjkl;'`zxcvbnm,./\\"))

DISPLAY, REGISTRY, CALLBACK, SEAT, MANAGER, KEYBOARD = 1, 2, 3, 4, 5, 6


def text(value):
    data = value.encode() + b"\0"
    return struct.pack("<I", len(data)) + data + b"\0" * (-len(data) % 4)


class Desktop:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]))

    def send(self, target, opcode, body=b"", fds=()):
        head = struct.pack("<II", target, (len(body) + 8) << 16 | opcode)
        socket.send_fds(self.socket, [head + body], list(fds))

    def receive(self):
        head = self.socket.recv(8, socket.MSG_WAITALL)
        target, size = struct.unpack("<II", head)
        return target, size & 0xFFFF, self.socket.recv((size >> 16) - 8, socket.MSG_WAITALL)

    def globals(self):
        self.send(DISPLAY, 1, struct.pack("<I", REGISTRY))
        self.send(DISPLAY, 0, struct.pack("<I", CALLBACK))
        found = {}
        while True:
            target, opcode, body = self.receive()
            if target == CALLBACK:
                return found
            if target == REGISTRY and opcode == 0:
                name, length = struct.unpack("<II", body[:8])
                found[body[8 : 8 + length - 1].decode()] = name

    def bind(self, found, interface, new):
        self.send(REGISTRY, 0, struct.pack("<I", found[interface]) + text(interface) + struct.pack("<II", 1, new))


def main():
    desktop = Desktop()
    found = desktop.globals()
    desktop.bind(found, "wl_seat", SEAT)
    desktop.bind(found, "zwp_virtual_keyboard_manager_v1", MANAGER)
    desktop.send(MANAGER, 0, struct.pack("<II", SEAT, KEYBOARD))
    keymap = os.memfd_create("keymap")
    os.write(keymap, KEYMAP)
    desktop.send(KEYBOARD, 0, struct.pack("<II", 1, len(KEYMAP)), [keymap])

    def press(code, state):
        now = time.monotonic_ns() // 1_000_000 & 0xFFFFFFFF
        desktop.send(KEYBOARD, 1, struct.pack("<III", now, code, state))

    def tap(char):
        shifted = char in SHIFTED
        desktop.send(KEYBOARD, 2, struct.pack("<IIII", 1 if shifted else 0, 0, 0, 0))
        code = KEYS[SHIFTED.get(char, char)]
        press(code, 1)
        press(code, 0)
        time.sleep(0.02)

    # A window that gets the focus is told of a keyboard only once that has typed.
    tap(" ")
    with open(sys.argv[1], "r+b", buffering=0) as pipe:
        while data := pipe.read(4096):
            for char in data.decode():
                tap(char)


main()
