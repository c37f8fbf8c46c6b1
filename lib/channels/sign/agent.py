# sign/agent.py
# A part of agent.py: the socket of an SSH agent. To the host: {"ask": "agent", "id", "message", "bound"}, with an app's message and
# the session-bind@openssh.com message of its connection, both in base64. From the host: {"id", "reply"}.
import base64
import queue
import socketserver
import threading

FAILURE, SUCCESS = b"\x05", b"\x06"


class Client(socketserver.StreamRequestHandler):
    """A connection of an app."""

    def handle(self):
        bound = b""
        while size := int.from_bytes(self.rfile.read(4), "big"):
            # Two such messages fit in a line that the host's end reads.
            message = self.rfile.read(size) if size <= 5000 else b""
            if len(message) < size:
                return
            if message.startswith(b"\x1b\0\0\0\x18session-bind@openssh.com"):
                bound, reply = message, SUCCESS
            else:
                replies = queue.SimpleQueue()
                GLib.idle_add(pass_on, message, bound, replies.put)
                reply = replies.get()
            self.wfile.write(len(reply).to_bytes(4, "big") + reply)


def pass_on(message, bound, reply):
    """Passes a message on to the host, or answers that it has failed."""
    if not serves("sign"):
        reply(FAILURE)
        return
    number = expect(lambda answer: reply(base64.b64decode(answer["reply"]) if "reply" in answer else FAILURE))
    message, bound = (base64.b64encode(part).decode() for part in (message, bound))
    send({"ask": "agent", "id": number, "message": message, "bound": bound})


if os.path.isdir(f"{directory}/sign"):
    socket_path = f"{directory}/sign/agent"
    subprocess.run(["rm", "-f", socket_path], check=True)
    clients = socketserver.ThreadingUnixStreamServer(socket_path, Client)
    clients.daemon_threads = True
    threading.Thread(target=clients.serve_forever, daemon=True).start()
    is_needed.append(lambda: True)
elif "sign" in CHANNELS:
    lacks("no-part", "sign")
    CHANNELS.remove("sign")
