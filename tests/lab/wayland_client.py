"""What the tests' programs that speak Wayland have in common: the connection, the globals. Each is this text and its own behind it."""

import os
import socket
import struct

DISPLAY, REGISTRY, CALLBACK = 1, 2, 3


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

    def bind(self, found, interface, new, version=1):
        self.send(REGISTRY, 0, struct.pack("<I", found[interface]) + text(interface) + struct.pack("<II", version, new))
