# repair_xpra.py
# Loaded by Python (its module site) before xpra, at both ends: patches modules of xpra 6.5.5 as they are loaded.
import contextlib
import os
import struct
import sys
import types
from importlib.machinery import PathFinder


# xpra reads a window's properties before it selects events of their changes, and so missed changes in between, such as
# the title of an app that opens a file.
def hear_first(core):
    model, x11 = core.CoreX11WindowModel, core.X11Window
    read = model._read_initial_X11_properties

    def hear_and_read(window):
        x11.addDefaultEvents(window.xid)
        read(window)

    model._read_initial_X11_properties = hear_and_read


# xpra drew a border over the edge of the app's picture. This puts it around the picture, except for popups.
def frame(base):
    kind, toplevel = base.GTKClientWindowBase, base.Gtk.Window
    make = kind.init_drawing_area

    def make_in_border(window):
        make(window)
        border = window.border
        if border and border.shown and not window.is_OR():
            border.shown = False
            window.set_border_width(border.size)
            window.set_app_paintable(False)
            colour = base.Gdk.RGBA(border.red, border.green, border.blue, 1)
            window.override_background_color(base.Gtk.StateFlags.NORMAL, colour)

    def set_default_size(window, width, height):
        both = 2 * window.get_border_width()
        toplevel.set_default_size(window, width + both, height + both)

    kind.init_drawing_area, kind.set_default_size = make_in_border, set_default_size


# From 1 MiB on, xclip sends data in pieces (INCR) without stating the size. The data was lost, and xclip waited
# forever.
def take_unsized(proxy):
    size = lambda form, data: struct.unpack(form, data or bytes(struct.calcsize(form)))
    proxy.struct = types.SimpleNamespace(unpack=size)


# The work area, which limits menus, remained that of the screen at the start.
def follow_screen(display):
    kind = display.DisplayConnection
    set_monitors = kind.set_monitors

    def set_monitors_and_areas(source, monitors):
        set_monitors(source, monitors)
        if source.hello_sent:
            areas = [monitor.get("workarea", ()) for monitor in source.monitors.values()]
            source.screen_sizes = [("screen", 0, 0, 0, 0, (), *area) for area in areas]

    kind.set_monitors = set_monitors_and_areas


class Repairs(PathFinder):
    left = {
        "xpra.x11.models.core": hear_first,
        "xpra.client.gtk3.window.base": frame,
        "xpra.x11.selection.proxy": take_unsized,
        "xpra.server.source.display": follow_screen,
    }

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = super().find_spec(name, path, target)
        repair = spec and cls.left.pop(name, None)
        if repair:
            load = spec.loader.exec_module

            def load_and_repair(module):
                load(module)
                with contextlib.suppress(AttributeError):
                    repair(module)

            spec.loader.exec_module = load_and_repair
        return spec


# The app's own Python must not load this.
os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"].partition(":")[2]
sys.meta_path[sys.meta_path.index(PathFinder)] = Repairs
