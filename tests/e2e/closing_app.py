"""An app that notes in the file "ends" of the share how it is ended. With a first argument, it asks the user back when its
window is to be closed, in a dialog that nobody answers.
"""

import os
import signal
import sys

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402


def note(word):
    with open(os.path.expanduser("~/share/ends"), "a", encoding="utf-8") as file:
        file.write(word + "\n")


def closed(window, _event):
    note("closed")
    if not sys.argv[1:]:
        Gtk.main_quit()
        return False
    Gtk.MessageDialog(transient_for=window, modal=True, text="Save it?", buttons=Gtk.ButtonsType.YES_NO).show()
    return True


def terminated():
    note("terminated")
    Gtk.main_quit()


GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, terminated)
window = Gtk.Window(title="letter", default_width=300, default_height=200)
window.connect("delete-event", closed)
window.show_all()
Gtk.main()
