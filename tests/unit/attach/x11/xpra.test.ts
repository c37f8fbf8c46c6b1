// What the two ends of xpra are told.

import { assert, assertEquals } from "@std/assert";
import { channelNames } from "../../../../lib/settings/channels.ts";
import { fallbackScreen } from "../../../../lib/attach/x11/screen.ts";
import { channelOptions, clientArgv, serverArgv } from "../../../../lib/attach/x11/xpra.ts";
import type { ChannelName } from "../../../../lib/channels/table.ts";

Deno.test("channelOptions() opens exactly the channels that are open, of those that xpra carries", () => {
  const isOpen = (name: string, ...open: ChannelName[]): boolean =>
    channelOptions(new Set(open)).includes(`--${name}=yes`);
  for (const channel of channelNames) {
    assertEquals(isOpen("clipboard", channel), channel.startsWith("clipboard"), channel);
    assertEquals(isOpen("system-tray", channel), channel === "tray", channel);
    assertEquals(channelOptions(new Set([channel])).filter((option) => option.endsWith("=yes")).length <= 1, true);
  }
});

Deno.test("channelOptions() gives the clipboard its direction: in is to the server", () => {
  const direction = (...open: ChannelName[]): string | undefined =>
    channelOptions(new Set(open)).find((option) => option.startsWith("--clipboard-direction="));
  assertEquals(direction("clipboard-in"), "--clipboard-direction=to-server");
  assertEquals(direction("clipboard-out"), "--clipboard-direction=to-client");
  assertEquals(direction("clipboard-in", "clipboard-out"), "--clipboard-direction=both");
  assertEquals(direction(), undefined);
});

Deno.test("channelOptions() closes what comes in other ways, remote control, logging and cameras, whatever is open, and says all once", () => {
  for (const open of [new Set<ChannelName>(), new Set(channelNames)]) {
    const options = channelOptions(open);
    for (
      const closed of [
        ...[
          "notifications=no",
          "open-url=no",
          "forward-xdg-open=no",
          "file-transfer=no",
          "open-files=no",
          "printing=no",
        ],
        ...["audio=no", "speaker=disabled", "microphone=disabled", "webcam=no"],
        ...["remote-logging=no", "start-new-commands=no", "dbus-control=no"],
      ]
    ) assert(options.includes(`--${closed}`), closed);
    const names = options.map((option) => option.split("=")[0]);
    assertEquals(new Set(names).size, names.length);
  }
});

Deno.test("clientArgv() attaches to the socket, with the user's options last and unchanged", () => {
  const userOptions = ["--keyboard-layout=de", "--title=it's $x"];
  const border = { colour: "#e60000", width: 5, isAlways: false };
  const options = { socket: "/m/a b", pixels: "/m/p", dpi: 96, open: new Set<ChannelName>(), border, userOptions };
  const argv = clientArgv(options);
  assertEquals(argv.slice(0, 3), ["xpra", "attach", "socket:/m/a b"]);
  assertEquals(argv.slice(-2), userOptions);
  assert(!argv.some((option) => option.startsWith("--border")), "the desktop draws a frame");
  const chosen = clientArgv({ ...options, border: { ...border, isAlways: true } });
  assertEquals(chosen.filter((option) => !argv.includes(option)), ["--border=#e60000,5"]);
  // The guard puts the container's name in front, and reads no compressed packets.
  for (const option of ["--title=@title@", "--compressors=none", "--mmap=/m/p"]) assert(argv.includes(option), option);
  assert(argv.includes("--desktop-scaling=off"));
  assert(clientArgv({ ...options, pixels: "/a:b" }).includes("--mmap=no"));
});

Deno.test("serverArgv() has the channels of its end, ends with its app, and listens nowhere else", () => {
  const options = { open: new Set<ChannelName>(["tray"]), screen: fallbackScreen, sockets: "/home/ubuntu/.xpra" };
  const argv = serverArgv({ ...options, crossesNetwork: false });
  for (const option of channelOptions(new Set<ChannelName>(["tray"]))) assert(argv.includes(option), option);
  for (const option of ["--exit-with-children=yes", "--daemon=no", "--bind=none", "--mdns=no"]) {
    assert(argv.includes(option));
  }
  assert(!argv.some((option) => option.startsWith("--bind-")));
  assert(argv.includes("--resize-display=3840x2160"), "the display follows the client's screen");
});

Deno.test("serverArgv() compresses pictures for another machine only", () => {
  const options = { open: new Set<ChannelName>(), screen: fallbackScreen, sockets: "/home/ubuntu/.xpra" };
  const [here, there] = [false, true].map((crossesNetwork) => serverArgv({ ...options, crossesNetwork }));
  assertEquals(here!.filter((option) => !there!.includes(option)), ["--encodings=rgb"]);
  assertEquals(there!.filter((option) => !here!.includes(option)), ["--encodings=rgb,jpeg"]);
});
