"""An app that knows only X, and takes the keyboard by itself when it is told to, as Java's do. The key d opens its dialog; q
ends it, and it prints the other keys.
"""

import ctypes
import sys
from ctypes import byref, c_long, c_ulong, c_void_p

KEY_PRESS, CLIENT_MESSAGE = 2, 33
KEY_PRESS_MASK, STRUCTURE_NOTIFY_MASK = 1, 1 << 17

x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = c_void_p
for function in (x11.XDefaultRootWindow, x11.XCreateSimpleWindow, x11.XInternAtom):
    function.restype = c_ulong
opened = x11.XOpenDisplay(None)
if not opened:
    sys.exit("Can't open display")
display = c_void_p(opened)


def atom(name):
    return x11.XInternAtom(display, name.encode(), False)


TAKE_FOCUS, DELETE = atom("WM_TAKE_FOCUS"), atom("WM_DELETE_WINDOW")


def set_property(window, name, kind, *values):
    data = (c_long * len(values))(*values)
    x11.XChangeProperty(display, c_ulong(window), c_ulong(atom(name)), c_ulong(atom(kind)), 32, 0, data, len(values))


def new_window(title, size):
    root = c_ulong(x11.XDefaultRootWindow(display))
    window = x11.XCreateSimpleWindow(display, root, 0, 0, size, size, 0, c_ulong(0), c_ulong(0xFFFFFF))
    x11.XStoreName(display, c_ulong(window), title)
    x11.XSelectInput(display, c_ulong(window), c_long(KEY_PRESS_MASK | STRUCTURE_NOTIFY_MASK))
    # XWMHints of Xlib: nobody else is to give it the keyboard.
    set_property(window, "WM_HINTS", "WM_HINTS", 1, *[0] * 8)
    set_property(window, "WM_PROTOCOLS", "ATOM", TAKE_FOCUS, DELETE)
    return window


main, dialog = new_window(b"main", 400), new_window(b"dialog", 200)
set_property(dialog, "WM_TRANSIENT_FOR", "WINDOW", main)
x11.XMapWindow(display, c_ulong(main))
event, text, typed = (c_long * 24)(), ctypes.create_string_buffer(8), ""
while True:
    x11.XNextEvent(display, byref(event))
    # XAnyEvent of Xlib, and XClientMessageEvent.
    kind, window, said, time = event[0] & 0xFFFFFFFF, event[4], event[7], event[8]
    if kind == KEY_PRESS:
        length = x11.XLookupString(byref(event), text, len(text), None, None)
        key = text.raw[:length].decode()
        if key == "q":
            break
        if key == "d":
            x11.XMapWindow(display, c_ulong(dialog))
        else:
            typed += key
    elif kind == CLIENT_MESSAGE and said == TAKE_FOCUS:
        x11.XSetInputFocus(display, c_ulong(window), 1, c_ulong(time))
    elif kind == CLIENT_MESSAGE and said == DELETE:
        x11.XUnmapWindow(display, c_ulong(window))
print(typed)
