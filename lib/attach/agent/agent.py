# agent.py
"""The agent of a session: a backend of xdg-desktop-portal that asks the host's end, over its own stdin and stdout.

It is installed in the session's directory. Its arguments: the exit statuses of protocol.ts when it can serve nothing,
or nothing where there is no host's end, when nobody needs it any more, and when the agent of a later run has taken its
place; a line that the host's end has said already; and the channels that it serves: dialogs, links, files, printing,
notifications, microphone, tray.

One JSON object a line. To the host: {"ask": "ready", "version"} as soon as it answers apps, and {"ask": "lacks",
"what"} before; {"id", "ask": "open" | "save" | "folder", "multiple", "filters", "name"}, {"id", "ask": "file" |
"print", "name", "path", "size"} for what the host is to read at a path here, a file with the "directory" it is in,
{"id", "ask": "gone"} when the app has closed its request, and {"ask": "saved", "path"} when a file that was saved is
whole; {"ask": "link", "url"}, {"ask": "notify", "id", "summary", "body"} in place of an
earlier one with that id, {"ask": "withdraw", "id"} when it is no more, and {"ask": "record", "on"} when something begins
to record, or nothing does any more, which have no answer. {"ask": "icon", "id", "title", "status", "isMenu", "menu"},
{"ask": "pixels", "id", "width", "height", "argb"} and {"ask": "no-icon", "id"} are about icons for the tray. From the
host: {"id", "paths"}, where no path is a no, or with "failed" an error, {"id", "printed"} in place of a path to save
to, {"id", "here"} for a dialog of the container's own, {"watch": path} for a file that is to be saved, {"scheme"} when
the host's apps become dark or light, {"samples"} of the microphone, in base64, and {"tray": id} with the "item" of a
menu that is clicked, the menu that the user will "show", or the method of an icon to "do"; false for an end of the
tray.

The host's end believes nothing of what comes from here. When it is gone, this program shows dialogs of its own, with
the container's files. It ends when nobody asks any more, unless it has something to watch. The session's bus then has
it started when an app asks.
"""

import base64
import json
import mimetypes
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zlib

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.freedesktop.impl.portal.desktop.guicontainer"
PATH = "/org/freedesktop/portal/desktop"
DONE, CANCELLED, FAILED = 0, 1, 2
IDLE_SECONDS = 3
TWICE_SECONDS = 3
# The host's end takes lines of 16 KiB.
MAX_FILTERS = 12_000
VERSION = 1
USELESS, ASLEEP, REPLACED, LINE, *CHANNELS = sys.argv[1:]


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


PORTAL, ASKING, CHOSEN = "org.freedesktop.impl.portal", ("o s s s a{sv}", "u a{sv}"), "u a{sv}"
INTERFACES = [
    interface(f"{PORTAL}.FileChooser", {name: ASKING for name in ("OpenFile", "SaveFile", "SaveFiles")}),
    interface(f"{PORTAL}.Request", {"Close": ("", "")}),
    interface(
        f"{PORTAL}.Print",
        {"PreparePrint": ("o s s s a{sv} a{sv} a{sv}", CHOSEN), "Print": ("o s s s h a{sv}", CHOSEN)},
    ),
    interface(f"{PORTAL}.Notification", {"AddNotification": ("s s a{sv}", ""), "RemoveNotification": ("s s", "")}),
    interface(
        "org.freedesktop.Notifications",
        {
            "Notify": ("s u s s s as a{sv} i", "u"),
            "CloseNotification": ("u", ""),
            "GetCapabilities": ("", "as"),
            "GetServerInformation": ("", "s s s s"),
        },
    ),
    interface(f"{PORTAL}.AppChooser", {"ChooseApplication": ("o s s as a{sv}", CHOSEN), "UpdateChoices": ("o as", "")}),
    interface(
        "org.kde.StatusNotifierWatcher",
        {f"RegisterStatusNotifier{kind}": ("s", "") for kind in ("Item", "Host")},
        {"StatusNotifierItemRegistered": "s", "StatusNotifierItemUnregistered": "s", "StatusNotifierHostRegistered": ""},
        {"RegisteredStatusNotifierItems": "as", "IsStatusNotifierHostRegistered": "b", "ProtocolVersion": "i"},
    ),
    interface("org.guicontainer.Host", {"Open": ("s", "")}),
    interface(
        f"{PORTAL}.Settings",
        {"ReadAll": ("as", "a{sa{sv}}"), "Read": ("s s", "v")},
        {"SettingChanged": "s s v"},
        {"version": "u"},
    ),
]
XML = Gio.DBusNodeInfo.new_for_xml(f"<node>{''.join(INTERFACES)}</node>")
CHOOSER, REQUEST, PRINT, NOTIFICATION, NOTIFICATIONS, APP_CHOOSER, WATCHER, HOST, SETTINGS = XML.interfaces
INTERFACE, APPEARANCE = "org.gnome.desktop.interface", "org.freedesktop.appearance"

