# notifications/agent.py
# A part of agent.py. To the host: {"ask": "notify", "id", "summary", "body"}, which replaces an earlier one with that id, and
# {"ask": "withdraw", "id"}. Neither has an answer.
import zlib

NOTIFICATIONS = "org.freedesktop.Notifications"


def on_portal_notification(_connection, _sender, _path, _interface, method, parameters, invocation):
    """An app shows a notification by the portal, in place of its last one with the same name, or takes it away."""
    app, name, *more = parameters.unpack()
    # Different from the numbers of on_notification(), and the same for the next agent if this one ends.
    number = 0x40000000 | zlib.crc32(f"{app} {name}".encode()) & 0x3FFFFFFF
    if method == "AddNotification":
        notify(number, str(more[0].get("title", "")), str(more[0].get("body", "")))
    else:
        send({"ask": "withdraw", "id": number})
    invocation.return_value(None)


def notify(number, summary, body):
    """Shows a notification with a title and a text."""
    send({"ask": "notify", "id": number, "summary": summary[:400], "body": body[:4000]})


def on_notification(connection, _sender, path, interface, method, parameters, invocation):
    """An app shows a notification, takes it away, or asks what can be shown."""
    if method == "GetCapabilities":
        invocation.return_value(GLib.Variant("(as)", (["body"],)))
    elif method == "GetServerInformation":
        invocation.return_value(GLib.Variant("(ssss)", ("gui-container", "gui-container", "1", "1.2")))
    elif method == "Notify":
        _app, number, _icon, summary, body, _actions, _hints, _timeout = parameters.unpack()
        if not number:
            number = next(numbers)
        notify(number, summary, body)
        invocation.return_value(GLib.Variant("(u)", (number,)))
    else:
        (number,) = parameters.unpack()
        send({"ask": "withdraw", "id": number})
        invocation.return_value(None)
        by_call = 3
        connection.emit_signal(None, path, interface, "NotificationClosed", GLib.Variant("(uu)", (number, by_call)))


offer(
    PATH,
    interface(f"{PORTAL}.Notification", {"AddNotification": ("s s a{sv}", ""), "RemoveNotification": ("s s", "")}),
    on_portal_notification,
)
offer(
    "/org/freedesktop/Notifications",
    interface(
        NOTIFICATIONS,
        {
            "Notify": ("s u s s s as a{sv} i", "u"),
            "CloseNotification": ("u", ""),
            "GetCapabilities": ("", "as"),
            "GetServerInformation": ("", "s s s s"),
        },
        {"NotificationClosed": "u u"},
    ),
    on_notification,
)
names.append(NOTIFICATIONS)
