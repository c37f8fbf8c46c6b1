"""What xpra itself reads: takes cases from stdin, a kind, four bytes of length and as many bytes, and writes a line
for each. Kind "v": one value in rencodeplus. Kind "p": the frames of one packet, through xpra's own protocol."""

import struct
import sys
from queue import Empty, Queue

from xpra.net import compression, packet_encoding
from xpra.net.protocol.socket_handler import SocketProtocol
from xpra.net.rencodeplus import rencodeplus


class Connection:
    """As much of a connection as the protocol looks at before it reads."""

    socktype = "unix"
    timeout = 1

    def read(self, *_args):
        return b""

    write = close = peek = read


class Scheduler:
    """Runs at once what is due at once; what is due later would end the connection."""

    @staticmethod
    def idle_add(function, *args):
        function(*args)

    @staticmethod
    def timeout_add(_delay, *_args):
        return 0


def name(value):
    """The same text as `nameOf` in rencode.ts gives for the same value."""
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        return "dnan" if value != value else "d" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, (bytes, memoryview)):
        return "b" + bytes(value).hex()
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(map(name, value)) + "]"
    return "{" + ",".join(f"{name(key)}:{name(each)}" for key, each in value.items()) + "}"


def main():
    packet_encoding.init_all()
    compression.init_all()
    packets = Queue()
    read = sys.stdin.buffer.read
    protocol = None
    while kind := read(1):
        (size,) = struct.unpack(">I", read(4))
        data = read(size)
        if kind == b"v":
            try:
                line = name(rencodeplus.loads(data))
            except Exception as error:
                line = "!" + type(error).__name__
        else:
            if not protocol:
                protocol = SocketProtocol(Connection(), lambda _, packet: packets.put(list(packet)), scheduler=Scheduler)
            protocol.process_read(data)
            try:
                line = name(packets.get(timeout=5))
            except Empty:
                line, protocol = "!", None
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


main()
