#!/usr/bin/python3
"""A window for it all: containers, their apps, what runs, what is open, what is lent. It only calls the scripts.

Each action shows its command line. While nobody uses the window, nothing is asked.
"""

import os
import re
import shlex
import shutil
import signal
import sys
from datetime import datetime

import gi

gi.require_version("Gtk", "4.0")
gi.require_version("Adw", "1")
from gi.repository import Adw, Gio, GLib, Gtk, Pango  # noqa: E402

sys.dont_write_bytecode = True
import model  # noqa: E402

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
IN_CHECKOUT = os.path.exists(os.path.join(HERE, "create.ts"))
REFRESH_SECONDS = 5
PIPES = Gio.SubprocessFlags.STDOUT_PIPE | Gio.SubprocessFlags.STDERR_PIPE


def program(script):
    """What runs a script: the one of this checkout, or the installed command."""
    return os.path.join(HERE, script) if IN_CHECKOUT else f"gui-{script.removesuffix('.ts')}"


def shown(words):
    """A command line as a person types it."""
    called = f"./{words[0]}" if IN_CHECKOUT else program(words[0])
    return model.clean(shlex.join([called, *words[1:]]), 1000)


class Run:
    """A script that runs. `done` gets its exit status and what it has printed; `line` each line on stderr."""

    def __init__(self, words, done, line=None):
        self.texts, self.open, self.done, self.line = (bytearray(), bytearray()), 3, done, line
        # That starts even where the script is missing, and then says so.
        self.process = Gio.Subprocess.new(["env", program(words[0]), *words[1:]], PIPES)
        for at, pipe in enumerate((self.process.get_stdout_pipe(), self.process.get_stderr_pipe())):
            pipe.read_bytes_async(65536, GLib.PRIORITY_DEFAULT, None, self.on_bytes, at)
        self.process.wait_async(None, lambda *_: self.part_ends())

    def on_bytes(self, pipe, result, at):
        try:
            data = pipe.read_bytes_finish(result).get_data()
        except GLib.Error:
            data = b""
        if not data:
            return self.part_ends()
        if len(self.texts[at]) + len(data) > model.MAX_OUTPUT:
            self.process.send_signal(signal.SIGTERM)
        else:
            self.texts[at].extend(data)
        if at == 1 and self.line:
            lines = bytes(self.texts[1][-4096:]).decode(errors="replace").rstrip("\n").split("\n")
            self.line(model.clean(lines[-1]))
        pipe.read_bytes_async(65536, GLib.PRIORITY_DEFAULT, None, self.on_bytes, at)

    def part_ends(self):
        self.open -= 1
        if self.open == 0:
            code = self.process.get_exit_status() if self.process.get_if_exited() else -1
            self.done(code, *(bytes(text).decode(errors="replace") for text in self.texts))


def label(text, *classes):
    """A plain text."""
    return Gtk.Label(label=text, xalign=0, ellipsize=Pango.EllipsizeMode.END, css_classes=classes)


def button(text, name, act, *classes):
    """A button with a text, or an icon where that is the name of one; `name` is what assistive programs say."""
    made = Gtk.Button(valign=Gtk.Align.CENTER, tooltip_text=name, css_classes=classes)
    # By set_label() it would be named after its text alone.
    made.set_icon_name(text) if text.endswith("-symbolic") else made.set_child(Gtk.Label(label=text))
    made.update_property([Gtk.AccessibleProperty.LABEL], [name])
    made.connect("clicked", lambda *_: act())
    return made


def boxed(children, orientation=Gtk.Orientation.HORIZONTAL, **properties):
    """A box with these in it."""
    made = Gtk.Box(orientation=orientation, **properties)
    for child in children:
        made.append(child)
    return made


def row(title, subtitle="", kind=Adw.ActionRow):
    """A row with plain texts: markup is off before they are set."""
    made = kind(use_markup=False)
    made.set_properties(title=title, subtitle=subtitle, title_lines=2, subtitle_lines=2)
    return made


def group(title, rows, none, suffix=None):
    """A heading with rows below it."""
    made = Adw.PreferencesGroup(title=title)
    if suffix:
        made.set_header_suffix(button(*suffix))
    for one in rows or [row(none)]:
        made.add(one)
    return made


