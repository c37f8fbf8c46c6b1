# use_proxy.py
"""Configures a container without a network card to use its proxy, as root in it: sessions, apt, Firefox and Chromium.

The argument is the proxy as HOST:PORT. Waits until the proxy answers, and exits with status 75 if it does not.
"""

import json
import os
import socket
import sys
import time

proxy = sys.argv[1]
url = f"http://{proxy}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


# systemd sets these variables for the sessions' units (environment.d(5)).
variables = {"http_proxy": url, "https_proxy": url, "no_proxy": "localhost,127.0.0.1,::1"}
lines = [f"{key}={value}\n" for name, value in variables.items() for key in (name, name.upper())]
write("/etc/environment.d/60-gui-internet.conf", "".join(lines))
write("/etc/apt/apt.conf.d/60gui-internet", f'Acquire::http::Proxy "{url}";\nAcquire::https::Proxy "{url}";\n')

chromium = json.dumps({"ProxySettings": {"ProxyMode": "fixed_servers", "ProxyServer": proxy}})
for directory in ("chromium", "opt/chrome"):
    write(f"/etc/{directory}/policies/managed/gui-internet.json", chromium)

# Firefox reads only this one file, which a cloud-config may have written already.
path = "/etc/firefox/policies/policies.json"
try:
    with open(path) as file:
        firefox = json.load(file)
except FileNotFoundError:
    firefox = {}
manual = {"Mode": "manual", "HTTPProxy": proxy, "UseHTTPProxyForAllProtocols": True}
firefox.setdefault("policies", {})["Proxy"] = manual
write(path, json.dumps(firefox))

host, port = proxy.split(":")
for _ in range(100):
    try:
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(b"OPTIONS http://0.0.0.0/ HTTP/1.0\r\n\r\n")
            if connection.recv(9).startswith(b"HTTP/1."):
                sys.exit()
    except OSError:
        pass
    time.sleep(0.1)
sys.exit(75)