asked = {}
last_wanted = (None, 0, 0)
watched = {}
# Not an id of an agent before this one: the host's end may still answer those.
last_id = time.monotonic_ns() >> 20 & 0x3FFFFFFF
has_host = True
last_call = 0
owned = []
tray_name = None
icons = {}
samples_fifo = None
bus = None
host_scheme = None
late_scheme = None
has_name = False
has_environment = False


def serves(channel):
    """Whether the host's end answers for a channel."""
    return has_host and channel in CHANNELS


def take_environment():
    """Takes the environment of the session's first app, once that runs: for the look, and for what is shown here."""
    global has_environment
    if not os.path.exists(f"{directory}/pid"):
        return True
    shell = ["/bin/sh", "-c", '. "$0" && exec env -0', f"{directory}/environment"]
    for word in subprocess.run(shell, capture_output=True, check=False).stdout.split(b"\0")[:-1]:
        name, value = word.split(b"=", 1)
        # GTK shows its own dialog here, when the host's end is gone.
        if name != b"GTK_USE_PORTAL":
            os.environb[name] = value
    has_environment = True
    if serves("microphone"):
        watch_recorders()
    return False


def send(message):
    """Sends one line to the host's end, if it is there."""
    if has_host:
        try:
            os.write(1, (json.dumps(message, ensure_ascii=False) + "\n").encode(errors="replace"))
        except OSError:
            ask_here()


def patterns(rules):
    """The patterns of a filter: those of file names, and for MIME types those of the usual extensions."""
    found = []
    for kind, rule in rules:
        if kind == 0:
            found.append(rule)
        elif rule.endswith("/*"):
            types = mimetypes.types_map
            found += sorted({f"*{end}" for end, name in types.items() if name.startswith(rule[:-1])})
        else:
            found += [f"*{end}" for end in mimetypes.guess_all_extensions(rule)]
    return found[:256]


def on_call(connection, _sender, _path, _interface, method, parameters, invocation):
    """An app asks for files."""
    global last_wanted
    handle, *about = parameters.unpack()
    options = about[-1]
    if method == "SaveFiles":
        invocation.return_value(GLib.Variant("(ua{sv})", (FAILED, {})))
        return
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

    # LibreOffice 25.2 with Qt 6.8 asks twice for each dialog, 50 ms apart, or more on a busy machine, the first time of a session in
    # other words: both get one answer.
    earlier, number, asked_at = last_wanted
    wanted = (os.path.dirname(handle), method, about[-2:-1])
    if wanted == earlier and number in asked and time.monotonic() - asked_at < TWICE_SECONDS:
        asked[number][2].append(done)
        return
    ask(connection, handle, message, done)
    last_wanted = (wanted, last_id, time.monotonic())


def ask(connection, handle, message, done):
    """Asks for files. `done` gets the answer's paths, none for a no. An app closes its request at the handle."""
    global last_id
    last_id += 1
    number = last_id

    def close(*_):
        if number in asked:
            send({"id": number, "ask": "gone"})
            answer({"id": number, "paths": []})

    def on_close(*call):
        close()
        call[-1].return_value(None)

    request = connection.register_object(handle, REQUEST, on_close, None, None)
    message = {"id": number, **message}
    asked[number] = (connection, request, [done], message)
    if serves("printing") and message["ask"] == "print" or serves("dialogs"):
        send(message)
    else:
        show(number)


def answer(message):
    """Answers an app: with files, or that the user has chosen none."""
    if message["id"] not in asked:
        return
    connection, request, waiting, _message = asked.pop(message["id"])
    if request is not None:
        connection.unregister_object(request)
    for done in waiting:
        done(message["paths"], message)


