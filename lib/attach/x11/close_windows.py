# close_windows.py
"""Asks all windows of the display to close, as a window manager would (ICCCM 4.2.8.1). Exits with 1 if it can ask none.
"""

from ctypes import CDLL, POINTER, byref, c_long, c_ulong, c_void_p

ATOM, WINDOW = 4, 33
CLIENT_MESSAGE, LONGS = 33, 32
x = CDLL("libX11.so.6")
x.XOpenDisplay.restype = c_void_p
x.XInternAtom.restype = x.XDefaultRootWindow.restype = c_ulong
display = c_void_p(x.XOpenDisplay(None))
windows, protocols, delete = (
    x.XInternAtom(display, name, 0) for name in (b"_NET_CLIENT_LIST", b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
)


def values(window, *wanted):
    """The values of a window's property of this name and type."""
    name, kind = map(c_ulong, wanted)
    found, count, other = POINTER(c_ulong)(), c_ulong(), c_ulong()
    results = map(byref, (other, other, count, other, found))
    x.XGetWindowProperty(display, c_ulong(window), name, c_long(0), c_long(1024), 0, kind, *results)
    return found[: count.value]


shown = values(x.XDefaultRootWindow(display), windows, WINDOW)
asked = [window for window in shown if delete in values(window, protocols, ATOM)]
for window in asked:
    # Each field of an XClientMessageEvent has the size of a long.
    event = (c_long * 24)(CLIENT_MESSAGE, 0, 1, 0, window, protocols, LONGS, delete)
    x.XSendEvent(display, c_ulong(window), 0, c_long(0), event)
x.XCloseDisplay(display)
raise SystemExit(not asked)
