# The command `xpra` of xpra's own tests: a client that attaches does so through the guard.
#
# Usage: XPRA_COMMAND=xpra_client.py, XPRA_GUARD: the guard's command, by shell words.
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time

# Set for the tests themselves. A client that has it never says hello (6.5.5).
os.environ.pop("XPRA_UNIT_TEST", None)
# With this the server fails at each client's hello (6.5.5).
words = [word for word in sys.argv[1:] if word != "--windows=no"]

if "attach" in words:
    at = words.index("attach") + 1
    display = words[at].lstrip(":")
    server = f"/tmp/{socket.gethostname()}-{display}"
    guard = os.path.join(tempfile.mkdtemp(), "guard")
    direction = next((word.split("=")[1] for word in words if word.startswith("--clipboard-direction=")), "both")
    # The guard ends when its input does: with the client, which has the other end.
    end, held = os.pipe()
    os.set_inheritable(held, True)
    subprocess.Popen([*shlex.split(os.environ["XPRA_GUARD"]), guard, server, direction], stdin=end)
    os.close(end)
    while not os.path.exists(guard):
        time.sleep(0.02)
    words[at] = f"socket:{guard}"
    words += ["--compressors=none", "--packet-encoders=rencodeplus", "--mmap=no", "--webcam=no"]

os.execv("/usr/bin/python3", ["/usr/bin/python3", "/usr/local/bin/xpra", *words])