def on_print(connection, _sender, _path, _interface, method, parameters, invocation):
    """An app prints: on the host; else by the container's printer; else into a PDF for which the user chooses a place."""
    if method == "PreparePrint":
        _handle, _app, _parent, _title, settings, page, _options = range(7)
        results = {
            "settings": GLib.Variant("a{sv}", dict(variants(parameters.get_child_value(settings)))),
            "page-setup": GLib.Variant("a{sv}", dict(variants(parameters.get_child_value(page)))),
            "token": GLib.Variant("u", 1),
        }
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
    ask(connection, handle, given("print", descriptor, f"{title or 'print'}.pdf"), done)


def given(kind, descriptor, name):
    """What is asked for a file that the host is to read: it can be read at its path for as long as it is open here."""
    path = f"/proc/{os.getpid()}/fd/{descriptor}"
    return {"ask": kind, "name": name[:400], "path": path, "size": os.fstat(descriptor).st_size, "multiple": False}


def variants(table):
    """The entries of a table of variants."""
    for index in range(table.n_children()):
        entry = table.get_child_value(index)
        yield entry.get_child_value(0).get_string(), entry.get_child_value(1).get_variant()


def on_portal_notification(_connection, _sender, _path, _interface, method, parameters, invocation):
    """An app notifies by the portal, in the place of its last one with the same name."""
    app, name, *more = parameters.unpack()
    # Not one of the numbers that on_notification() gives. This agent may end, and the next one is to find the same.
    number = 0x40000000 | zlib.crc32(f"{app} {name}".encode()) & 0x3FFFFFFF
    if method == "AddNotification":
        notify(number, str(more[0].get("title", "")), str(more[0].get("body", "")))
    else:
        withdraw(number)
    invocation.return_value(None)


def notify(number, summary, body):
    """Shows a notification, which has a title and a text, and no buttons."""
    if serves("notifications"):
        send({"ask": "notify", "id": number, "summary": summary[:400], "body": body[:4000]})


def withdraw(number):
    """Takes a notification away."""
    if serves("notifications"):
        send({"ask": "withdraw", "id": number})


def on_notification(connection, _sender, path, interface, method, parameters, invocation):
    """An app shows a notification, takes it away, or asks what can be shown."""
    global last_id
    if method == "GetCapabilities":
        invocation.return_value(GLib.Variant("(as)", (["body"],)))
    elif method == "GetServerInformation":
        invocation.return_value(GLib.Variant("(ssss)", ("gui-container", "gui-container", "1", "1.2")))
    elif method == "Notify":
        _app, number, _icon, summary, body, _actions, _hints, _timeout = parameters.unpack()
        if not number:
            last_id += 1
            number = last_id
        notify(number, summary, body)
        invocation.return_value(GLib.Variant("(u)", (number,)))
    else:
        (number,) = parameters.unpack()
        withdraw(number)
        invocation.return_value(None)
        by_call = 3
        connection.emit_signal(None, path, interface, "NotificationClosed", GLib.Variant("(uu)", (number, by_call)))


def on_open(_connection, _sender, _path, _interface, _method, parameters, invocation):
    """The session's xdg-open: a link for the host's browser, or a file for the host's downloads."""
    global last_id
    word = parameters.unpack()[0]
    try:
        if word.startswith(("http://", "https://")):
            if not serves("links") or len(word) > 8192:
                raise ValueError
            send({"ask": "link", "url": word})
        else:
            path = GLib.filename_from_uri(word)[0] if word.startswith("file:") else word
            if not serves("files"):
                raise ValueError
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise ValueError
            last_id += 1
            message = {"id": last_id, **given("file", descriptor, os.path.basename(path))}
            message["directory"] = os.path.dirname(os.path.abspath(path))
            asked[last_id] = (None, None, [lambda *_: os.close(descriptor)], message)
            send(message)
        invocation.return_value(None)
    except (OSError, ValueError, GLib.Error):
        invocation.return_dbus_error("org.guicontainer.Error.NotServed", "The host does not take it")


def on_choice(_connection, _sender, _path, _interface, method, parameters, invocation):
    """The portal does not know by which app to open something: a file goes to the host, if that is open."""
    if method == "UpdateChoices":
        invocation.return_value(None)
        return
    choices, options = parameters.unpack()[3:]
    chosen = ["gui-container"] if serves("files") and "filename" in options else choices[:1]
    results = {"choice": GLib.Variant("s", chosen[0])} if chosen else {}
    invocation.return_value(GLib.Variant("(ua{sv})", (DONE if chosen else CANCELLED, results)))


