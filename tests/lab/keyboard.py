"""A keyboard on a Wayland desktop: types what is written to a pipe, as long as the desktop lives. Usage: keyboard.py PIPE, behind
wayland_client.py

It speaks virtual-keyboard-unstable-v1 itself, or on KWin its fake input, since it has to stay: each call of wtype makes a
keyboard anew, of which a window misses the first key. Between the bytes 1 and 2 stands a chord, such as ctrl+shift+n.
"""

import re
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
NAMES = {"Escape": 1, "Tab": 15, "Return": 28, "grave": 41, "Shift_L": 42, "comma": 51, "slash": 53, "F1": 59, "F7": 65, "F10": 68, "Down": 108}
MODIFIERS = {"shift": 1, "ctrl": 4, "alt": 8}
SHIFTED = dict(zip('!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"~ZXCVBNM<>?|', "1234567890-=qwertyuiop[]asdfghjkl;'`zxcvbnm,./\\"))

SEAT, MANAGER, KEYBOARD = 4, 5, 6
FAKE_INPUT = 4


def main():
    desktop = Desktop()
    found = desktop.globals()
    is_kwin = "org_kde_kwin_fake_input" in found
    if is_kwin:
        desktop.bind(found, "org_kde_kwin_fake_input", FAKE_INPUT, 4)
        desktop.send(FAKE_INPUT, 0, text("keyboard.py") + text("types"))
    else:
        desktop.bind(found, "wl_seat", SEAT)
        desktop.bind(found, "zwp_virtual_keyboard_manager_v1", MANAGER)
        desktop.send(MANAGER, 0, struct.pack("<II", SEAT, KEYBOARD))
        keymap = os.memfd_create("keymap")
        os.write(keymap, KEYMAP)
        desktop.send(KEYBOARD, 0, struct.pack("<II", 1, len(KEYMAP)), [keymap])

    def press(code, state):
        if is_kwin:
            return desktop.send(FAKE_INPUT, 10, struct.pack("<II", code, state))
        now = time.monotonic_ns() // 1_000_000 & 0xFFFFFFFF
        desktop.send(KEYBOARD, 1, struct.pack("<III", now, code, state))

    def tap(char):
        hit(KEYS[SHIFTED.get(char, char)], 1 if char in SHIFTED else 0)

    def hit(code, modifiers):
        if not is_kwin:
            desktop.send(KEYBOARD, 2, struct.pack("<IIII", modifiers, 0, 0, 0))
        press(code, 1)
        press(code, 0)
        time.sleep(0.02)

    # A window that gets the focus is told of a keyboard only once that has typed.
    tap(" ")
    print("ready", flush=True)
    with open(sys.argv[1], "r+b", buffering=0) as pipe:
        while data := pipe.read(4096):
            for chord, char in re.findall("\x01(.*?)\x02|(.)", data.decode(), re.DOTALL):
                *held, key = chord.split("+")
                try:
                    if chord:
                        hit(NAMES.get(key) or KEYS[key], sum(MODIFIERS[name] for name in held))
                    else:
                        tap(char)
                except KeyError as unknown:
                    print(f"keyboard.py has no key {unknown}: see KEYS, NAMES, MODIFIERS", file=sys.stderr, flush=True)


main()
