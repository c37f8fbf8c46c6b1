# opening.py
# A part of agent.py, for what apps open. To the host: {"ask": "link", "url"}, which has no answer, and {"id", "ask": "file",
# "name", "path", "size", "directory"} for a file that the host is to read at a path here. From the host: {"hand": addresses} of
# files that the user drags out of a window; {"ask": "stays"} is the answer for each that is no readable file.
import stat


def on_open(_connection, _sender, _path, _interface, _method, parameters, invocation):
    """The session's xdg-open: a link for the host's browser, or a file for the host's downloads."""
    word = parameters.unpack()[0]
    try:
        if word.startswith(("http://", "https://")):
            if not serves("links") or len(word) > 8192:
                raise ValueError
            send({"ask": "link", "url": word})
        else:
            hand_over(word)
        invocation.return_value(None)
    except (OSError, ValueError, GLib.Error):
        invocation.return_dbus_error("org.guicontainer.Error.NotServed", "The host does not take it")


def hand_over(word):
    """Has the host read a regular file, which a path or a URI names."""
    path = GLib.filename_from_uri(word)[0] if word.startswith("file:") else word
    if not serves("files"):
        raise ValueError
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError
    number = expect(lambda _: os.close(descriptor))
    message = {"id": number, **given("file", descriptor, os.path.basename(path))}
    send({**message, "directory": os.path.dirname(os.path.abspath(path))})


def on_hand(message):
    """The user has dragged files out of a window."""
    for address in message["hand"]:
        try:
            hand_over(address)
        except (OSError, ValueError, GLib.Error):
            send({"ask": "stays"})


def on_choice(_connection, _sender, _path, _interface, method, parameters, invocation):
    """The portal asks which app opens something: files go to the host, if it takes them."""
    if method == "UpdateChoices":
        invocation.return_value(None)
        return
    choices, options = parameters.unpack()[3:]
    chosen = ["gui-container"] if serves("files") and "filename" in options else choices[:1]
    results = {"choice": GLib.Variant("s", chosen[0])} if chosen else {}
    invocation.return_value(GLib.Variant("(ua{sv})", (DONE if chosen else CANCELLED, results)))


CHOOSING = {"ChooseApplication": ("o s s as a{sv}", "u a{sv}"), "UpdateChoices": ("o as", "")}
offer(PATH, interface(f"{PORTAL}.AppChooser", CHOOSING), on_choice)
offer(PATH, interface("org.guicontainer.Host", {"Open": ("s", "")}), on_open)
on_key["hand"] = on_hand
