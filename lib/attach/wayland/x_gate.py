# x_gate.py
# The X display of a session on Wayland: systemd-socket-activate starts this with the first client. Programs that
# support only X get Xwayland, in one window, while one of them is connected. Programs that support Wayland are refused,
# and fall back to it. Parameter: run_on_x.sh.
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

# Toolkits that support Wayland.
WAYLAND = re.compile(r"/lib(wayland-client|gtk-[34]|Qt[5-9]|SDL)")
# Programs without a lasting window, such as xdg-open's xprop: for them, a server's window would open empty.
WINDOWLESS = re.compile(r"oosplash|setxkbmap|wmctrl|xclip|xdotool|xdpyinfo|xinput|xmodmap|xprop|xrandr|xrdb|xsel|xset|xwininfo")
START = """. "$RUNTIME_DIRECTORY/environment"; has_x_server && { exec 4>&1 >&2; run_on_x sh -c 'echo "$DISPLAY" >&4; exec 4>&- cat'; }"""

server = None
display = ""
clients = 0
lock = threading.Lock()


def is_let_in(client):
    pid, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/comm") as name:
        waits = WINDOWLESS.fullmatch(name.read().strip()) and server is None
        return uid == os.getuid() and not waits and not WAYLAND.search(maps.read())


# Yields the socket of a server that lives until the end of the context.
@contextlib.contextmanager
def running_server():
    global server, display, clients
    with lock:
        clients += 1
        if server is None:
            argv = ["/bin/sh", "-c", f"{sys.argv[1]}\n{START}"]
            server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            display = server.stdout.readline().strip(":\n")
    try:
        yield f"/tmp/.X11-unix/X{display}"
    finally:
        # The next client may come at once, as Java's second connection does.
        time.sleep(1)
        with lock:
            clients -= 1
            if clients == 0:
                server.communicate()
                server = None


def carry(source, target):
    with contextlib.suppress(OSError), contextlib.ExitStack() as ends:
        for end in (source, target):
            ends.callback(end.shutdown, socket.SHUT_RDWR)
        data = b" "
        while data:
            data, descriptors, _, _ = socket.recv_fds(source, 262144, 16)
            with contextlib.ExitStack() as received:
                for descriptor in descriptors:
                    received.callback(os.close, descriptor)
                socket.send_fds(target, [data], descriptors)


def serve(client):
    with contextlib.suppress(OSError), client:
        if is_let_in(client):
            with running_server() as path, socket.socket(socket.AF_UNIX) as end:
                end.connect(path)
                back = threading.Thread(target=carry, args=(end, client))
                back.start()
                carry(client, end)
                back.join()


listener = socket.socket(fileno=3)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
