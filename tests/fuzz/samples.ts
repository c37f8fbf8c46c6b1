/**
 * What honest ends of xpra send, by what was recorded of 6.5.5 and 5.1.6 and by the sources of 6.6: the start of every
 * fuzzed case. What tells the user and the machine apart holds the word in {@linkcode secret}.
 */

import type { Packet } from "../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../lib/guard/xpra/rencode.ts";

/** Must never reach the container. */
export const secret = "s3cr3t";

/** A table from an object. */
export function dict(object: Readonly<Record<string, Value>>): Dict {
  return new Map(Object.entries(object));
}

function packet(type: string, ...args: Value[]): Packet {
  return { type, args };
}

/** A list of bytes. */
export function bytes(length: number, value = 7): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** JPEG of 8 × 6 pixels: the left half is (10, 20, 230), the right one (200, 30, 40). */
export const picture = base64(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDA" +
    "sKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAG" +
    "AAgDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhBy" +
    "JxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT" +
    "lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAA" +
    "AAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRom" +
    "JygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExc" +
    "bHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD89f2af+Y1/wBu3/tWv6m+nf8A809/3N/+6x++fQ9/5nf/AHLf" +
    "+7B//9k=",
);
const monitor = dict({
  primary: true,
  geometry: [0, 0, 1920, 1200],
  "refresh-rate": 0,
  "width-mm": 508,
  model: `${secret} 27`,
  name: `${secret}-1`,
  manufacturer: secret,
  workarea: [0, 0, 1920, 1200],
});

const screens: Value = [[
  ":0.0",
  1920,
  1200,
  488,
  305,
  [[`${secret}-1`, 0, 0, 1920, 1200, 508, 317]],
  0,
  0,
  1920,
  1200,
]];

const pixels = dict({
  file: `/home/${secret}/container_mounts/box/.attach-1/.pixels-a113`,
  size: 73_732_096,
  token: 67586924236103622390241328209220663162n,
  token_index: 69_461_415,
  token_bytes: 128,
});

/** The client's hello. */
export const clientHello: Packet = packet(
  "hello",
  dict({
    compressors: ["lz4", "brotli", "none"],
    encoders: ["rencodeplus", "yaml", "none"],
    flush: true,
    lz4: dict({ "": true }),
    rencodeplus: dict({ "": true }),
    protocol: [5, 1],
    uuid: secret,
    version: "6.5",
    "session-id": secret,
    client_type: "Python/GTK3",
    machine_id: secret,
    username: secret,
    user: secret,
    name: secret,
    hostname: secret,
    argv: ["xpra", "attach", secret],
    "ssh-auth-sock": `/run/${secret}/agent`,
    digest: ["hmac+sha512", "u2f"],
    events: true,
    platform: dict({ linux_distribution: ["Debian", "13", secret], "": "linux", name: secret }),
    "build.hostname": secret,
    file: dict({ enabled: true, "size-limit": 1_000_000_000, "open-url": true, printing: false }),
    keyboard: true,
    wants: ["events", "packet-types"],
    share: false,
    "wm_name": secret,
    desktop_size: [1920, 1200],
    desktops: 4,
    "desktop.names": [secret, "two"],
    screen_sizes: screens,
    monitors: new Map<string | number, Value>([[0, monitor]]),
    dpi: dict({ x: 100, y: 100 }),
    display: dict({ desktop_size: [1920, 1200], monitors: new Map<string | number, Value>([[0, monitor]]) }),
    window: dict({ enabled: true, "min-size": [0, 0], "frame_sizes": dict({ frame: [1, 1, 20, 5] }) }),
    windows: true,
    encoding: dict({ options: ["rgb"], core: ["rgb24", "rgb32"], rgb_lz4: true, batch: new Map() }),
    system_tray: true,
    "pointer.grabs": true,
    cursor: dict({ encodings: ["raw", "default", "png"], default: [25, 25] }),
    clipboard: dict({ selections: ["CLIPBOARD"], enabled: true, "": true }),
    keymap: dict({ layout: "us", keycodes: [[65307, "Escape", 9, 0, 0]] }),
    mouse: dict({ show: true, "initial-position": [960, 600] }),
    notifications: dict({ enabled: true }),
    mmap: dict({ read: pixels, file: pixels.get("file")!, size: 73_732_096 }),
    "mmap_file": pixels.get("file")!,
    "metadata.supported": ["title", "pid", "command", "x11-property"],
  }),
);

