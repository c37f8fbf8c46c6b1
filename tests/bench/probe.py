"""Looks at the host's display and sound for the bench, more finely than starting a program for each look could.

Usage: probe.py window TITLE TIMEOUT | keys TITLE COUNT | changes TITLE SECONDS X Y WIDTH HEIGHT | sound SECONDS
Prints "ready" when it looks, then one line of JSON. Times are in milliseconds. Needs Debian's python3-xlib.
"""

import array
import json
import re
import select
import subprocess
import sys
import time

from Xlib import X, XK, display, error
from Xlib.ext import xtest

connection = display.Display()
root = connection.screen().root


def picture(window, area=None):
    """The bytes of a part of a window; None when it is not there to be seen."""
    try:
        if area is None:
            size = window.get_geometry()
            area = (0, 0, size.width, size.height)
        return window.get_image(*area, X.ZPixmap, 0xFFFFFFFF).data
    except (error.BadMatch, error.BadDrawable, error.BadWindow):
        return None


def title_of(window):
    try:
        text = window.get_full_text_property(connection.get_atom("_NET_WM_NAME"), connection.get_atom("UTF8_STRING"))
        return text or window.get_wm_name() or ""
    except error.BadWindow:
        return ""


def find(title):
    """The first viewable window whose title matches."""
    pending = [root]
    while pending:
        window = pending.pop()
        try:
            pending += window.query_tree().children
            if window is not root and re.search(title, str(title_of(window))):
                if window.get_attributes().map_state == X.IsViewable:
                    return window
        except (error.BadWindow, error.BadDrawable):
            pass
    return None


def is_painted(data):
    """Whether a picture has more than one colour."""
    if not data:
        return False
    pixels = array.array("I", data[: len(data) // 4 * 4])
    return any(pixel != pixels[0] for pixel in pixels[::7])


def wait_for(title, seconds):
    """Waits for a painted window. It looks when something happens to a window that is new: looking all the time costs."""
    root.change_attributes(event_mask=X.SubstructureNotifyMask)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        window = find(title)
        while window and time.monotonic() < deadline:
            if is_painted(picture(window)):
                return window
            time.sleep(0.002)
        # What has come with the replies meanwhile is not in the socket any more.
        if not connection.pending_events():
            select.select([connection], [], [], 0.25)
        while connection.pending_events():
            event = connection.next_event()
            if event.type == X.CreateNotify:
                # The window manager puts it into a frame: what happens to it then is not seen from the root window.
                changes_of_its_own = X.StructureNotifyMask | X.PropertyChangeMask
                event.window.change_attributes(event_mask=changes_of_its_own, onerror=lambda *_: None)
    sys.exit(f"No painted window \"{title}\" within {seconds} s")


def part_of(title, seconds, area):
    """A painted window that a part can be seen of."""
    window = wait_for(title, seconds)
    if picture(window, area) is None:
        size = window.get_geometry()
        sys.exit(f"Only a window of {size.width} × {size.height} pixels to look at")
    return window


def keys(window, line, count):
    """Types into a terminal by XTEST, a key at a time: how long until the picture of its line is another one."""
    subprocess.run(["xdotool", "windowactivate", "--sync", str(window.id)], check=True)
    time.sleep(1)
    code = connection.keysym_to_keycode(XK.XK_x)
    delays = []
    for _ in range(count):
        time.sleep(0.1)
        before = picture(window, line)
        start = time.monotonic()
        try:
            xtest.fake_input(connection, X.KeyPress, code)
            connection.sync()
            while picture(window, line) == before:
                if time.monotonic() - start > 2:
                    sys.exit("A key did not change the window's picture")
            delays.append((time.monotonic() - start) * 1000)
        finally:
            xtest.fake_input(connection, X.KeyRelease, code)
            connection.sync()
    return delays


def changes(window, area, seconds):
    """How often a part of the window has another picture than before, by a look every 3 ms."""
    count = 0
    start = time.monotonic()
    before = picture(window, area)
    while time.monotonic() - start < seconds:
        time.sleep(0.003)
        now = picture(window, area)
        if now != before:
            count += 1
            before = now
    return {"changes": count, "seconds": time.monotonic() - start}


def first_sound(seconds):
    """How long from now until the host's sound server plays something."""
    record = ["parec", "--device=@DEFAULT_MONITOR@", "--raw", "--format=s16le", "--rate=8000", "--channels=1"]
    with subprocess.Popen([*record, "--latency-msec=10"], stdout=subprocess.PIPE) as recorder:
        recorder.stdout.read(1600)
        say("ready")
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if max(map(abs, array.array("h", recorder.stdout.read(160)))) > 300:
                recorder.kill()
                return (time.monotonic() - start) * 1000
        recorder.kill()
    sys.exit(f"Silence for {seconds} s")


def say(line):
    print(line, flush=True)


def main(command, *args):
    if command == "sound":
        return first_sound(float(args[0]))
    if command == "window":
        say("ready")
        start = time.monotonic()
        wait_for(args[0], float(args[1]))
        return (time.monotonic() - start) * 1000
    area = (0, 0, 400, 20) if command == "keys" else tuple(map(int, args[2:6]))
    window = part_of(args[0], 30, area)
    say("ready")
    return keys(window, area, int(args[1])) if command == "keys" else changes(window, area, float(args[1]))


say(json.dumps(main(*sys.argv[1:])))
