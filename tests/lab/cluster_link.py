"""A slow link: hands IP packets from one TUN device to another one, which is in another network namespace.

Usage: cluster_link.py NAMESPACE DEVICE ONE_WAY_SECONDS BYTES_PER_SECOND

Both devices have the name DEVICE. With a rate of 0 packets wait for the delay only. What would wait for more than 100 ms
until it can be sent is dropped, as in a router with that much memory; with a rate below 0 all is. It ends when the device
is deleted. (The kernel's own way is `tc qdisc … netem`, a module that not every kernel has.)
"""

import collections
import errno
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
QUEUE_SECONDS = 0.1


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


class Way:
    """Packets that are under way in one direction."""

    def __init__(self, source, target, delay, rate):
        self.source, self.target, self.delay, self.rate = source, target, delay, rate
        self.packets = collections.deque()
        self.free_at = 0.0

    def take(self):
        for _ in range(256):
            try:
                packet = os.read(self.source, 65535)
            except BlockingIOError:
                return
            if self.rate < 0:
                continue
            now = time.monotonic()
            self.free_at = max(now, self.free_at)
            if self.free_at - now > QUEUE_SECONDS:
                continue
            if self.rate:
                self.free_at += len(packet) / self.rate
            self.packets.append((self.free_at + self.delay, packet))

    def deliver(self):
        while self.packets and self.packets[0][0] <= time.monotonic():
            try:
                os.write(self.target, self.packets.popleft()[1])
            except OSError as error:
                if error.errno == errno.EBADFD:
                    raise
                # The device is not up yet, or its queue is full: the packet is lost.


def main(namespace, device, delay, rate):
    here = open_tun(device)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    os.setns(os.open("/run/netns/" + namespace, os.O_RDONLY), os.CLONE_NEWNET)
    there = open_tun(device)
    # Not to be taken for a process of the namespace.
    os.setns(home, os.CLONE_NEWNET)
    ways = [Way(here, there, delay, rate), Way(there, here, delay, rate)]
    while True:
        due = [way.packets[0][0] for way in ways if way.packets]
        select.select([here, there], [], [], max(0.0, min(due) - time.monotonic()) if due else None)
        for way in ways:
            way.take()
            way.deliver()


try:
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
except OSError as error:
    if error.errno != errno.EBADFD:
        raise
