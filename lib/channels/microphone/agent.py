# microphone/agent.py
# A part of agent.py. To the host: {"ask": "record", "on"} when an app begins to record, and when none records any more. From
# the host: {"samples"} in base64.
import base64

samples_fifo = None


def watch_recorders():
    """Tells the host when apps record from the session's PulseAudio source. Starts PulseAudio."""
    pactl = ["setpriv", "--pdeathsig", "TERM", "env", "LC_ALL=C", "pactl"]
    events = subprocess.Popen([*pactl, "subscribe"], stdout=subprocess.PIPE).stdout.fileno()

    def look():
        listing = subprocess.run([*pactl, "list", "short", "sources"], capture_output=True, check=False).stdout
        sources = [line.split(b"\t") for line in listing.splitlines()]
        set_recording(any(source[1] == b"microphone" and source[-1] == b"RUNNING" for source in sources))

    def on_events(*_):
        news = os.read(events, 65536)
        # Each look causes events of other kinds.
        if not news or b" on source" in news:
            look()
        return bool(news)

    GLib.io_add_watch(events, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_events)
    # An app may already record.
    GLib.timeout_add(500, look)


def set_recording(is_on):
    """Opens the FIFO of the PulseAudio source, or empties and closes it: the next recorder gets no old samples."""
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
    """Writes samples of the host's microphone into the FIFO, and drops those that nobody reads in time."""
    if samples_fifo is not None:
        try:
            os.write(samples_fifo, base64.b64decode(samples))
        except BlockingIOError:
            pass


if os.path.isdir(f"{directory}/microphone"):
    on_key["samples"] = lambda message: on_samples(message["samples"])
    is_needed.append(lambda: True)
    on_app.append(lambda: serves("microphone") and watch_recorders())
elif "microphone" in CHANNELS:
    lacks("no-part", "microphone")
    CHANNELS.remove("microphone")
