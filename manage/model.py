"""What the window "Containers" shows and runs, as values, without GTK.

A container chooses many of the texts: names of sessions, words of apps, names in its desktop entries, files in its
history. They are plain text without control and format characters, and short; lists are bounded; and no word of theirs
stands where a script reads an option.
"""

import json
import os
import re
import stat
import unicodedata
from collections import defaultdict
from datetime import datetime
from types import SimpleNamespace

MAX_TEXT = 200
MAX_ROWS = 500
# In bytes: of what a script prints, and of a menu entry or an icon.
MAX_OUTPUT = 16 * 2**20
MAX_FILE = 2**18
# What has no width, and belongs to none of the categories that are left out.
INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]")
NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]*:)?[A-Za-z][A-Za-z0-9-]{0,62}", re.ASCII)
SESSION = re.compile(r"[\w.-]{1,64}", re.ASCII)
CHANNEL = re.compile(r"[a-z][a-z-]{0,30}")
ENGINE = re.compile(r"lxc|incus")
# What a person may type for an app: a bundled name, a word of the archive, or the whole path of a file.
APP = re.compile(r"(?:(?:apt|snap|deb):)?[A-Za-z0-9/][\w.+:/@-]{0,199}", re.ASCII)
OPTION = re.compile(r"--[a-z][a-z0-9-]*(?:=.*)?")


def clean(text, most=MAX_TEXT):
    """A text of a container's as one plain line."""
    shown, marks = [], 0
    for character in INVISIBLE.sub("", str(text)[: 8 * most]):
        kind = unicodedata.category(character)
        marks = marks + 1 if kind[0] == "M" else 0
        if character in "\t\n\r" or kind[0] == "Z":
            shown.append(" ")
        elif kind[0] != "C" and marks < 3:
            shown.append(character)
    line = "".join(shown).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def said(text, most=14):
    """What a command has said of its failure, as plain lines: from its error on, else the end."""
    lines = [line.replace("\r", "") for line in text.split("\n") if line.strip()]
    first = next((at for at, line in enumerate(lines) if line.startswith("error:")), max(0, len(lines) - most))
    return "\n".join(clean(line) for line in lines[first : first + most])


