# file_dialogs.py
# A part of agent.py: the app's dialogs for files, and printing. To the host: {"id", "ask": "open" | "save" | "folder",
# "multiple", "filters", "name"}, {"id", "ask": "print", "name", "path", "size"} for what the host is to read at a path here,
# {"id", "ask": "gone"} when the app has closed its request, and {"ask": "saved", "path"} when a file that was saved is whole.
# From the host: {"id", "printed"} in place of a path to save to, and {"watch": path} for a file that is to be saved.
import mimetypes
import shutil

TWICE_SECONDS = 3
# The host's end takes lines of 16 KiB.
MAX_FILTERS = 12_000
REQUEST = described(interface(f"{PORTAL}.Request", {"Close": ("", "")}))
# The apps that wait for an answer, by its id.
apps = {}
last_wanted = (None, 0, 0)
watched = {}


def patterns(rules):
    """The patterns of a filter: those of file names, and for MIME types those of the usual extensions."""
    globs = []
    for kind, rule in rules:
        if kind == 0:
            globs.append(rule)
        elif rule.endswith("/*"):
            types = mimetypes.types_map
            globs += sorted({f"*{end}" for end, name in types.items() if name.startswith(rule[:-1])})
        else:
            globs += [f"*{end}" for end in mimetypes.guess_all_extensions(rule)]
    return globs[:256]


def on_call(connection, _sender, _path, _interface, method, parameters, invocation):
    """An app asks for files."""
    global last_wanted
    handle, *about = parameters.unpack()
    options = about[-1]
    filters = [[label, patterns(rules)] for label, rules in options.get("filters", [])][:16]
    while len(json.dumps(filters)) > MAX_FILTERS:
        filters.pop()
    current = options.get("current_file") or []
    name = options.get("current_name") or os.path.basename(bytes(current).rstrip(b"\0").decode(errors="replace"))
    kind = "save" if method == "SaveFile" else "folder" if options.get("directory") else "open"
    message = {"ask": kind, "multiple": bool(options.get("multiple")), "filters": filters, "name": name}

    def done(paths, message):
        uris = GLib.Variant("as", [GLib.filename_to_uri(path) for path in paths])
        results = {"uris": uris, "writable": GLib.Variant("b", True)} if paths else {}
        code = DONE if paths else FAILED if message.get("failed") else CANCELLED
        invocation.return_value(GLib.Variant("(ua{sv})", (code, results)))

    # LibreOffice 25.2 with Qt 6.8 asks twice for each dialog, 50 ms apart, more on a busy machine, the first time in a session with
    # different options: both requests get one answer.
    earlier, number, asked_at = last_wanted
    wanted = (os.path.dirname(handle), method, about[-2:-1])
    if wanted == earlier and number in apps and time.monotonic() - asked_at < TWICE_SECONDS:
        apps[number].append(done)
        return
    last_wanted = (wanted, ask(connection, handle, message, done), time.monotonic())


def ask(connection, handle, message, done):
    """Asks for files. `done` gets the chosen paths, none after a no. The app can close its request at the handle."""

    def answered(message):
        connection.unregister_object(request)
        for app in apps.pop(number):
            app(message["paths"], message)

    def close(*call):
        if number in apps:
            send({"id": number, "ask": "gone"})
            answer({"id": number, "paths": []})
        call[-1].return_value(None)

    number = expect(answered, lambda: show(message))
    message["id"] = number
    apps[number] = [done]
    request = connection.register_object(handle, REQUEST, close, None, None)
    if serves("printing" if message["ask"] == "print" else "dialogs"):
        send(message)
    else:
        show(message)
    return number