/** The server's hello. */
export const serverHello: Packet = packet(
  "hello",
  dict({
    compressors: ["lz4"],
    rencodeplus: dict({ "": true }),
    uuid: "f316",
    version: "6.5",
    "server.mode": "shadow",
    shadow: true,
    desktop: true,
    server: dict({ mode: "desktop" }),
    hostname: "box",
    "packet-types": ["focus", "pointer-button", "control-request", "map-window"],
    "client-shutdown": true,
    "xdg-menu": dict({ Games: dict({ Icon: bytes(40) }) }),
    "server-commands-signals": ["SIGINT"],
    clipboard: dict({ direction: "both", enabled: true }),
    "cursor": dict({ default: ["raw", 0, 0, 16, 16, 0, 0, 1, bytes(1024)], sizes: dict({ default: [24, 24] }) }),
    window: dict({ "frame-extents": true, signals: ["SIGINT"] }),
    mmap: dict({ write: pixels }),
    "modifiers-keynames": dict({ shift: ["Shift_L"] }),
    encryption: dict({ cipher: "AES" }),
    proxy: true,
  }),
);

/** What the container says of a window, with all that it must not. */
export const description: Dict = dict({
  xid: 4194316,
  "client-machine": "box",
  pid: 944,
  title: "ubuntu@box: ~",
  locale: "C.UTF-8",
  command: "/usr/bin/xterm",
  "class-instance": ["xterm", "XTerm"],
  "window-type": ["NORMAL"],
  "content-type": "text",
  "size-constraints": dict({ "base-size": [4, 4], increment: [6, 13], gravity: 1, "minimum-size": [10, 17] }),
  "icon-title": "ubuntu@box: ~",
  "requested-position": [0, 0],
  "x11-property": ["_NET_WM_STRUT", "CARDINAL", 32, [0, 0, 900, 0]],
  above: true,
  opacity: 0,
  strut: dict({ top: 900 }),
  "skip-taskbar": true,
  fullscreen: true,
  "has-alpha": false,
});

const popup = dict({
  title: "Mousepad",
  "transient-for": 1,
  "window-type": ["POPUP_MENU"],
  "override-redirect": true,
  "class-instance": ["sun-awt-X11-XDialogPeer", "x"],
});

const drawn = dict({ rgb_format: "BGRX", chunks: [[8, 1936 * 316]], flush: 0, "window-size": [484, 316] });

/** Packets of a server. */
export const fromServer: readonly Packet[] = [
  serverHello,
  packet("startup-complete"),
  packet("server-event", "handshake-complete"),
  packet("encodings", dict({ encodings: dict({ "": ["rgb"] }) })),
  packet("new-window", 1, 0, 0, 484, 316, description, new Map()),
  packet("new-window", 2, 100, 100, 800, 600, description, new Map()),
  packet("new-override-redirect", 3, 20, 20, 200, 300, popup, new Map()),
  packet("new-override-redirect", 4, 0, 0, 1920, 1200, popup, new Map()),
  packet("window-metadata", 1, dict({ title: "a title" })),
  packet("window-metadata", 1, description),
  packet("window-move-resize", 1, 50, 60, 484, 316, 0),
  packet("configure-override-redirect", 3, 900, 900, 200, 300),
  packet("window-resized", 1, 500, 400, 1),
  packet("raise-window", 1),
  packet("restack-window", 1, 0, 2),
  packet("initiate-moveresize", 1, 10, 10, 8, 1, 1),
  packet("draw", 1, 0, 0, 484, 316, "mmap", [[8, 1936 * 316]], 1, 1936, drawn),
  packet("draw", 1, 122, 2, 6, 13, "rgb24", bytes(6 * 13 * 4), 2, 24, dict({ rgb_format: "BGRX" })),
  packet("draw", 1, 4, 4, 8, 6, "jpeg", picture, 4, 0, dict({ quality: 90 })),
  packet("draw", 1, 0, 0, 100, 100, "rgb32", bytes(40_000), 3, 400, dict({ rgb_format: "BGRA" })),
  packet("eos", 1),
  packet("window-icon", 1, 32, 32, "BGRA", bytes(4096)),
  packet("cursor", ""),
  packet("cursor", "raw", 960, 600, 16, 16, 4, 8, 8, bytes(1024), "xterm", [24, 24], 32767, 32767),
  packet("bell", 1, 3, 50, 400, 100, 0, 0, "TerminalBell"),
  packet("ping", 1605659, 1795640695876),
  packet("ping_echo", 1552380, 1, 0, 0, -1, ""),
  packet("clipboard-token", "PRIMARY"),
  packet(
    "clipboard-token",
    "CLIPBOARD",
    ["UTF8_STRING", "text/uri-list"],
    "UTF8_STRING",
    "UTF8_STRING",
    8,
    "bytes",
    bytes(9),
    true,
    false,
  ),
  packet("clipboard-request", 1, "CLIPBOARD", "UTF8_STRING"),
  packet("clipboard-request", 2, "CLIPBOARD", "text/uri-list"),
  packet("clipboard-contents", 0, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(12), 0),
  packet("clipboard-contents", 1, "CLIPBOARD", "ATOM", 32, "atoms", ["TARGETS", "UTF8_STRING"], 0),
  packet("clipboard-contents-none", 2, "CLIPBOARD"),
  packet("sound-data", "opus", bytes(100), dict({ sequence: 1, "start-of-stream": true }), []),
  packet("new-tray", 9, 22, 22, dict({ title: "tray" })),
  packet("lost-window", 3),
  packet("lost-window", 1),
  packet("setting-change", "clipboard", true),
  packet("pointer-grab", 1),
  packet("challenge", bytes(32), dict({}), "hmac", "xor", "Password"),
  packet("disconnect", "server shutdown"),
];