def fits(value, kind):
    """Whether a value of JSON has a type; a list of one type means a list of that, a tuple one of several."""
    if isinstance(kind, tuple):
        return any(fits(value, one) for one in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and len(value) <= MAX_ROWS and all(fits(one, kind[0]) for one in value)
    if isinstance(kind, re.Pattern):
        return isinstance(value, str) and kind.fullmatch(value) is not None
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def array(text):
    """The objects of an array in JSON; none of what is no array."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def objects(text, **kinds):
    """The objects of an array in JSON whose fields have these types: these fields of the last MAX_ROWS."""
    whole = [one for one in array(text) if all(fits(one.get(key), kinds[key]) for key in kinds)]
    return [SimpleNamespace(**{key: one[key] for key in kinds}) for one in whole[-MAX_ROWS:]]


def containers(text):
    """What `create.ts --list --json` prints."""
    kinds = {"name": NAME, "engine": ENGINE, "state": str, "preset": str, "software": (str, type(None))}
    return objects(text, **kinds, disposable=bool)


def sessions(text):
    """What `attach.ts --list --json` prints."""
    kinds = {"container": NAME, "session": SESSION, "display": str, "app": str, "since": str}
    return objects(text, **kinds, channels=[CHANNEL], asks=[str], until=dict)


def loans(text):
    """What `map.ts --list --json` prints."""
    whole = objects(text, name=NAME, host=str, container=str, readOnly=bool)
    return [loan for loan in whole if loan.host.startswith("/") and loan.container.startswith("/")]


SAYS = {
    "session": "Session {session} {what}",
    "clipboard": "Clipboard {direction}: {bytes} bytes of {type}",
    "file": "File {what}: {path}",
    "download": "File received: {name}, {bytes} bytes",
    "print": "Printed on {printer}: {name}",
    "link": "Link to {host} opened {where}",
    "microphone": "Microphone {what}",
    "question": "Asked for {channel}: {answer}",
    "signature": "Signature: {what}",
}


def history(text, today=None):
    """The lines of today of `attach.ts --history --json`, the newest first, as pairs of time and text."""
    lines = []
    for line in reversed(array(text)):
        kind = line.get("kind")
        moment = time_of(line.get("time")) if isinstance(kind, str) and kind in SAYS else None
        if moment and moment.date() == (today or datetime.now().date()) and len(lines) < MAX_ROWS:
            values = {key: clean(value) for key, value in line.items() if isinstance(value, (str, int))}
            failed = " (failed)" if line.get("failed") is True else ""
            lines.append((f"{moment:%H:%M:%S}", clean(SAYS[kind].format_map(defaultdict(str, values)) + failed)))
    return lines


def border(text):
    """The colour of `attach.ts --settings --json`, as a word; None if none is set."""
    try:
        value = json.loads(text)["settings"]["border"]["value"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return value.split(",")[0] if fits(value, re.compile(r"#?[A-Za-z0-9]{1,40}(?:,\d+)?")) else None


def time_of(text):
    """A time of the scripts' as a local one; None if it is none."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, TypeError, OverflowError):
        return None


def age(text, now):
    """How old software is, in words."""
    since = time_of(text)
    days = (now - since).days if since else -1
    return "" if days < 0 else "software of today" if days == 0 else f"software {days} day{'s' * (days > 1)} old"


def read_file(path):
    """The bytes of a small regular file, no link; None for any other."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            state = os.fstat(file.fileno())
            return file.read(MAX_FILE) if stat.S_ISREG(state.st_mode) and state.st_size <= MAX_FILE else None
    except OSError:
        return None


def exec_words(value):
    """The words of an Exec key; none if it is not as create.ts writes it."""
    text = value.replace("\\\\", "\\")
    word = r'(?:"((?:[^"\\]|\\.)*)"|([^\s"\\]+))'
    if not re.fullmatch(rf"{word}(?: {word})*", text):
        return []
    return [(re.sub(r"\\(.)", r"\1", quoted) or plain).replace("%%", "%") for quoted, plain in re.findall(word, text)]


def entry(text, name, icons):
    """An app of a menu entry that `create.ts --export` has written for a container; None for any other entry."""
    values = {}
    for line in text.split("\n")[1:] if text.startswith("[Desktop Entry]\n") else []:
        if line.startswith("["):
            break
        key, _, value = line.partition("=")
        values.setdefault(key, value)
    if values.get("X-GuiContainer-Name") != name:
        return None
    words = exec_words(values.get("Exec", ""))
    env = {}
    if words[:1] == ["env"]:
        while len(words) > 1 and re.fullmatch(r"GUI_CONTAINER_MOUNTS=/.*", words[1]):
            env["GUI_CONTAINER_MOUNTS"] = words.pop(1).partition("=")[2]
        words.pop(0)
    if not words or os.path.basename(words[0]) != "open-in-container" or "--" not in words or name not in words:
        return None
    at, end = words.index(name), words.index("--")
    options, app, more = words[1:at], words[at + 1 : at + 2], words[at + 2 : end]
    if at > end or not app or app[0].startswith("-") or not all(OPTION.fullmatch(word) for word in options + more):
        return None
    title = re.sub(r"^\[[^\]]*\] ", "", values.get("Name", ""))
    icon = values.get("Icon", "")
    own = os.path.dirname(icon) == icons and re.fullmatch(r"[\w.+-]+\.png", os.path.basename(icon))
    about = {"title": clean(title) or clean(app[0]), "icon": icon if own else None, "command": app[0].split()}
    kept = [word for word in options if word != "--disposable"]
    return SimpleNamespace(**about, options=kept, always_copy=len(kept) < len(options), xpra=more, env=env)


def apps(data, name):
    """The apps of a container in the host's menu below a data directory, by title."""
    directory, icons = os.path.join(data, "applications"), os.path.join(data, "gui-container", "icons", name)
    try:
        files = [file for file in os.listdir(directory) if file.startswith(f"gui-container-{name}.")]
    except OSError:
        return []
    wanted = sorted(file for file in files if file.endswith(".desktop"))[:MAX_ROWS]
    texts = [(read_file(os.path.join(directory, file)) or b"").decode(errors="replace") for file in wanted]
    return sorted(filter(None, (entry(text, name, icons) for text in texts)), key=lambda app: app.title.casefold())


def start(app, container, copy):
    """The command line that starts an app: in a disposable copy if wanted."""
    options = [word for word in app.options if not word.startswith("--engine=")]
    if copy or app.always_copy:
        options = ["--disposable", *(word for word in options if not word.startswith("--session="))]
    words = ["attach.ts", f"--engine={container.engine}", *options, container.name, *app.xpra]
    return [*words, "--", *app.command]


def export_options(apps):
    """With which options apps are to be exported again, as they are now; None if these differ."""
    fixed = re.compile("--(?:engine|session)=.*")
    chosen = {tuple(word for word in app.options + app.xpra if not fixed.fullmatch(word)) for app in apps} or {()}
    return None if len(chosen) > 1 or any(app.always_copy for app in apps) else [*chosen.pop()]


def create(name, apps_text, export):
    """The command line that makes a container of what was typed; None if that is no name and apps."""
    words = apps_text.split()
    if not NAME.fullmatch(name) or name.endswith("-") or not words or not all(APP.fullmatch(word) for word in words):
        return None
    return ["create.ts", name, *words, *(["--export"] if export else [])]
