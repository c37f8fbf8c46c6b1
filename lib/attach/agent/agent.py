# agent.py
"""The agent of a session: a backend of xdg-desktop-portal that asks the host's end over stdin and stdout.

The file in the session's directory consists of interface.py, this, the parts of the channels, and main.py. Its
arguments: three exit statuses of protocol.ts: "useless" (empty if there is no host's end), "asleep" and "replaced"; a
line that the host's end has already sent; and the channels that it serves.

Each line is one JSON object. To the host: {"ask": "lacks", "what", "channels"} (without "channels": all), then {"ask":
"ready"} as soon as it answers apps; the parts add requests of their own. From the host: {"id", "paths"}, where no paths
mean no, or an error with "failed"; {"id", "here"} for a dialog in the container; {"scheme"} when the host's apps become
dark or light; and what the parts take.

The host's end trusts nothing that comes from here. When it is gone, this program shows its own dialogs, with the
container's files. It exits when idle, unless it has something to watch; the session's bus starts it again when an app
asks.
"""

import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.freedesktop.impl.portal.desktop.guicontainer"
PATH = "/org/freedesktop/portal/desktop"
PORTAL = "org.freedesktop.impl.portal"
DONE, CANCELLED, FAILED = 0, 1, 2
IDLE_SECONDS = 3
USELESS, ASLEEP, REPLACED, LINE, *CHANNELS = sys.argv[1:]
directory = os.path.dirname(os.path.abspath(__file__))
agent = SimpleNamespace(bus=None, has_host=True, has_name=False, has_environment=False, last_call=0, owned=[], line=LINE)
# Ids must differ from an earlier agent's: the host's end may still answer those.
numbers = itertools.count((time.monotonic_ns() >> 20 & 0x3FFFFFFF) + 1)
# Requests that apps wait for, by id: a function that takes the answer, and one that answers without the host's end.
waiting = {}
# What the parts add: objects on the bus (arguments of register_object()) and bus names; handlers of lines, by a key in
# these; checks whether the agent is needed; and functions to call once the app runs, once the agent has its name, and
# when the host's end is gone.
objects, names, on_key = [], [], {}
is_needed, on_app, on_named, on_end = [], [], [], []


def await_bus():
    """Waits for the session's bus. Exits if stdin becomes readable: before "ready", that can only be its end."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as bus:
                bus.connect(f"{directory}/bus")
                return
        except OSError:
            pass
        if select.select([0], [], [], 0.02)[0]:
            sys.exit(1)


def described(xml):
    """An interface as a Gio object."""
    return Gio.DBusNodeInfo.new_for_xml(f"<node>{xml}</node>").interfaces[0]


def offer(path, xml, on_method, properties=None):
    """Offers an interface at a path of the bus. Calls keep the agent awake."""

    def on_any_call(*call):
        agent.last_call = time.monotonic()
        on_method(*call)

    objects.append((path, described(xml), on_any_call, lambda *call: (properties or {})[call[4]], None))


def lacks(what, *channels):
    """Tells the host's end what these channels (or all) lack, if they are to be served."""
    gone = [channel for channel in channels if channel in CHANNELS]
    if USELESS and (gone or not channels):
        send({"ask": "lacks", "what": what, **({"channels": gone} if channels else {})})


def serves(channel):
    """Whether the host's end answers for a channel."""
    return agent.has_host and channel in CHANNELS


def take_environment():
    """Takes over the environment of the session's first app once that runs: for the look, and for dialogs here."""
    if not os.path.exists(f"{directory}/pid"):
        return True
    shell = ["/bin/sh", "-c", '. "$0" && exec env -0', f"{directory}/environment"]
    for word in subprocess.run(shell, capture_output=True, check=False).stdout.split(b"\0")[:-1]:
        name, value = word.split(b"=", 1)
        # With this variable, GTK would not show its own dialog here when the host's end is gone.
        if name != b"GTK_USE_PORTAL":
            os.environb[name] = value
    agent.has_environment = True
    for act in on_app:
        act()
    return False


def send(message):
    """Sends a line to the host's end, if there is one."""
    if agent.has_host:
        try:
            os.write(1, (json.dumps({"id": 0, **message}, ensure_ascii=False) + "\n").encode(errors="replace"))
        except OSError:
            ask_here()


