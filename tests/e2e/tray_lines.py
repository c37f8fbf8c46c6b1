"""The main loop of tray_app.py and tray_watcher.py."""

import sys

from gi.repository import GLib


def obey(names):
    """Does what each line of standard input says, in Python with these names, until its end."""

    def on_line(channel, _condition):
        line = channel.readline()
        if not line:
            sys.exit()
        exec(line, names)
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_line)
    GLib.MainLoop().run()