def ask_here():
    """There is no host's end any more: shows here what waits for it."""
    global has_host
    if has_host:
        has_host = False
        if read_attached() == os.getppid():
            write_attached("")
        for number in list(asked):
            GLib.idle_add(show, number)
        end_tray()


def end_idle():
    """Gives up the names when nobody has called for a while, and ends a second later: all calls before have answers then."""
    global has_name
    is_needed = not last_call or asked or has_host and (watched or "microphone" in CHANNELS or tray_name)
    if not is_needed and time.monotonic() - last_call > IDLE_SECONDS:
        if not owned:
            sys.exit(int(ASLEEP) if has_host else 0)
        if has_host:
            with open(f"{directory}/asleep", "w", encoding="utf-8") as file:
                file.write(f"{os.getppid()}\n")
        has_name = False
        while owned:
            Gio.bus_unown_name(owned.pop())
    elif last_call and not owned:
        # Somebody has called just before.
        own_names()
    return True


def show(number):
    """Shows a dialog of the container's own. A file for the host has none."""
    if number not in asked:
        return
    message = asked[number][-1]
    if message["ask"] == "file":
        answer({"id": number, "paths": []})
        return
    try:
        gi.require_version("Gtk", "3.0")
        from gi.repository import Gtk

        if not Gtk.init_check(None)[0]:
            raise ImportError("There is no display")
    except (ImportError, ValueError):
        answer({"id": number, "paths": []})
        return
    is_saving = message["ask"] in ("save", "print")
    actions = {"folder": Gtk.FileChooserAction.SELECT_FOLDER}
    title = "Save" if is_saving else {"folder": "Choose a folder"}.get(message["ask"], "Open")
    action = Gtk.FileChooserAction.SAVE if is_saving else actions.get(message["ask"], Gtk.FileChooserAction.OPEN)
    dialog = Gtk.FileChooserDialog(title=title, action=action)
    dialog.add_buttons("_Cancel", Gtk.ResponseType.CANCEL, "_OK", Gtk.ResponseType.ACCEPT)
    dialog.set_select_multiple(message["multiple"])
    dialog.set_do_overwrite_confirmation(True)
    if is_saving:
        dialog.set_current_name(message["name"])

    def on_response(dialog, response):
        answer({"id": number, "paths": dialog.get_filenames() if response == Gtk.ResponseType.ACCEPT else []})
        dialog.destroy()

    dialog.connect("response", on_response)
    dialog.present()


def settings():
    """The look of the session by its namespaces: what toolkits without portals find in its files."""
    found = {}
    source = Gio.SettingsSchemaSource.get_default()
    schema = source and source.lookup(INTERFACE, True)
    if schema:
        values = Gio.Settings.new_full(schema, None, None)
        found = {key: values.get_value(key) for key in schema.list_keys()}
    scheme = found.get("color-scheme", GLib.Variant("s", "default")).get_string()
    if not schema:
        for directory in os.environ.get("XDG_CONFIG_DIRS", "").split(":"):
            try:
                with open(f"{directory}/gtk-3.0/settings.ini", encoding="utf-8") as file:
                    scheme = "prefer-dark" if "prefer-dark-theme=1" in file.read() else scheme
            except OSError:
                pass
    if host_scheme and not (schema and values.get_user_value("color-scheme")):
        scheme = host_scheme
        found.update({"color-scheme": GLib.Variant("s", scheme)} if schema else {})
    number = {"prefer-dark": 1, "prefer-light": 2}.get(scheme, 0)
    return {INTERFACE: found, APPEARANCE: {"color-scheme": GLib.Variant("u", number)}}


def on_scheme(scheme):
    """The host's apps are dark or light: tells the apps that listen. What the container's user has set comes first."""
    global host_scheme, late_scheme
    if not has_name:
        # The apps hear only whoever has the name.
        late_scheme = scheme
        if not owned:
            own_names()
        return
    with open(f"{directory}/scheme", "w", encoding="utf-8") as file:
        file.write(scheme)
    if not has_environment:
        # No app can have asked yet, and settings() needs the environment from the first time on.
        host_scheme = scheme
        return
    before = settings()
    host_scheme = scheme
    for namespace, values in settings().items():
        value = values.get("color-scheme")
        # A number of 0, which is the default, is a change, too.
        if value is not None and value != before[namespace]["color-scheme"]:
            change = GLib.Variant("(ssv)", (namespace, "color-scheme", value))
            bus.emit_signal(None, PATH, SETTINGS.name, "SettingChanged", change)


