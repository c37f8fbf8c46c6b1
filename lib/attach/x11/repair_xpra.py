# repair_xpra.py
# Loaded by the Python of xpra's server before xpra (site(7)): mends modules of xpra 6.5.5 as they are loaded.
import contextlib
import os
import struct
import sys
import types
from importlib.machinery import PathFinder


# A window's properties are read before xpra hears of their changes: what changes in between was missed, such as the
# title of an app that opens a file.
def hear_first(core):
    model, x11 = core.CoreX11WindowModel, core.X11Window
    read = model._read_initial_X11_properties

    def hear_and_read(window):
        x11.addDefaultEvents(window.xid)
        read(window)

    model._read_initial_X11_properties = hear_and_read


# xclip does not say how large it is what comes in pieces, from 1 MiB on: it was lost, and xclip waited for ever.
def take_unsized(proxy):
    size = lambda form, data: struct.unpack(form, data or bytes(struct.calcsize(form)))
    proxy.struct = types.SimpleNamespace(unpack=size)


class Repairs:
    left = {"xpra.x11.models.core": hear_first, "xpra.x11.selection.proxy": take_unsized}

    @classmethod
    def find_spec(cls, name, path, target=None):
        repair = cls.left.pop(name, None)
        spec = repair and PathFinder.find_spec(name, path, target)
        if spec:
            load = spec.loader.exec_module

            def load_and_repair(module):
                load(module)
                with contextlib.suppress(AttributeError):
                    repair(module)

            spec.loader.exec_module = load_and_repair
        return spec


# The app's own Python does without.
os.environ.pop("PYTHONPATH", None)
sys.meta_path.insert(0, Repairs)
