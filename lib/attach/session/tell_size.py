# tell_size.py
"""Tells the window manager of $DISPLAY the size of the screen, which may have changed just before it listened for changes."""

import ctypes
from ctypes import byref, c_int, c_uint, c_ulong, c_void_p


class ConfigureEvent(ctypes.Structure):
    """XConfigureEvent of Xlib."""

    _fields_ = [("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p)]
    _fields_ += [("event", c_ulong), ("window", c_ulong), ("x", c_int), ("y", c_int), ("width", c_int), ("height", c_int)]
    _fields_ += [("border_width", c_int), ("above", c_ulong), ("override_redirect", c_int)]


CONFIGURE_NOTIFY = 22
STRUCTURE_NOTIFY_MASK = 1 << 17

x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = c_void_p
x11.XDefaultRootWindow.restype = c_ulong
display = c_void_p(x11.XOpenDisplay(None))
root = c_ulong(x11.XDefaultRootWindow(display))


def screen_size():
    """Returns width and height in pixels, as they are now."""
    width, height, unused = c_uint(), c_uint(), (c_ulong(), c_int(), c_int(), c_uint(), c_uint())
    parent, x, y, border, depth = map(byref, unused)
    x11.XGetGeometry(display, root, parent, x, y, byref(width), byref(height), border, depth)
    return width.value, height.value


told = None
while (size := screen_size()) != told:
    width, height = told = size
    event = ConfigureEvent(type=CONFIGURE_NOTIFY, event=root, window=root, width=width, height=height)
    x11.XSendEvent(display, root, False, c_ulong(STRUCTURE_NOTIFY_MASK), byref(event))