def is_wanted(namespace, patterns):
    """Whether one of the patterns of an app is meant for a namespace."""
    ends = [pattern.removesuffix("*") for pattern in patterns if pattern.endswith("*")]
    return not patterns or "" in patterns or namespace in patterns or any(namespace.startswith(end) for end in ends)


def on_settings(_connection, _sender, _path, _interface, method, parameters, invocation):
    """An app wants to know the look."""
    known = settings()
    if method == "ReadAll":
        wanted = {name: values for name, values in known.items() if is_wanted(name, parameters.unpack()[0])}
        invocation.return_value(GLib.Variant("(a{sa{sv}})", (wanted,)))
        return
    value = known.get(parameters.unpack()[0], {}).get(parameters.unpack()[1])
    if value is None:
        invocation.return_dbus_error("org.freedesktop.portal.Error.NotFound", "There is no such setting")
    else:
        invocation.return_value(GLib.Variant("(v)", (value,)))


def watch(path):
    """Tells when a file is whole: its writer has closed it, or another file was renamed to it."""
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


def watch_recorders():
    """Tells the host's end when something records from the session's PulseAudio source, which starts PulseAudio."""
    pactl = ["setpriv", "--pdeathsig", "TERM", "env", "LC_ALL=C", "pactl"]
    events = subprocess.Popen([*pactl, "subscribe"], stdout=subprocess.PIPE).stdout.fileno()

    def look():
        listing = subprocess.run([*pactl, "list", "short", "sources"], capture_output=True, check=False).stdout
        sources = [line.split(b"\t") for line in listing.splitlines()]
        set_recording(any(source[1] == b"microphone" and source[-1] == b"RUNNING" for source in sources))

    def on_events(*_):
        news = os.read(events, 65536)
        # Each look is an event of another kind itself.
        if not news or b" on source" in news:
            look()
        return bool(news)

    GLib.io_add_watch(events, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_events)
    # What records already.
    GLib.timeout_add(500, look)


def set_recording(is_on):
    """Opens the FIFO of the PulseAudio source, or empties and closes it: what nobody has read is not for the next one."""
    global samples_fifo
    if is_on == (samples_fifo is not None):
        return
    if is_on:
        samples_fifo = os.open(f"{directory}/microphone/samples", os.O_RDWR | os.O_NONBLOCK)
    else:
        try:
            while os.read(samples_fifo, 65536):
                pass
        except BlockingIOError:
            pass
        os.close(samples_fifo)
        samples_fifo = None
    send({"ask": "record", "on": is_on})


def on_samples(samples):
    """Hands on what the host's microphone picks up, and drops what nobody reads in time."""
    if samples_fifo is not None:
        try:
            os.write(samples_fifo, base64.b64decode(samples))
        except BlockingIOError:
            pass


MAX_ICONS, SIDE, MAX_SIDE, MAX_ENTRIES, REFRESH_MS = 8, 48, 256, 30, 500
ITEM, MENU = "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
SHOWN = ["type", "label", "visible", "enabled", "toggle-type", "toggle-state", "children-display"]