class Window(Adw.ApplicationWindow):
    """The window."""

    def __init__(self, app, chosen):
        super().__init__(application=app, title="Containers", default_width=920, default_height=640)
        self.chosen, self.found, self.drawn = chosen, {}, None
        self.borders, self.actions, self.waiting, self.again, self.timer = {}, [], 0, False, 0
        self.list = Gtk.ListBox(css_classes=["navigation-sidebar"])
        self.list.connect("row-selected", self.on_selected)
        self.title, self.banner = Adw.WindowTitle(title="Containers"), Adw.Banner(use_markup=False)
        # Each has a group, and is drawn anew when that changes: a button that is pressed stays where it is.
        self.slots = [Adw.Bin() for _ in range(4)]
        parts = boxed(self.slots, Gtk.Orientation.VERTICAL, spacing=24, margin_start=12, margin_end=12, margin_top=24)
        details = Gtk.ScrolledWindow(child=Adw.Clamp(child=parts), vexpand=True)
        self.footer = label("Each action shows its command here", "caption", "monospace", "dim-label")
        self.footer.set_properties(hexpand=True, selectable=True)
        self.cancel = button("Cancel", "Cancel what runs", lambda: self.actions[-1].process.send_signal(signal.SIGINT))
        self.cancel.set_visible(False)
        bottom = boxed([self.footer, self.cancel], spacing=12, margin_start=12, margin_end=12, css_classes=["toolbar"])
        left, right, scroller = Adw.ToolbarView(), Adw.ToolbarView(), Gtk.ScrolledWindow(child=self.list, vexpand=True)
        bars = Adw.HeaderBar(title_widget=label("Containers", "heading")), Adw.HeaderBar(title_widget=self.title)
        bars[0].pack_start(button("list-add-symbolic", "New container", self.ask_create))
        update = button("Update", "Update its software", lambda: self.act(self.current(), "create.ts", "--update"))
        self.buttons = boxed([update, button("Remove…", "Remove this container", self.ask_remove)], spacing=6)
        bars[1].pack_start(self.buttons)
        for view, bar, content in zip((left, right), bars, (scroller, details)):
            view.add_top_bar(bar)
            view.set_content(content)
        right.add_top_bar(self.banner)
        right.add_bottom_bar(bottom)
        sidebar, content = (Adw.NavigationPage(child=view, title="Containers") for view in (left, right))
        self.set_content(Adw.NavigationSplitView(sidebar=sidebar, content=content))
        self.connect("map", lambda *_: GLib.idle_add(self.on_active))
        self.connect("notify::is-active", lambda *_: self.on_active())
        self.connect("close-request", self.on_close)

    # What is asked

    def on_active(self):
        """Asks every few seconds while the window is in use."""
        if self.timer:
            GLib.source_remove(self.timer)
        self.timer = GLib.timeout_add_seconds(REFRESH_SECONDS, self.refresh) if self.is_active() else 0
        self.refresh()

    def refresh(self):
        """Asks the scripts, unless nobody sees the window or the last answers are still to come."""
        self.again = self.waiting > 0
        if self.get_mapped() and not self.is_suspended() and not self.again:
            self.ask("containers", model.containers, "create.ts", "--list", "--json")
            self.ask("sessions", model.sessions, "attach.ts", "--list", "--json")
            self.ask("loans", model.loans, "map.ts", "--list", "--json")
            one = self.current()
            if one:
                words = f"--engine={one.engine}", "--json", one.name
                self.ask("history", model.history, "attach.ts", "--history", *words)
            for one in [one for one in self.found.get("containers", []) if one.name not in self.borders][:4]:
                self.borders[one.name], key = None, ("border", one.name)
                self.ask(key, model.border, "attach.ts", "--settings", f"--engine={one.engine}", "--json", one.name)
        return GLib.SOURCE_CONTINUE

    def ask(self, key, parse, *words):
        """Asks a script for a list."""

        def done(code, output, errors):
            self.waiting -= 1
            if isinstance(key, tuple):
                self.borders[key[1]] = parse(output)
            elif code == 0 and key != "history" or words[-1] == self.chosen:
                self.found[key] = parse(output)
            if key == "containers":
                self.banner.set_title(model.said(errors, 2).replace("\n", " · "))
                self.banner.set_revealed(code != 0)
            if self.waiting == 0:
                self.draw()
                if self.again or self.chosen and "history" not in self.found:
                    self.refresh()

        self.waiting += 1
        Run(words, done)

    # What is done

    def act(self, one, script, verb, *more):
        """Runs an action on a container."""
        self.run([script, f"--engine={one.engine}", verb, one.name, *more])

    def run(self, words):
        """Runs an action, and shows its command line, its progress, and its error."""

        def done(code, _output, errors):
            self.actions = [action for action in self.actions if action is not run]
            self.cancel.set_visible(bool(self.actions))
            self.footer.set_label(shown(words))
            if code not in (0, 130):
                self.tell(words, errors)
            # A switch of a channel that stays open, as the error says, comes back.
            for slot in self.slots if code else []:
                slot.data = ""
            self.refresh()

        line = lambda text: self.footer.set_label(f"{shown(words)} — {text}")  # noqa: E731
        self.footer.set_label(shown(words))
        run = Run(words, done, line)
        self.actions.append(run)
        self.cancel.set_visible(True)

    def start(self, app, one, copy):
        """Starts an app, which stays when this window is closed. What it prints is kept in memory, not in a pipe."""
        words = model.start(app, one, copy)
        self.footer.set_label(shown(words))
        errors = os.memfd_create("errors")

        def ended(process, _result):
            if not process.get_if_exited() or process.get_exit_status() not in (0, 130):
                size = os.fstat(errors).st_size
                self.tell(words, os.pread(errors, 65536, max(0, size - 65536)).decode(errors="replace"))
            os.close(errors)
            self.refresh()

        launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_SILENCE)
        launcher.take_stderr_fd(os.dup(errors))
        for name, value in app.env.items():
            launcher.setenv(name, value, True)
        launcher.spawnv(["setsid", program(words[0]), *words[1:]]).wait_async(None, ended)
        GLib.timeout_add_seconds(2, lambda: self.refresh() and False)

    def tell(self, words, errors):
        """Shows an error in the command's own words."""
        body = f"{shown(words)}\n\n{model.said(errors)}"
        self.open_dialog(["Close"], heading=f"{words[0].removesuffix('.ts')} could not do it", body=body)

    def open_dialog(self, answers, act=lambda: None, **properties):
        """Opens a dialog, whose last answer acts."""
        dialog = Adw.AlertDialog(**properties)
        for answer in answers:
            dialog.add_response(answer, answer)
        dialog.connect("response", lambda _, answer: answer == answers[-1] and act())
        dialog.present(self)
        return dialog

    def on_close(self, _window):
        if self.actions:
            self.footer.set_label("An action runs: cancel it, or wait")
        return bool(self.actions)

    def ask_create(self):
        name, words = Adw.EntryRow(title="Name"), Adw.EntryRow(title="Apps: firefox, apt:inkscape …")
        export = Adw.SwitchRow(title="Add its apps to the menu", active=True)
        form = group("", [name, words, export], "")
        typed = lambda: model.create(name.get_text(), words.get_text(), export.get_active())  # noqa: E731
        act = lambda: self.run(typed())  # noqa: E731
        dialog = self.open_dialog(["Cancel", "Make"], act, heading="New container", extra_child=form)
        dialog.set_response_enabled("Make", False)
        for entry in (name, words):
            entry.connect("changed", lambda *_: dialog.set_response_enabled("Make", typed() is not None))

    def ask_remove(self):
        one, body = self.current(), "All that is in it is lost."
        act = lambda: self.act(one, "create.ts", "--delete")  # noqa: E731
        dialog = self.open_dialog(["Keep", "Remove"], act, heading=f"Remove {one.name}?", body=body)
        dialog.set_response_appearance("Remove", Adw.ResponseAppearance.DESTRUCTIVE)

    def ask_file(self, one):
        def chosen(dialog, result):
            try:
                path = dialog.open_finish(result).get_path()
            except GLib.Error:
                path = None
            if path:
                self.act(one, "map.ts", "--no-wait", path)

        Gtk.FileDialog(title=f"Lend a file to {one.name}").open(self, None, chosen)

    # What is shown

    def current(self):
        """The chosen container, else the first."""
        listed = self.found.get("containers", [])
        return next((one for one in listed if one.name == self.chosen), listed[0] if listed else None)

    def on_selected(self, _list, selected):
        if selected and selected.name != self.chosen:
            self.chosen, self.found["history"] = selected.name, []
            self.draw()
            self.refresh()

    def draw(self):
        """Shows what the scripts have answered, where that has changed."""
        one, listed = self.current(), self.found.get("containers", [])
        now = repr((listed, self.borders, one))
        if now != self.drawn:
            self.drawn, self.chosen = now, one.name if one else None
            self.list.remove_all()
            for each in listed:
                self.list.append(self.container_row(each))
                if each is one:
                    self.list.select_row(self.list.get_last_child())
        self.buttons.set_visible(one is not None)
        self.title.set_title(one.name if one else "Containers")
        none = group("You have no containers", [], "Make one by the + button")
        groups = self.groups(one) if one else [(None, lambda: none)]
        for at, slot in enumerate(self.slots):
            data, make = groups[at] if at < len(groups) else ("", lambda: None)
            if getattr(slot, "data", "") != repr((one, data)):
                slot.data = repr((one, data))
                slot.set_child(make())

    def container_row(self, one):
        about = [model.clean(one.state), one.engine, model.age(one.software, datetime.now().astimezone())]
        made, colour = row(one.name, " · ".join(filter(None, about))), self.borders.get(one.name)
        made.name, found = one.name, Pango.Color()
        if colour and found.parse(colour):
            mark, marks = Gtk.Label(label="■"), Pango.AttrList()
            marks.insert(Pango.attr_foreground_new(found.red, found.green, found.blue))
            mark.set_attributes(marks)
            made.add_prefix(mark)
        return made

    def groups(self, one):
        """What there is of a container and its copies: for each group, the data, and what makes it."""
        is_own = re.compile(rf"{re.escape(one.name)}(?:-d[0-9a-f]{{5}})?").fullmatch
        apps = model.apps(GLib.get_user_data_dir(), one.name)
        live = [live for live in self.found.get("sessions", []) if is_own(live.container)]
        lent = [loan for loan in self.found.get("loans", []) if is_own(loan.name)]
        past = self.found.get("history", [])
        options, name = model.export_options(apps), "Add its apps to the menu"
        export = None if options is None else (name, name, lambda: self.act(one, "create.ts", "--export", *options))
        lend = "Lend a file…", "Lend a file", lambda: self.ask_file(one)
        return [
            (apps, lambda: group("Apps", [self.app_row(app, one) for app in apps], "None is in the menu", export)),
            (live, lambda: group("Running, and what is open", [self.session_row(o, one) for o in live], "No app runs")),
            (lent, lambda: group("Lent files", [self.loan_row(loan) for loan in lent], "No file is lent", lend)),
            (past, lambda: group("Passed today", [row(text, time) for time, text in past], "Nothing has passed")),
        ]

    def app_row(self, app, one):
        made = row(app.title, "in a disposable copy" if app.always_copy else "")
        made.add_prefix(Gtk.Image(pixel_size=32, **({"file": app.icon} if app.icon else {"icon_name": PLAIN_ICON})))
        made.add_suffix(button(START_ICON, f"Start {app.title}", lambda: self.start(app, one, False), "flat"))
        made.set_activatable(True)
        made.connect("activated", lambda *_: self.start(app, one, False))
        if one.disposable and not app.always_copy:
            name = f"Start {app.title} in a disposable copy"
            copy = button("Start in a disposable copy", name, lambda: self.start(app, one, True), "flat")
            menu = Gtk.MenuButton(icon_name="view-more-symbolic", valign=Gtk.Align.CENTER, css_classes=["flat"])
            menu.set_popover(Gtk.Popover(child=copy))
            menu.update_property([Gtk.AccessibleProperty.LABEL], [f"More for {app.title}"])
            copy.connect("clicked", lambda *_: menu.popdown())
            made.add_suffix(menu)
        return made

    def session_row(self, live, one):
        """A session, with a switch for each channel that is open."""
        since = model.time_of(live.since)
        about = [live.container, model.clean(live.app, 80), f"since {since:%H:%M}" if since else ""]
        made = row(live.session, " · ".join(filter(None, about)), Adw.ExpanderRow)
        made.set_expanded(True)
        engine, session = f"--engine={one.engine}", f"--session={live.session}"
        stop = ["attach.ts", engine, "--stop", session, live.container]
        made.add_suffix(button("Stop", f"Stop {live.session}", lambda: self.run(stop)))
        for channel in live.channels:
            until = model.time_of(live.until.get(channel))
            notes = ["asks each time" if channel in live.asks else "", f"until {until:%H:%M}" if until else ""]
            part = row(channel, ", ".join(filter(None, notes)))
            switch = Gtk.Switch(active=True, valign=Gtk.Align.CENTER)
            switch.update_property([Gtk.AccessibleProperty.LABEL], [f"{channel} of {live.session}"])
            words = ["attach.ts", engine, session, "--deny", live.container, channel]
            switch.connect("notify::active", lambda own, _, words=words: (own.set_sensitive(False), self.run(words)))
            part.add_suffix(switch)
            made.add_row(part)
        return made

    def loan_row(self, loan):
        made = row(model.clean(loan.host), f"{loan.name}, to read" if loan.readOnly else loan.name)
        words = ["map.ts", "--unmap", "--", loan.name, loan.container]
        made.add_suffix(button("Take back", f"Take back {model.clean(loan.host)}", lambda: self.run(words)))
        return made


PLAIN_ICON, START_ICON = "application-x-executable", "media-playback-start-symbolic"


def main():
    """Shows the window, with the container that the command line names."""
    if not shutil.which("deno"):
        # Where Deno installs itself: a desktop's menu may not know that.
        os.environ["PATH"] += f":{os.path.expanduser('~/.deno/bin')}"
    chosen = sys.argv[1] if len(sys.argv) > 1 else None
    app = Adw.Application(application_id="gui-container.Containers")
    app.connect("activate", lambda app: (app.get_active_window() or Window(app, chosen)).present())
    app.run([])


main()
