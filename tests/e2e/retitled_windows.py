"""As many windows as its argument says, each with another title within a few milliseconds, as that of an app that opens a file."""

import ctypes
import sys
import time

xlib = ctypes.CDLL("libX11.so.6")
for function in (xlib.XOpenDisplay, xlib.XDefaultRootWindow, xlib.XCreateSimpleWindow):
    function.restype = ctypes.c_ulong
display = ctypes.c_ulong(xlib.XOpenDisplay(None))
root = ctypes.c_ulong(xlib.XDefaultRootWindow(display))
for number in range(int(sys.argv[1])):
    window = ctypes.c_ulong(xlib.XCreateSimpleWindow(display, root, 0, 0, 100, 60, 0, 0, 0xFFFFFF))
    xlib.XStoreName(display, window, b"app")
    xlib.XMapWindow(display, window)
    xlib.XSync(display, 0)
    time.sleep(number % 20 / 1000)
    xlib.XStoreName(display, window, b"file - app")
    xlib.XSync(display, 0)
    time.sleep(0.1)
time.sleep(600)