class Icon:
    """An app's icon for the tray. Whatever changes, all of it is read anew, not more often than every REFRESH_MS."""

    def __init__(self, number, name, path):
        self.number, self.name, self.path = number, name, path
        self.menu_path, self.menu, self.sent = None, [], {}
        self.is_waiting = self.is_stale = False
        self.watch = Gio.bus_watch_name_on_connection(bus, name, Gio.BusNameWatcherFlags.NONE, None, self.end)
        match = (name, None, None, None, None, Gio.DBusSignalFlags.NONE)
        self.subscription = bus.signal_subscribe(*match, self.on_signal)
        self.refresh()

    def call(self, path, interface, method, arguments, done):
        """Calls the app. `done` gets what it answers, if it does."""

        def finish(_bus, result):
            try:
                answer = bus.call_finish(result)
            except GLib.Error:
                return
            if done and self.number in icons:
                done(answer)

        bus.call(self.name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 5000, None, finish)

    def on_signal(self, _bus, _sender, path, interface, *_):
        """The app tells of a change."""
        if (path, interface) in ((self.path, ITEM), (self.menu_path, MENU)):
            self.refresh()

    def refresh(self):
        """Reads all, soon."""
        self.is_stale = True
        if not self.is_waiting:
            self.is_waiting = True
            self.read()
            GLib.timeout_add(REFRESH_MS, self.on_time)

    def on_time(self):
        """What has changed meanwhile is read now."""
        self.is_waiting = False
        if self.is_stale and self.number in icons:
            self.refresh()
        return False

    def read(self):
        """Reads all of it."""
        self.is_stale = False
        properties = "org.freedesktop.DBus.Properties"
        self.call(self.path, properties, "GetAll", GLib.Variant("(s)", (ITEM,)), self.on_properties)

    def on_properties(self, answer):
        """Takes what the icon is like."""
        table = answer.get_child_value(0)

        def value(name, kind="s"):
            found = table.lookup_value(name, GLib.VariantType(kind))
            return None if found is None else found.unpack()

        tip = table.lookup_value("ToolTip", GLib.VariantType("(sa(iiay)ss)"))
        title = value("Title") or tip and tip.get_child_value(2).get_string() or value("Id") or ""
        path = value("Menu", "o")
        is_new = path != self.menu_path
        self.menu_path = path if path != "/NO_DBUSMENU" else None
        # Those of Ayatana's do not say it: a click does nothing but show the menu.
        is_menu = bool(self.menu_path) and value("ItemIsMenu", "b") is not False
        status = value("Status")
        shown = "Passive" if status == "Passive" else "Active"
        self.state = {"title": title[:200], "status": shown, "isMenu": is_menu}
        self.send("icon", **self.state, menu=self.menu)
        for kind in ["Attention", ""] if status == "NeedsAttention" else [""]:
            pixels = pixels_of(table.lookup_value(f"{kind}IconPixmap", GLib.VariantType("a(iiay)")))
            pixels = pixels or themed(value(f"{kind}IconName"), value("IconThemePath"))
            if pixels:
                width, height, argb = pixels
                self.send("pixels", width=width, height=height, argb=base64.b64encode(argb).decode())
                break
        if self.menu_path:
            if is_new:
                self.show(0)
            self.call(self.menu_path, MENU, "GetLayout", GLib.Variant("(iias)", (0, 2, SHOWN)), self.on_layout)

    def on_layout(self, answer):
        """Takes its menu."""
        _revision, (_number, _shown, children) = answer.unpack()
        self.menu = entries(children, [MAX_ENTRIES])
        self.send("icon", **self.state, menu=self.menu)

    def send(self, ask, **what):
        """Tells the host's end what it does not know yet, unless that would be too long a line for it."""
        if self.sent.get(ask) != what and len(json.dumps(what, ensure_ascii=False).encode(errors="replace")) < 16000:
            self.sent[ask] = what
            send({"ask": ask, "id": self.number, **what})

    def show(self, number):
        """The menu with this number is about to be shown: the app may fill it now."""
        if self.menu_path:
            self.call(self.menu_path, MENU, "AboutToShow", GLib.Variant("(i)", (number,)), lambda _: self.refresh())

    def do(self, message):
        """Does what the user does with it."""
        if "show" in message:
            self.show(message["show"])
        elif "do" in message:
            self.call(self.path, ITEM, message["do"], GLib.Variant("(ii)", (0, 0)), None)
        else:
            event = (message["item"], "clicked", GLib.Variant("i", 0), int(time.time()))
            self.call(self.menu_path, MENU, "Event", GLib.Variant("(isvu)", event), None)

    def end(self, *_):
        """The app has gone, or the tray."""
        if icons.pop(self.number, None):
            Gio.bus_unwatch_name(self.watch)
            bus.signal_unsubscribe(self.subscription)
            send({"ask": "no-icon", "id": self.number})