def on_print(connection, _sender, _path, _interface, method, parameters, invocation):
    """An app prints: on the host; else by the container's printer; else into a PDF for which the user chooses a place."""
    if method == "PreparePrint":
        settings, page = parameters.get_child_value(4), parameters.get_child_value(5)
        results = {"settings": settings, "page-setup": page, "token": GLib.Variant("u", 1)}
        invocation.return_value(GLib.Variant("(ua{sv})", (DONE, results)))
        return
    handle, _app, _parent, title, index, _options = parameters.unpack()
    descriptor = invocation.get_message().get_unix_fd_list().get(index)

    def finish(is_printed):
        os.close(descriptor)
        invocation.return_value(GLib.Variant("(ua{sv})", (DONE if is_printed else CANCELLED, {})))

    def done(paths, message):
        if paths:
            with os.fdopen(os.dup(descriptor), "rb") as source, open(paths[0], "wb") as target:
                shutil.copyfileobj(source, target)
        finish(bool(paths) or message.get("printed", False))

    if not serves("printing") and shutil.which("lp"):
        printer = subprocess.run(["lpstat", "-d"], capture_output=True, check=False)
        if printer.returncode == 0 and b":" in printer.stdout:
            finish(subprocess.run(["lp", "-t", title], stdin=descriptor, check=False).returncode == 0)
            return
    message = given("print", descriptor, f"{title or 'print'}.pdf")
    if not serves("printing"):
        message = {"ask": "save", "name": message["name"], "multiple": False, "filters": [["PDF", ["*.pdf"]]]}
    ask(connection, handle, message, done)


def show(message):
    """Shows a dialog of the container's own."""
    number = message["id"]
    try:
        gi.require_version("Gtk", "3.0")
        from gi.repository import Gtk

        if not Gtk.init_check(None)[0]:
            raise ImportError("There is no display")
    except (ImportError, ValueError):
        answer({"id": number, "paths": []})
        return
    kinds = {"open": ("Open", Gtk.FileChooserAction.OPEN), "folder": ("Choose a folder", Gtk.FileChooserAction.SELECT_FOLDER)}
    title, action = kinds.get(message["ask"], ("Save", Gtk.FileChooserAction.SAVE))
    dialog = Gtk.FileChooserDialog(title=title, action=action)
    dialog.add_buttons("_Cancel", Gtk.ResponseType.CANCEL, "_OK", Gtk.ResponseType.ACCEPT)
    dialog.set_select_multiple(message["multiple"])
    dialog.set_do_overwrite_confirmation(True)
    if title == "Save":
        dialog.set_current_name(message["name"])

    def on_response(dialog, response):
        answer({"id": number, "paths": dialog.get_filenames() if response == Gtk.ResponseType.ACCEPT else []})
        dialog.destroy()

    dialog.connect("response", on_response)
    dialog.present()


def watch(path):
    """Tells the host when a file is complete: its writer has closed it, or another file was renamed to it."""
    if path in watched:
        return
    directory = Gio.File.new_for_path(os.path.dirname(path))
    monitor = directory.monitor_directory(Gio.FileMonitorFlags.WATCH_MOVES, None)

    def changed(_monitor, file, other, event):
        whole = {
            Gio.FileMonitorEvent.CHANGES_DONE_HINT: file,
            Gio.FileMonitorEvent.MOVED_IN: file,
            Gio.FileMonitorEvent.RENAMED: other,
        }.get(event)
        if whole is not None and whole.get_path() == path:
            send({"ask": "saved", "path": path})

    monitor.connect("changed", changed)
    watched[path] = monitor


ASKING, CHOSEN = ("o s s s a{sv}", "u a{sv}"), "u a{sv}"
# xdg-desktop-portal itself answers SaveFiles, as failed.
offer(PATH, interface(f"{PORTAL}.FileChooser", {"OpenFile": ASKING, "SaveFile": ASKING}), on_call)
printing = {"PreparePrint": ("o s s s a{sv} a{sv} a{sv}", CHOSEN), "Print": ("o s s s h a{sv}", CHOSEN)}
offer(PATH, interface(f"{PORTAL}.Print", printing), on_print)
on_key["watch"] = lambda message: watch(message["watch"])
is_needed.append(lambda: watched)
portal = f"{directory}/portals/guicontainer.portal"
if subprocess.run(["grep", "-q", "FileChooser", portal], capture_output=True, check=False).returncode:
    has_portal = os.access("/usr/libexec/xdg-desktop-portal", os.X_OK)
    lacks("no-portals" if has_portal else "xdg-desktop-portal", "dialogs", "printing")
