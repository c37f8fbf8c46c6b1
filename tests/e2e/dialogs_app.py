"""An app with a File menu: does what is in the file "todo" of the share, and writes to "done" what became of it. Its
argument ends the names of both. To "dropped" it writes the files that are dropped on it, with what is in them, and to
"entered" a letter when some are dragged over it. With a file "hasty" in the share, it asks for them then, and not again
when they are dropped, as browsers do.
"""

import json
import os
import sys
import time

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gio, GLib, Gtk  # noqa: E402

SHARE = os.path.expanduser("~/share")
NAME = "".join(sys.argv[1:])
window = Gtk.Window(title="editor", default_width=300, default_height=200)
window.show_all()


URIS = Gdk.Atom.intern("text/uri-list", False)
# "asked": the drag for whose files it has asked; "waiting": how many answers are to come, of which the last one counts.
hasty = {"asked": None, "waiting": 0, "paths": None, "dropped": False}


def ask(context, when):
    hasty["waiting"] += 1
    window.drag_get_data(context, URIS, when)


def received(_window, context, _x, _y, data, _kind, when):
    hasty["waiting"] -= 1
    if hasty["waiting"] == 0:
        hasty["paths"] = [GLib.filename_from_uri(uri)[0] for uri in data.get_uris()]
        write_dropped(context, when)


def dropped(_window, context, _x, _y, when):
    hasty["dropped"] = True
    if not hasty["asked"]:
        hasty["paths"] = None
        ask(context, when)
    write_dropped(context, when)
    return True


def left(*_):
    # It comes before a drop, too.
    GLib.idle_add(lambda: hasty.update(asked=None) and False)


def write_dropped(context, when):
    """Writes the files down once they are dropped and their names have come."""
    paths = hasty["paths"]
    if not hasty["dropped"] or paths is None:
        return
    hasty.update(paths=None, dropped=False)
    Gtk.drag_finish(context, True, False, when)
    texts = [open(path, encoding="utf-8").read(100_000) for path in paths]
    with open(f"{SHARE}/dropped{NAME}", "a", encoding="utf-8") as file:
        file.write(json.dumps({"paths": paths, "texts": texts}) + "\n")


def entered(_window, context, _x, _y, when):
    with open(f"{SHARE}/entered{NAME}", "a", encoding="utf-8") as file:
        file.write("x")
    if os.path.exists(f"{SHARE}/hasty") and hasty["asked"] is not context:
        hasty.update(asked=context, paths=None, dropped=False)
        ask(context, when)


window.drag_dest_set(Gtk.DestDefaults.MOTION, [], Gdk.DragAction.COPY | Gdk.DragAction.MOVE)
window.drag_dest_add_uri_targets()
window.connect("drag-data-received", received)
window.connect("drag-drop", dropped)
window.connect("drag-leave", left)
window.connect("drag-motion", entered)


def choose(action, name):
    """Shows the app's own dialog, and returns the path that was chosen."""
    dialog = Gtk.FileChooserNative.new("Pick a letter", window, action, None, None)
    if name:
        dialog.set_current_name(name)
    texts = Gtk.FileFilter()
    texts.set_name("Texts")
    texts.add_pattern("*.txt")
    dialog.add_filter(texts)
    dialog.run()
    return dialog.get_filename()


def replace(path, text):
    """Saves as many apps do: writes a new file, then renames it to the old one's name."""
    Gio.File.new_for_path(path).replace_contents(text.encode(), None, False, Gio.FileCreateFlags.NONE, None)


# Kept, as an app's is: when a connection ends, xdg-desktop-portal 1.20 closes one descriptor too many, which may be that of a file
# that has just come.
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def portal(todo):
    """Opens a link or a file by the portal, as apps in sandboxes do."""
    files = Gio.UnixFDList.new()
    if "url" in todo:
        method, call = "OpenURI", GLib.Variant("(ssa{sv})", ("", todo["url"], {}))
    else:
        with open(todo["file"], "rb") as file:
            call = GLib.Variant("(sha{sv})", ("", files.append(file.fileno()), {}))
        method = "OpenFile"
    name = "org.freedesktop.portal.Desktop"
    at = "/org/freedesktop/portal/desktop"
    made = bus.call_with_unix_fd_list_sync(name, at, "org.freedesktop.portal.OpenURI", method, call, None, 0, 9000, files, None)
    return made[0].unpack()[0]


def open_twice():
    """Asks for files twice in a row, as LibreOffice does with Qt. Returns both answers."""
    loop = GLib.MainLoop()
    answers = []

    def answered(_bus, _sender, _path, _interface, _signal, parameters):
        answers.append(parameters.unpack()[1].get("uris"))
        if len(answers) == 2:
            loop.quit()

    name = "org.freedesktop.portal.Desktop"
    at = "/org/freedesktop/portal/desktop"
    bus.signal_subscribe(name, "org.freedesktop.portal.Request", "Response", None, None, 0, answered)
    for token in ("first", "second"):
        call = GLib.Variant("(ssa{sv})", ("", "Pick a letter", {"handle_token": GLib.Variant("s", token), "modal": GLib.Variant("b", token == "first")}))
        bus.call_sync(name, at, "org.freedesktop.portal.FileChooser", "OpenFile", call, None, 0, 9000)
    loop.run()
    return answers


def act(todo):
    kind = todo["do"]
    path = todo.get("path")
    text = None
    if kind == "open":
        path = choose(Gtk.FileChooserAction.OPEN, None)
        if path:
            with open(path, encoding="utf-8") as file:
                text = file.read(100_000)
    elif kind == "open twice":
        text = json.dumps(open_twice())
    elif kind == "folder":
        path = choose(Gtk.FileChooserAction.SELECT_FOLDER, None)
    elif kind == "print":
        printing = Gtk.PrintOperation(n_pages=1, job_name="letter")
        printing.connect("draw-page", lambda _operation, context, _page: context.get_cairo_context().rectangle(9, 9, 90, 90))
        path = str(printing.run(Gtk.PrintOperationAction.PRINT_DIALOG, window).value_nick)
    elif kind == "link":
        path = str(os.system(f"xdg-open '{todo['url']}'"))
    elif kind == "launch":
        path = str(Gio.AppInfo.launch_default_for_uri(todo["url"], None))
    elif kind == "portal":
        path = portal(todo)
    elif kind == "notify":
        path = str(os.system(f"notify-send '{todo['title']}' '{todo['body']}'"))
    elif kind == "paste":
        uris = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_uris() or []
        paths = [GLib.filename_from_uri(uri)[0] for uri in uris]
        path = "\n".join(paths)
        text = "\n".join(open(each, encoding="utf-8").read(100_000) for each in paths)
    elif kind == "save as":
        path = choose(Gtk.FileChooserAction.SAVE, todo["name"])
    elif kind == "save into":
        with open(path, "r+", encoding="utf-8") as file:
            file.write(todo["text"])
    if path and "text" in todo and kind in ("open", "save", "save as"):
        replace(path, todo["text"])
    return {"path": path, "text": text, "ms": time.time() * 1000}


def look():
    try:
        with open(f"{SHARE}/todo{NAME}", encoding="utf-8") as file:
            todo = json.load(file)
        os.unlink(f"{SHARE}/todo{NAME}")
    except OSError:
        return True
    done = act(todo)
    with open(f"{SHARE}/new{NAME}", "w", encoding="utf-8") as file:
        json.dump(done, file)
    os.rename(f"{SHARE}/new{NAME}", f"{SHARE}/done{NAME}")
    return True


GLib.timeout_add(20, look)
Gtk.main()