def pixels_of(pixmaps):
    """The pixels of the picture of an icon that is best for SIDE: width, height, ARGB."""
    found = []
    for index in range(0 if pixmaps is None else pixmaps.n_children()):
        width, height, data = (pixmaps.get_child_value(index).get_child_value(part) for part in range(3))
        width, height, data = width.get_int32(), height.get_int32(), data.get_data_as_bytes().get_data()
        if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and len(data) == width * height * 4:
            found.append((width, height, data))
    fitting = [picture for picture in found if max(picture[:2]) <= SIDE]
    if fitting or not found:
        return max(fitting, default=None)
    # The smallest of those that are larger, and of each square of its pixels one.
    width, height, data = min(found)
    step = -(-max(width, height) // SIDE)
    places = [(y * width + x) * 4 for y in range(0, height, step) for x in range(0, width, step)]
    return -(-width // step), -(-height // step), b"".join(data[place : place + 4] for place in places)


def import_gtk():
    """GTK and what belongs to it, without a connection to the display."""
    gi.require_version("Gtk", "3.0")
    displays = {name: os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY")}
    os.environ.update({"DISPLAY": "", "WAYLAND_DISPLAY": "none"})
    try:
        from gi.repository import Gtk, Gdk, GdkPixbuf
    finally:
        os.environ.update(displays)
    return Gdk, GdkPixbuf, Gtk


def themed(name, path):
    """The same of an icon of the container's theme, or of the app's."""
    if not name:
        return None
    try:
        Gdk, GdkPixbuf, Gtk = import_gtk()
        theme = Gtk.IconTheme()
        if path:
            theme.prepend_search_path(path)
        if name.startswith("/"):
            pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_size(name, SIDE, SIDE)
        else:
            # A symbolic one in a grey that is seen on a panel of any colour.
            info = theme.choose_icon([name, f"{name}-symbolic"], SIDE, Gtk.IconLookupFlags.FORCE_SIZE)
            pixbuf = info and info.load_symbolic(Gdk.RGBA(0.6, 0.6, 0.6, 1), None, None, None)[0]
    except (ImportError, ValueError, GLib.Error):
        return None
    if not pixbuf or max(pixbuf.get_width(), pixbuf.get_height()) > SIDE:
        return None
    pixbuf = pixbuf if pixbuf.get_has_alpha() else pixbuf.add_alpha(False, 0, 0, 0)
    data, stride, width = pixbuf.get_pixels(), pixbuf.get_rowstride(), pixbuf.get_width()
    rows = [data[y * stride : y * stride + width * 4] for y in range(pixbuf.get_height())]
    argb = b"".join(row[at + 3 : at + 4] + row[at : at + 3] for row in rows for at in range(0, width * 4, 4))
    return width, pixbuf.get_height(), argb


def entries(children, left):
    """The entries of a menu, as many as are left, and of the menus in it."""
    found = []
    for number, shown, below in children:
        if not shown.get("visible", True) or left[0] == 0:
            continue
        left[0] -= 1
        entry = {"id": number}
        if shown.get("type") != "separator":
            entry["label"] = str(shown.get("label", ""))[:120]
            entry["enabled"] = bool(shown.get("enabled", True))
            toggle = shown.get("toggle-type")
            entry["toggle"] = toggle if toggle in ("checkmark", "radio") else ""
            entry["on"] = shown.get("toggle-state") == 1
            entry["menu"] = entries(below, left)
        found.append(entry)
    return found


def on_tray(_connection, sender, _path, _interface, method, parameters, invocation):
    """An app has an icon."""
    global last_id
    invocation.return_value(None)
    word = parameters.unpack()[0]
    # Qt 6 asks by another connection than that of the icon.
    name = word if Gio.dbus_is_name(word) else sender
    path = word if word.startswith("/") else "/StatusNotifierItem"
    known = [icon for icon in icons.values() if (icon.name, icon.path) == (name, path)]
    if method == "RegisterStatusNotifierItem" and tray_name and not known and len(icons) < MAX_ICONS:
        last_id += 1
        icons[last_id] = Icon(last_id, name, path)


def end_tray():
    """There is no tray any more, which tells apps not to hide their windows there."""
    global tray_name
    if tray_name:
        CHANNELS.remove("tray")
        Gio.bus_unown_name(tray_name)
        tray_name = None
    for icon in list(icons.values()):
        icon.end()


def on_host(channel, condition):
    """Reads what the host's end says."""
    line = channel.readline() if condition & GLib.IO_IN else ""
    if not line:
        ask_here()
        return False
    on_line(line)
    return True


def on_click(message):
    """The user does something with an icon, or there is no tray any more."""
    if message["tray"] is False:
        end_tray()
    elif message["tray"] in icons:
        icons[message["tray"]].do(message)


def on_line(line):
    """Does what the host's end says. A signal can have cut the line of session.sh."""
    try:
        message = json.loads(line)
    except ValueError:
        return
    if "watch" in message:
        watch(message["watch"])
    elif "scheme" in message:
        on_scheme(message["scheme"])
    elif "samples" in message:
        on_samples(message["samples"])
    elif "tray" in message:
        on_click(message)
    elif "here" in message:
        show(message["id"])
    else:
        answer(message)


def noting(on_method):
    """The handler, which also notes when it was called."""

    def on_any_call(*call):
        global last_call
        last_call = time.monotonic()
        on_method(*call)

    return on_any_call


def on_bus(connection, _name):
    global bus
    if bus:
        return
    bus = connection
    version = GLib.Variant("u", 1)
    for interface, on_method in (
        (CHOOSER, on_call),
        (PRINT, on_print),
        (NOTIFICATION, on_portal_notification),
        (APP_CHOOSER, on_choice),
        (SETTINGS, on_settings),
        (HOST, on_open),
    ):
        connection.register_object(PATH, interface, noting(on_method), lambda *_: version, None)
    tray = {
        "RegisteredStatusNotifierItems": GLib.Variant("as", []),
        "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
        "ProtocolVersion": GLib.Variant("i", 0),
    }
    connection.register_object("/StatusNotifierWatcher", WATCHER, on_tray, lambda *call: tray[call[4]], None)
    connection.register_object("/org/freedesktop/Notifications", NOTIFICATIONS, noting(on_notification), None, None)


def on_name(_connection, _name):
    global last_call, has_name, late_scheme
    last_call = time.monotonic()
    has_name = True
    send({"ask": "ready", "version": VERSION})
    # See offer_portals.sh.
    for name in ("awaited", "asleep", "await_tray"):
        if os.path.exists(f"{directory}/{name}"):
            os.remove(f"{directory}/{name}")
    global LINE
    if LINE:
        line, LINE = LINE, ""
        on_line(line)
    if late_scheme:
        scheme, late_scheme = late_scheme, None
        on_scheme(scheme)


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
    global tray_name
    if serves("tray") and not tray_name:
        tray_name = Gio.bus_own_name(Gio.BusType.SESSION, WATCHER.name, FLAGS, on_bus, None, None)
    owned.append(Gio.bus_own_name(Gio.BusType.SESSION, NAME, FLAGS, on_bus, on_name, on_lost_name))
    if "notifications" in CHANNELS:
        owned.append(Gio.bus_own_name(Gio.BusType.SESSION, NOTIFICATIONS.name, FLAGS, None, None, lambda *_: None))


directory = os.path.dirname(os.path.abspath(__file__))
await_bus()
if USELESS and not os.path.isdir(f"{directory}/portals"):
    has_portal = os.access("/usr/libexec/xdg-desktop-portal", os.X_OK)
    send({"ask": "lacks", "what": "no-portals" if has_portal else "xdg-desktop-portal"})
if USELESS and "microphone" in CHANNELS and not os.path.isdir(f"{directory}/microphone"):
    send({"ask": "lacks", "what": "no-microphone"})
    CHANNELS.remove("microphone")
if not CHANNELS:
    sys.exit(int(USELESS))
if os.path.exists(f"{directory}/scheme"):
    with open(f"{directory}/scheme", encoding="utf-8") as file:
        host_scheme = file.read()
os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={directory}/bus"
if USELESS:
    earlier = read_attached()
    write_attached(f"{os.getppid()}\n")
    if earlier not in (None, os.getppid()):
        # It finds out that there is a later one.
        os.kill(earlier, signal.SIGUSR1)
    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_host)
    # The agent of a run that shows the session now takes the place of that of a run before.
    FLAGS = Gio.BusNameOwnerFlags.ALLOW_REPLACEMENT | Gio.BusNameOwnerFlags.REPLACE
else:
    ask_here()
    FLAGS = Gio.BusNameOwnerFlags.ALLOW_REPLACEMENT | Gio.BusNameOwnerFlags.DO_NOT_QUEUE
if take_environment():
    GLib.timeout_add(20, take_environment)
GLib.timeout_add_seconds(1, end_idle)


own_names()
GLib.MainLoop().run()
