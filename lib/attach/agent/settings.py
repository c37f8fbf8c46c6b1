# settings.py
# A part of agent.py: the portal's settings, from which apps take the look of the session.
INTERFACE, APPEARANCE = "org.gnome.desktop.interface", "org.freedesktop.appearance"
SETTINGS = f"{PORTAL}.Settings"
host_scheme = late_scheme = None
if os.path.exists(f"{directory}/scheme"):
    with open(f"{directory}/scheme", encoding="utf-8") as file:
        host_scheme = file.read()


def settings():
    """The look of the session by namespace: the same settings that toolkits without portals read from files."""
    found = {}
    source = Gio.SettingsSchemaSource.get_default()
    schema = source and source.lookup(INTERFACE, True)
    if schema:
        values = Gio.Settings.new_full(schema, None, None)
        found = {key: values.get_value(key) for key in schema.list_keys()}
    scheme = found.get("color-scheme", GLib.Variant("s", "default")).get_string()
    if host_scheme and not (schema and values.get_user_value("color-scheme")):
        scheme = host_scheme
        found.update({"color-scheme": GLib.Variant("s", scheme)} if schema else {})
    number = {"prefer-dark": 1, "prefer-light": 2}.get(scheme, 0)
    return {INTERFACE: found, APPEARANCE: {"color-scheme": GLib.Variant("u", number)}}


def on_scheme(scheme):
    """Signals to apps that the host's have become dark or light, unless the container's user has set the scheme."""
    global host_scheme, late_scheme
    if not agent.has_name:
        # Apps accept signals only from the owner of the name.
        late_scheme = scheme
        if not agent.owned:
            own_names()
        return
    late_scheme = None
    with open(f"{directory}/scheme", "w", encoding="utf-8") as file:
        file.write(scheme)
    if not agent.has_environment:
        # No app can have asked yet, and the first call of settings() needs the environment.
        host_scheme = scheme
        return
    before = settings()
    host_scheme = scheme
    for namespace, values in settings().items():
        value = values.get("color-scheme")
        # A change to 0, the default, counts too.
        if value is not None and value != before[namespace]["color-scheme"]:
            change = GLib.Variant("(ssv)", (namespace, "color-scheme", value))
            agent.bus.emit_signal(None, PATH, SETTINGS, "SettingChanged", change)


def is_wanted(namespace, patterns):
    """Whether an app's patterns match a namespace."""
    ends = [pattern.removesuffix("*") for pattern in patterns if pattern.endswith("*")]
    return not patterns or "" in patterns or namespace in patterns or any(namespace.startswith(end) for end in ends)


def on_settings(_connection, _sender, _path, _interface, method, parameters, invocation):
    """Handles ReadAll and Read."""
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


offer(
    PATH,
    interface(
        SETTINGS,
        {"ReadAll": ("as", "a{sa{sv}}"), "Read": ("s s", "v")},
        {"SettingChanged": "s s v"},
        {"version": "u"},
    ),
    on_settings,
    {"version": GLib.Variant("u", 1)},
)
on_key["scheme"] = lambda message: on_scheme(message["scheme"])
on_named.append(lambda: late_scheme and on_scheme(late_scheme))
