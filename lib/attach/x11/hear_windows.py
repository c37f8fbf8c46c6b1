# hear_windows.py
# Loaded by the Python of xpra's server before xpra (site(7)): has it hear of a window's changes before it reads its
# properties. xpra 6.5.5 reads them first, and misses what changes in between, such as the title of an app that opens a file.
import builtins
import os
import sys

# The app's own Python does without.
os.environ.pop("PYTHONPATH", None)
load = builtins.__import__


def hook(*args, **options):
    module = load(*args, **options)
    core = sys.modules.get("xpra.x11.models.core")
    read = getattr(getattr(core, "CoreX11WindowModel", None), "_read_initial_X11_properties", None)
    if read:
        builtins.__import__ = load

        def hear_first(window):
            core.X11Window.addDefaultEvents(window.xid)
            read(window)

        core.CoreX11WindowModel._read_initial_X11_properties = hear_first
    return module


builtins.__import__ = hook
