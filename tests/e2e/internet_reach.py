"""Tries to reach HOST:PORT, for each of the further arguments: "direct", or "proxy", by a request and by a tunnel.

Prints the target and what the one who was reached says.
"""

import concurrent.futures
import socket
import sys

how, *targets = sys.argv[1:]


def read(connection):
    answer = b""
    while piece := connection.recv(4000):
        answer += piece
    return answer.decode()


def split(target):
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def direct(target):
    with socket.create_connection(split(target), 2) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return read(connection)


def by_request(target):
    with socket.create_connection(("127.0.0.1", 3128), 20) as connection:
        connection.sendall(f"GET http://{target}/ HTTP/1.0\r\n\r\n".encode())
        return read(connection)


def by_tunnel(target):
    with socket.create_connection(("127.0.0.1", 3128), 20) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n".encode())
        return read(connection)


def attempt(task):
    reach, target = task
    try:
        reached = [line for line in reach(target).splitlines() if line.startswith("reached ")]
    except OSError:
        return []
    return [f"{target} {line}" for line in reached]


ways = [direct] if how == "direct" else [by_request, by_tunnel]
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    for found in pool.map(attempt, [(way, target) for target in targets for way in ways]):
        for line in found:
            print(line)