def expect(done, here=None):
    """Returns a new id, whose answer `done` gets. Without a host's end, `here` answers; by default with no file."""
    number = next(numbers)
    waiting[number] = (done, here or (lambda: answer({"id": number, "paths": []})))
    return number


def answer(message):
    """Answers an app: with files, or with none."""
    done, _here = waiting.pop(message.get("id"), (None, None))
    if done:
        done(message)


def answer_here(message):
    """Answers an app with a dialog in the container."""
    if message["id"] in waiting:
        waiting[message["id"]][1]()


def given(kind, descriptor, name):
    """The request for a file that the host shall read. Its path is valid as long as the file is open here."""
    path = f"/proc/{os.getpid()}/fd/{descriptor}"
    return {"ask": kind, "name": name[:400], "path": path, "size": os.fstat(descriptor).st_size, "multiple": False}


def ask_here():
    """Called when the host's end is gone: answers here what waits for it."""
    if not agent.has_host:
        return
    agent.has_host = False
    if read_attached() == os.getppid():
        write_attached("")
    for number in list(waiting):
        GLib.idle_add(answer_here, {"id": number})
    for act in on_end:
        act()


def end_idle():
    """When idle, gives up the bus names, and exits a second later, when all earlier calls have their answers."""
    idle = agent.last_call and not waiting and not (agent.has_host and any(need() for need in is_needed))
    if idle and time.monotonic() - agent.last_call > IDLE_SECONDS:
        if not agent.owned:
            sys.exit(int(ASLEEP) if agent.has_host else 0)
        if agent.has_host:
            with open(f"{directory}/asleep", "w", encoding="utf-8") as file:
                file.write(f"{os.getppid()}\n")
        agent.has_name = False
        while agent.owned:
            Gio.bus_unown_name(agent.owned.pop())
    elif agent.last_call and not agent.owned:
        # A call came in between.
        own_names()
    return True


def on_host(channel, condition):
    """Reads a line from the host's end."""
    line = channel.readline() if condition & GLib.IO_IN else ""
    if not line:
        ask_here()
        return False
    on_line(line)
    return True


def on_line(line):
    """Handles a line from the host's end. A signal may have cut one that session.sh read."""
    try:
        message = json.loads(line)
    except ValueError:
        return
    act = next((act for key, act in on_key.items() if key in message), answer)
    act(message)


on_key["here"] = answer_here


def on_bus(connection, _name):
    """Puts all objects on the bus."""
    if not agent.bus:
        agent.bus = connection
        for parts in objects:
            connection.register_object(*parts)


def on_name(_connection, _name):
    """From now on, apps are answered."""
    agent.last_call = time.monotonic()
    agent.has_name = True
    send({"ask": "ready"})
    # See offer_portals.sh.
    for name in ("awaited", "asleep", "await_tray"):
        if os.path.exists(f"{directory}/{name}"):
            os.remove(f"{directory}/{name}")
    if agent.line:
        line, agent.line = agent.line, ""
        on_line(line)
    for act in on_named:
        act()


def read_attached():
    """The session.sh process of the last run that served the session, if it still exists."""
    try:
        with open(f"{directory}/attached", encoding="utf-8") as file:
            process = int(file.read())
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return process if b"\nverb=agent\n" in file.read() else None
    except (OSError, ValueError):
        return None


def write_attached(text):
    """Writes that process id, for session.sh."""
    with open(f"{directory}/attached", "w", encoding="utf-8") as file:
        file.write(text)


def on_lost_name(connection, _name):
    """Another agent has the names now, or the session's bus has ended."""
    sys.exit(int(REPLACED) if connection and USELESS else 1)


def own_names():
    """Requests the bus names that apps call."""
    flags = Gio.BusNameOwnerFlags
    # The agent of the current run replaces that of an earlier run.
    flags = flags.ALLOW_REPLACEMENT | (flags.REPLACE if USELESS else flags.DO_NOT_QUEUE)
    own = [(name, None, lambda *_: None) for name in names]
    for name, on_own, on_lost in [*own, (NAME, on_name, on_lost_name)]:
        agent.owned.append(Gio.bus_own_name(Gio.BusType.SESSION, name, flags, on_bus, on_own, on_lost))


await_bus()
os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={directory}/bus"
