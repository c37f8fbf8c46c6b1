"""An app for the bench: what paint.py is on X, on Wayland. It draws when the compositor asks for a frame, 60 times a second.

It writes each picture into one of two buffers that it keeps. It speaks the protocol itself: numbers of requests and events are
those of wayland.xml and xdg-shell.xml.
"""

import mmap
import os
import random
import socket
import struct

width, height, pictures = 1000, 700, 8
size = width * height * 4
DISPLAY, REGISTRY, COMPOSITOR, SHM, SHELL, SURFACE, XDG_SURFACE, TOPLEVEL, POOL = range(1, 10)
BUFFERS, CALLBACKS = (10, 11), 12
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.path.join(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]))


def string(text):
    data = text.encode() + b"\0"
    return struct.pack("I", len(data)) + data.ljust((len(data) + 3) // 4 * 4, b"\0")


def send(target, request, *args, fds=()):
    body = b"".join(arg if isinstance(arg, bytes) else struct.pack("I", arg) for arg in args)
    socket.send_fds(connection, [struct.pack("II", target, (8 + len(body)) << 16 | request) + body], fds)


def events():
    """What the compositor says: an object, the number of an event, its arguments."""
    data = b""
    while received := connection.recv(65536):
        data += received
        while len(data) >= 8 and len(data) >= (length := struct.unpack_from("I", data, 4)[0] >> 16):
            target, event = struct.unpack_from("IH", data)
            yield target, event, data[8:length]
            data = data[length:]


def bind(wanted):
    """Gives the compositor's globals our numbers, which have to be used in their order."""
    names = {}
    for target, event, body in incoming:
        if target == REGISTRY and event == 0:
            name, length = struct.unpack_from("II", body)
            names[body[8:8 + length - 1].decode()] = name
        if all(interface in names for interface in wanted):
            break
    for interface, number in wanted.items():
        send(REGISTRY, 0, names[interface], string(interface), 1, number)


incoming = events()
chance = random.Random(1)
kept = [chance.randbytes(width * 4 * 20) * (height // 20) for _ in range(pictures)]
memory_fd = os.memfd_create("buffers")
os.ftruncate(memory_fd, 2 * size)
memory = mmap.mmap(memory_fd, 2 * size)

send(DISPLAY, 1, REGISTRY)
bind({"wl_compositor": COMPOSITOR, "wl_shm": SHM, "xdg_wm_base": SHELL})
send(COMPOSITOR, 0, SURFACE)
send(SHELL, 2, XDG_SURFACE, SURFACE)
send(XDG_SURFACE, 1, TOPLEVEL)
send(TOPLEVEL, 2, string("paint"))
send(SHM, 0, POOL, 2 * size, fds=[memory_fd])
for index, buffer in enumerate(BUFFERS):
    send(POOL, 0, buffer, index * size, width, height, width * 4, 1)
send(SURFACE, 6)

frame = 0


def draw():
    global frame
    index = frame % 2
    memory[index * size:(index + 1) * size] = kept[frame % pictures]
    send(SURFACE, 1, BUFFERS[index], 0, 0)
    send(SURFACE, 2, 0, 0, width, height)
    send(SURFACE, 3, CALLBACKS + frame)
    send(SURFACE, 6)
    frame += 1


for target, event, body in incoming:
    if target == SHELL:
        send(SHELL, 3, body)
    elif target == XDG_SURFACE:
        send(XDG_SURFACE, 4, body)
        if frame == 0:
            draw()
    elif target == CALLBACKS + frame - 1:
        draw()
