"""A world in one container: a DNS server, and a web server that says which of its addresses was reached.

The argument is the address of the DNS server. It answers for these names, and what it says does not last:
  a-10-77-0-1_192-31-196-1.*   these addresses
  flip.*                       192.31.196.1 and 192.168.77.1 in turns
and says that each address is called allowed.test.
"""

import itertools
import socket
import struct
import sys
import threading

turns = itertools.cycle(["192.31.196.1", "192.168.77.1"])
address_type, pointer_type = 1, 12


def answer(question):
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode().lower())
        at += 1 + question[at]
    (kind,) = struct.unpack(">H", question[at + 1 : at + 3])
    values = []
    if kind == address_type and labels[0] == "flip":
        values = [socket.inet_aton(next(turns))]
    elif kind == address_type and labels[0].startswith("a-"):
        values = [socket.inet_aton(name.replace("-", ".")) for name in labels[0][2:].split("_")]
    elif kind == address_type and labels[-1] == "test":
        values = [socket.inet_aton("192.31.196.1")]
    elif kind == pointer_type:
        values = [b"\x07allowed\x04test\x00"]
    records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(value)) + value for value in values)
    return question[:2] + struct.pack(">HHHHH", 0x8580, 1, len(values), 0, 0) + question[12 : at + 5] + records


def serve_names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    while True:
        question, client = server.recvfrom(2000)
        server.sendto(answer(question), client)


def serve_page(connection):
    body = f"reached {connection.getsockname()[0].removeprefix('::ffff:')}\n".encode()
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connection:
        connection.settimeout(10)
        connection.recv(4000)
        connection.sendall(head + body)


threading.Thread(target=serve_names, daemon=True).start()
web = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
print("ready", flush=True)
while True:
    threading.Thread(target=serve_page, args=(web.accept()[0],), daemon=True).start()
