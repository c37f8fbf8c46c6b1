# tray/agent.py
# A part of agent.py. To the host: {"ask": "icon", "id", "title", "status", "isMenu", "menu"}, {"ask": "pixels", "id", "width",
# "height", "argb"} and {"ask": "no-icon", "id"}. From the host: {"tray": id} with the "item" of a menu that is clicked, the menu
# that the user will "show", or the method of an icon to "do"; {"tray": false} when the tray has ended.
import base64

MAX_ICONS, SIDE, MAX_SIDE, MAX_ENTRIES, REFRESH_MS = 8, 48, 256, 30, 500
ITEM, MENU = "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
SHOWN = ["type", "label", "visible", "enabled", "toggle-type", "toggle-state", "children-display"]
WATCHER = "org.kde.StatusNotifierWatcher"
icons = {}
tray_name = None


class Icon:
    """An app's icon. When something has changed, all of it is read again, at most every REFRESH_MS."""

    def __init__(self, number, name, path):
        self.number, self.name, self.path = number, name, path
        self.menu_path, self.menu, self.sent = None, [], {}
        self.is_waiting = self.is_stale = False
        self.watch = Gio.bus_watch_name_on_connection(agent.bus, name, Gio.BusNameWatcherFlags.NONE, None, self.end)
        match = (name, None, None, None, None, Gio.DBusSignalFlags.NONE)
        self.subscription = agent.bus.signal_subscribe(*match, self.on_signal)
        self.refresh()

    def call(self, path, interface, method, arguments, done):
        """Calls a method of the app. `done` gets the answer, if one comes."""

        def finish(_bus, result):
            try:
                answer = agent.bus.call_finish(result)
            except GLib.Error:
                return
            if done and self.number in icons:
                done(answer)

        agent.bus.call(self.name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 5000, None, finish)

    def on_signal(self, _bus, _sender, path, interface, *_):
        """The app announces a change."""
        if (path, interface) in ((self.path, ITEM), (self.menu_path, MENU)):
            self.refresh()

    def refresh(self):
        """Reads all of the icon, now or soon."""
        self.is_stale = True
        if not self.is_waiting:
            self.is_waiting, self.is_stale = True, False
            arguments = GLib.Variant("(s)", (ITEM,))
            self.call(self.path, "org.freedesktop.DBus.Properties", "GetAll", arguments, self.on_properties)
            GLib.timeout_add(REFRESH_MS, self.on_time)

    def on_time(self):
        """Reads the icon again if something has changed meanwhile."""
        self.is_waiting = False
        if self.is_stale and self.number in icons:
            self.refresh()
        return False

    def on_properties(self, answer):
        """Takes the properties of the icon."""
        table = answer.get_child_value(0)

        def value(name, kind="s"):
            variant = table.lookup_value(name, GLib.VariantType(kind))
            return None if variant is None else variant.unpack()

        tip = table.lookup_value("ToolTip", GLib.VariantType("(sa(iiay)ss)"))
        title = value("Title") or tip and tip.get_child_value(2).get_string() or value("Id") or ""
        path = value("Menu", "o")
        is_new = path != self.menu_path
        self.menu_path = path if path != "/NO_DBUSMENU" else None
        # Ayatana's icons lack the property: a click on them only shows the menu.
        is_menu = bool(self.menu_path) and value("ItemIsMenu", "b") is not False
        status = value("Status")
        self.state = {"title": title[:200], "status": status, "isMenu": is_menu}
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
        """Takes the icon's menu."""
        _revision, (_number, _shown, children) = answer.unpack()
        self.menu = entries(children, [MAX_ENTRIES])
        self.send("icon", **self.state, menu=self.menu)

    def send(self, ask, **what):
        """Tells the host what has changed, unless the line would be too long for it."""
        if self.sent.get(ask) != what and len(json.dumps(what, ensure_ascii=False).encode(errors="replace")) < 16000:
            self.sent[ask] = what
            send({"ask": ask, "id": self.number, **what})

    def show(self, number):
        """The menu with this number is about to be shown: the app may fill it now."""
        if self.menu_path:
            self.call(self.menu_path, MENU, "AboutToShow", GLib.Variant("(i)", (number,)), lambda _: self.refresh())

    def do(self, message):
        """Passes on what the user does with the icon."""
        if "show" in message:
            self.show(message["show"])
        elif "do" in message:
            self.call(self.path, ITEM, message["do"], GLib.Variant("(ii)", (0, 0)), None)
        else:
            event = (message["item"], "clicked", GLib.Variant("i", 0), int(time.time()))
            self.call(self.menu_path, MENU, "Event", GLib.Variant("(isvu)", event), None)

    def end(self, *_):
        """The app or the tray is gone."""
        if icons.pop(self.number, None):
            Gio.bus_unwatch_name(self.watch)
            agent.bus.signal_unsubscribe(self.subscription)
            send({"ask": "no-icon", "id": self.number})


