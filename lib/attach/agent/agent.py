# agent.py
"""The agent of a session: a backend of xdg-desktop-portal that asks the host's end, over its own stdin and stdout.

In the session's directory it stands between interface.py and the parts of channels, with main.py at the end.
Its arguments: the exit statuses of protocol.ts when it can serve nothing, or nothing where there is no host's end, when
nobody needs it any more, and when the agent of a later run has taken its place; a line that the host's end has said
already; and the channels that it serves.

One JSON object a line. To the host: {"ask": "ready"} as soon as it answers apps, and {"ask": "lacks", "what",
"channels"} before, without "channels" about all; what else it asks is said by the parts. From the host: {"id", "paths"},
where no path is a no, or with "failed" an error, {"id", "here"} for a dialog of the container's own, {"scheme"} when the
host's apps become dark or light, and what the parts take.

The host's end believes nothing of what comes from here. When it is gone, this program shows dialogs of its own, with
the container's files. It ends when nobody asks any more, unless it has something to watch. The session's bus then has
it started when an app asks.
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
# Not an id of an agent before this one: the host's end may still answer those.
numbers = itertools.count((time.monotonic_ns() >> 20 & 0x3FFFFFFF) + 1)
# What apps wait for, by its id: what takes the answer, and what gives one when the host's end has none.
waiting = {}
# What the parts add: objects on the bus, as register_object() takes them, and their names; handlers of lines by a key in
# them; whether something needs the agent; what is called when the app runs, it has its name, and the host's end is gone.
objects, names, on_key = [], [], {}
is_needed, on_app, on_named, on_end = [], [], [], []


def await_bus():
    """Waits for the session's bus. Ends with the host's end, which says nothing before it hears of this one."""
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
    """An interface, as the bus takes it."""
    return Gio.DBusNodeInfo.new_for_xml(f"<node>{xml}</node>").interfaces[0]


def offer(path, xml, on_method, properties=None):
    """Has an interface at a path. Its calls keep the agent from sleep."""

    def on_any_call(*call):
        agent.last_call = time.monotonic()
        on_method(*call)

    objects.append((path, described(xml), on_any_call, lambda *call: (properties or {})[call[4]], None))


def lacks(what, *channels):
    """Tells the host's end what channels lack that are to be served, or all."""
    gone = [channel for channel in channels if channel in CHANNELS]
    if USELESS and (gone or not channels):
        send({"ask": "lacks", "what": what, **({"channels": gone} if channels else {})})


def serves(channel):
    """Whether the host's end answers for a channel."""
    return agent.has_host and channel in CHANNELS


def take_environment():
    """Takes the environment of the session's first app, once that runs: for the look, and for what is shown here."""
    if not os.path.exists(f"{directory}/pid"):
        return True
    shell = ["/bin/sh", "-c", '. "$0" && exec env -0', f"{directory}/environment"]
    for word in subprocess.run(shell, capture_output=True, check=False).stdout.split(b"\0")[:-1]:
        name, value = word.split(b"=", 1)
        # GTK shows its own dialog here, when the host's end is gone.
        if name != b"GTK_USE_PORTAL":
            os.environb[name] = value
    agent.has_environment = True
    for act in on_app:
        act()
    return False


def send(message):
    """Sends one line to the host's end, if it is there."""
    if agent.has_host:
        try:
            os.write(1, (json.dumps({"id": 0, **message}, ensure_ascii=False) + "\n").encode(errors="replace"))
        except OSError:
            ask_here()


def expect(done, here=None):
    """A new id, for which `done` gets the answer. Where the host's end has none, `here` gives one, or nobody does."""
    number = next(numbers)
    waiting[number] = (done, here or (lambda: answer({"id": number, "paths": []})))
    return number


def answer(message):
    """Answers an app: with files, or that the user has chosen none."""
    done, _here = waiting.pop(message.get("id"), (None, None))
    if done:
        done(message)


def answer_here(message):
    """Answers an app by a dialog of the container's own."""
    if message["id"] in waiting:
        waiting[message["id"]][1]()


def given(kind, descriptor, name):
    """What is asked for a file that the host is to read: it can be read at its path for as long as it is open here."""
    path = f"/proc/{os.getpid()}/fd/{descriptor}"
    return {"ask": kind, "name": name[:400], "path": path, "size": os.fstat(descriptor).st_size, "multiple": False}


def ask_here():
    """There is no host's end any more: shows here what waits for it."""
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
    """Gives up the names when nobody has called for a while, and ends a second later: all calls before have answers then."""
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
        # Somebody has called just before.
        own_names()
    return True


def on_host(channel, condition):
    """Reads what the host's end says."""
    line = channel.readline() if condition & GLib.IO_IN else ""
    if not line:
        ask_here()
        return False
    on_line(line)
    return True


def on_line(line):
    """Does what the host's end says. A signal can have cut the line of session.sh."""
    try:
        message = json.loads(line)
    except ValueError:
        return
    act = next((act for key, act in on_key.items() if key in message), answer)
    act(message)


on_key["here"] = answer_here


def on_bus(connection, _name):
    """Has all objects on the bus."""
    if not agent.bus:
        agent.bus = connection
        for parts in objects:
            connection.register_object(*parts)


def on_name(_connection, _name):
    """Answers apps from now on."""
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
    """The process of session.sh for the last run that has served the session, if it is still there."""
    try:
        with open(f"{directory}/attached", encoding="utf-8") as file:
            process = int(file.read())
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return process if b"\nverb=agent\n" in file.read() else None
    except (OSError, ValueError):
        return None


def write_attached(text):
    """Writes it down, for session.sh."""
    with open(f"{directory}/attached", "w", encoding="utf-8") as file:
        file.write(text)


def on_lost_name(connection, _name):
    """Another agent has the names now, or the session's bus has ended."""
    sys.exit(int(REPLACED) if connection and USELESS else 1)


def own_names():
    """Takes the names by which apps know this."""
    flags = Gio.BusNameOwnerFlags
    # The agent of a run that shows the session now takes the place of that of a run before.
    flags = flags.ALLOW_REPLACEMENT | (flags.REPLACE if USELESS else flags.DO_NOT_QUEUE)
    own = [(name, None, lambda *_: None) for name in names]
    for name, on_own, on_lost in [*own, (NAME, on_name, on_lost_name)]:
        agent.owned.append(Gio.bus_own_name(Gio.BusType.SESSION, name, flags, on_bus, on_own, on_lost))


await_bus()
os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={directory}/bus"