/** Packets of a client. */
export const fromClient: readonly Packet[] = [
  clientHello,
  packet("clipboard-enable-selections", ["CLIPBOARD", "PRIMARY"]),
  packet("layout-changed", "us", "", "", "", ""),
  packet("keymap-changed", dict({ keymap: dict({ layout: "us", keycodes: [[65307, "Escape", 9, 0, 0]] }) }), true),
  packet("info-request", [secret], [], []),
  packet(
    "configure-window",
    1,
    10,
    10,
    484,
    316,
    dict({ "encoding.render-size": [484, 316] }),
    0,
    dict({ focused: true }),
    true,
    1,
    [960, 600],
    ["shift"],
  ),
  packet("map-window", 1, 10, 10, 484, 316, dict({ workspace: 3 }), dict({ frame: [1, 1, 20, 5] })),
  packet("map-window", 2, 100, 100, 800, 600, new Map(), new Map()),
  packet("focus", 1, ["shift"]),
  packet("key-action", 1, "l", true, [], 108, "l", 46, 0),
  packet("key-action", 1, "l", false, [], 108, "l", 46, 0),
  packet("key-action", 1, "Return", true, [], 65293, "\r", 36, 0),
  packet("focus", 0, []),
  packet("key-action", 1, "p", true, [], 112, "p", 33, 0),
  packet("pointer", 0, 4, 1, [929, 629, 211, 180], dict({ modifiers: [], buttons: [] })),
  packet("pointer-button", 0, 2, 1, 3, true, [919, 619, 201, 170], dict({ modifiers: [], buttons: [] })),
  packet("button-action", 1, 1, true, [919, 619], [], []),
  packet("wheel-motion", 1, 4, 1000, [1, 2], [], []),
  packet("wheel-motion", 1, 4, 1000, [1, 2], [], [], dict({ "scaled-distance": 900, "raw-position": [1, 2] })),
  packet("damage-sequence", 1, 1, 484, 316, 2397, "''"),
  packet("buffer-refresh", -1, 0, 100, dict({ "refresh-now": true }), new Map()),
  packet("ping", 1552380),
  packet("ping_echo", 1605659, 900, 800, 700, 1, ""),
  packet("unmap-window", 1, false),
  packet("close-window", 1),
  packet("clipboard-token", "CLIPBOARD"),
  packet("clipboard-request", 0, "CLIPBOARD", "UTF8_STRING"),
  packet("clipboard-contents", 0, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(10), 0),
  packet(
    "configure-display",
    dict({
      "desktop-size": [1920, 1200],
      monitors: new Map<string | number, Value>([[0, monitor]]),
      "desktop-names": [secret],
      icc: dict({ global: secret }),
    }),
  ),
  packet("logging", 20, secret, 1),
  packet("suspend"),
  packet("shutdown-server"),
  packet("disconnect", "exit on signal SIGINT"),
];