def pixels_of(pixmaps):
    """The picture of an icon that fits SIDE best: width, height, ARGB."""
    pictures = []
    for index in range(0 if pixmaps is None else pixmaps.n_children()):
        width, height, data = (pixmaps.get_child_value(index).get_child_value(part) for part in range(3))
        width, height, data = width.get_int32(), height.get_int32(), data.get_data_as_bytes().get_data()
        if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and len(data) == width * height * 4:
            pictures.append((width, height, data))
    fitting = [picture for picture in pictures if max(picture[:2]) <= SIDE]
    if fitting or not pictures:
        return max(fitting, default=None)
    # All are larger: the smallest of them, with one pixel of each square.
    width, height, data = min(pictures)
    step = -(-max(width, height) // SIDE)
    places = [(y * width + x) * 4 for y in range(0, height, step) for x in range(0, width, step)]
    return -(-width // step), -(-height // step), b"".join(data[place : place + 4] for place in places)


def themed(name, path):
    """The picture of an icon by its name in the container's theme or the app's directory: width, height, ARGB."""
    if not name:
        return None
    # GTK would connect to the display when it is imported.
    displays = {key: os.environ.get(key, "") for key in ("DISPLAY", "WAYLAND_DISPLAY")}
    os.environ.update({"DISPLAY": "", "WAYLAND_DISPLAY": "none"})
    try:
        gi.require_version("Gtk", "3.0")
        from gi.repository import Gtk, Gdk, GdkPixbuf

        theme = Gtk.IconTheme()
        if path:
            theme.prepend_search_path(path)
        if name.startswith("/"):
            pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_size(name, SIDE, SIDE)
        else:
            # A symbolic icon in a grey that is visible on panels of any colour.
            info = theme.choose_icon([name, f"{name}-symbolic"], SIDE, Gtk.IconLookupFlags.FORCE_SIZE)
            pixbuf = info and info.load_symbolic(Gdk.RGBA(0.6, 0.6, 0.6, 1), None, None, None)[0]
    except (ImportError, ValueError, GLib.Error):
        return None
    finally:
        os.environ.update(displays)
    if not pixbuf or max(pixbuf.get_width(), pixbuf.get_height()) > SIDE:
        return None
    pixbuf = pixbuf if pixbuf.get_has_alpha() else pixbuf.add_alpha(False, 0, 0, 0)
    data, stride, width = pixbuf.get_pixels(), pixbuf.get_rowstride(), pixbuf.get_width()
    rows = [data[y * stride : y * stride + width * 4] for y in range(pixbuf.get_height())]
    argb = b"".join(row[at + 3 : at + 4] + row[at : at + 3] for row in rows for at in range(0, width * 4, 4))
    return width, pixbuf.get_height(), argb


def entries(children, left):
    """The entries of a menu and of the menus in it, as many as are left."""
    kept = []
    for number, shown, below in children:
        if shown.get("visible", True) and left[0]:
            left[0] -= 1
            entry = {"id": number, "enabled": bool(shown.get("enabled", True)), "menu": entries(below, left)}
            if shown.get("type") != "separator":
                entry["label"] = str(shown.get("label", ""))[:120]
            toggle = str(shown.get("toggle-type", ""))
            kept.append({**entry, "toggle": toggle, "on": shown.get("toggle-state") == 1})
    return kept


def on_tray(_connection, sender, _path, _interface, method, parameters, invocation):
    """An app registers an icon."""
    invocation.return_value(None)
    word = parameters.unpack()[0]
    # Qt 6 registers by another connection than that of the icon.
    name = word if Gio.dbus_is_name(word) else sender
    path = word if word.startswith("/") else "/StatusNotifierItem"
    is_known = any((icon.name, icon.path) == (name, path) for icon in icons.values())
    if method == "RegisterStatusNotifierItem" and tray_name and not is_known and len(icons) < MAX_ICONS:
        number = next(numbers)
        icons[number] = Icon(number, name, path)


def end_tray():
    """Ends the tray, so that apps no longer hide their windows in it."""
    global tray_name
    if tray_name:
        CHANNELS.remove("tray")
        Gio.bus_unown_name(tray_name)
        tray_name = None
    for icon in list(icons.values()):
        icon.end()


def on_click(message):
    """The user does something with an icon, or the tray has ended."""
    if message["tray"] is False:
        end_tray()
    elif message["tray"] in icons:
        icons[message["tray"]].do(message)


offer(
    "/StatusNotifierWatcher",
    interface(
        WATCHER,
        {f"RegisterStatusNotifier{kind}": ("s", "") for kind in ("Item", "Host")},
        {f"StatusNotifierItem{what}": "s" for what in ("Registered", "Unregistered")} | {"StatusNotifierHostRegistered": ""},
        {"RegisteredStatusNotifierItems": "as", "IsStatusNotifierHostRegistered": "b", "ProtocolVersion": "i"},
    ),
    on_tray,
    {
        "RegisteredStatusNotifierItems": GLib.Variant("as", []),
        "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
        "ProtocolVersion": GLib.Variant("i", 0),
    },
)
on_key["tray"] = on_click
is_needed.append(lambda: tray_name)
on_end.append(end_tray)
if USELESS:
    flags = Gio.BusNameOwnerFlags.ALLOW_REPLACEMENT | Gio.BusNameOwnerFlags.REPLACE
    tray_name = Gio.bus_own_name(Gio.BusType.SESSION, WATCHER, flags, on_bus, None, None)
