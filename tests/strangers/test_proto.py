# test_proto's client: puts the guard, which listens at DIRECTORY/guard, before `waypipe client-conn`.
#
# test_proto ends what it says with a fence, a message for an object that there is not, and waits until that has passed.
# The guard would cut the app off, so it is taken out of its frame before the guard, and put into the same one after it:
# the guard passes a frame for each frame.
#
# Usage: test_proto.py DIRECTORY WAYPIPE ARGUMENT...
import os, selectors, socket, struct, sys

directory, waypipe, *arguments = sys.argv[1:]
fence = struct.pack("<IHH", 0xFFFFFFFF, 0, 8)


def adopt(variable):
    return socket.socket(fileno=int(os.environ[variable]))


class Frames:
    """Passes whole frames, the first `head` bytes as they are."""

    def __init__(self, change, head):
        self.change, self.head, self.rest, self.count = change, head, b"", 0

    def take(self, data):
        self.rest += data
        passing = self.rest[: self.head]
        self.rest, self.head = self.rest[self.head :], self.head - len(passing)
        while len(self.rest) >= 4:
            size, kind = divmod(struct.unpack_from("<I", self.rest)[0], 32)
            end = (size + 3) & ~3
            if len(self.rest) < end:
                break
            frame, self.rest = self.rest[:end], self.rest[end:]
            passing += self.change(self.count, frame) if kind == 0 else frame
            self.count += 1
        return passing


def sides(head):
    fenced = set()

    def remove(number, frame):
        if not frame.endswith(fence):
            return frame
        fenced.add(number)
        return struct.pack("<I", (len(frame) - 8) << 5) + frame[4:-8]

    def put_back(number, frame):
        if number not in fenced:
            return frame
        return struct.pack("<I", (len(frame) + 8) << 5) + frame[4:] + fence

    return Frames(remove, head), Frames(put_back, head)


server = adopt("WAYPIPE_CONNECTION_FD")
path = f"{directory}/client"
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
near = socket.socket(socket.AF_UNIX)
near.connect(f"{directory}/guard")
own, client = socket.socketpair()
if os.fork() > 0:
    os.set_inheritable(client.fileno(), True)
    os.environ["WAYPIPE_CONNECTION_FD"] = str(client.fileno())
    os.execv(waypipe, [waypipe, *arguments])
client.close()
os.close(int(os.environ["WAYLAND_SOCKET"]))
out_remove, out_put_back = sides(16)
in_remove, in_put_back = sides(0)
selector = selectors.DefaultSelector()
selector.register(server, selectors.EVENT_READ, (out_remove, near))
selector.register(near, selectors.EVENT_READ, (in_put_back, server))
# The guard connects once it has the first bytes.
selector.register(listener, selectors.EVENT_READ, None)
while selector.get_map():
    # The listener first: the guard may have connected, and then closed.
    for key, _ in sorted(selector.select(), key=lambda ready: ready[0].data is not None):
        if key.data is None:
            far, _ = listener.accept()
            selector.register(far, selectors.EVENT_READ, (out_put_back, own))
            selector.register(own, selectors.EVENT_READ, (in_remove, far))
            selector.unregister(listener)
            continue
        frames, to = key.data
        try:
            data = key.fileobj.recv(65536)
            if data:
                to.sendall(frames.take(data))
                continue
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        selector.unregister(key.fileobj)
        if key.fileobj is near and listener in selector.get_map():
            sys.exit()
