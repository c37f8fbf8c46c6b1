import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  askedChannels,
  channelArguments,
  channelLine,
  type ChannelRequest,
  openChannels,
  presetNames,
  recordChannels,
  recordedChannels,
  splitTimes,
} from "../../../lib/settings/channels.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { ChannelName } from "../../../lib/channels/table.ts";

const opened = (options: Parameters<typeof openChannels>[0]): string[] => [...openChannels(options)].sort();

/** The channels of each preset, in alphabetical order. */
const presets: Record<typeof presetNames[number], ChannelName[]> = {
  isolated: [],
  desktop: ["clipboard-in", "clipboard-out", "dialogs", "look", "sound"],
  trusted: [
    "clipboard-in",
    "clipboard-out",
    "dialogs",
    "files",
    "links",
    "look",
    "notifications",
    "printing",
    "sound",
    "tray",
  ],
};

Deno.test("openChannels() opens exactly these channels for each preset, and those of desktop by default", () => {
  assertEquals<readonly string[]>(presetNames, Object.keys(presets));
  for (const preset of presetNames) assertEquals(opened({ preset }), presets[preset], preset);
  assertEquals(opened({}), presets.desktop);
});

Deno.test("openChannels() opens and closes single ones on top, and closing wins", () => {
  assertEquals(opened({ preset: "isolated", allow: "clipboard,tray" }), ["clipboard-in", "clipboard-out", "tray"]);
  assertEquals(opened({ deny: "clipboard" }), ["dialogs", "look", "sound"]);
  assertEquals(opened({ deny: "clipboard-out" }), ["clipboard-in", "dialogs", "look", "sound"]);
  assertEquals(opened({ preset: "isolated", allow: "tray", deny: "tray" }), []);
  assertEquals(opened({ preset: "isolated", allow: " sound , tray ,," }), ["sound", "tray"]);
});

Deno.test("openChannels() does not change a preset", () => {
  openChannels({ preset: "isolated", allow: "tray" });
  openChannels({ preset: "desktop", deny: "sound" });
  assertEquals(opened({ preset: "isolated" }), []);
  assertEquals(opened({}).length, 5);
});

Deno.test("openChannels() refuses a name it does not know, with exit code 2 and those it does", () => {
  for (const options of [{ preset: "Desktop" }, { preset: "toString" }, { preset: "" }]) {
    const error = assertThrows(() => openChannels(options), UserError, `preset "${options.preset}"`);
    assertEquals(error.exitCode, 2);
    assert(error.hint.includes("isolated, desktop, trusted"));
  }
  for (const options of [{ allow: "sound,video" }, { deny: "video" }, { allow: "all" }, { allow: "SOUND" }]) {
    assertEquals(assertThrows(() => openChannels(options), UserError, "no channel").exitCode, 2);
  }
});

Deno.test("askedChannels() are open whatever the preset, and are named by no other option", () => {
  for (const preset of ["isolated", "trusted"]) {
    const ask = "links, printing";
    const open = openChannels({ preset, ask });
    assert(open.has("links") && open.has("printing"));
    assertEquals([...askedChannels({ ask })], ["links", "printing"]);
  }
  assertEquals(opened({ preset: "isolated", ask: "links" }), ["links"]);
  for (
    const [options, message] of [
      [{ ask: "sound" }, '"sound"'],
      [{ ask: "clipboard" }, '"clipboard-in"'],
      [{ ask: "link" }, 'no channel "link"'],
      [{ ask: "links,files", allow: "files" }, 'channel "files" is named by --ask'],
      [{ ask: "links", deny: "links" }, 'channel "links" is named by --ask'],
    ] as const
  ) {
    assertEquals(assertThrows(() => askedChannels(options), UserError, message).exitCode, 2);
    assertThrows(() => openChannels(options), UserError, message);
  }
});

Deno.test("channelLine() tells apart what is open and what is asked for", () => {
  const asks = askedChannels({ ask: "links,files" });
  assertEquals(
    channelLine(openChannels({ ask: "links,files" }), asks),
    "Open channels: clipboard, sound, look, dialogs; asks: links, files",
  );
  assertEquals(channelLine(asks, asks), "Open channels: none; asks: links, files");
});

Deno.test("channelLine() names the open ones, both directions of the clipboard as one", () => {
  assertEquals(channelLine(new Set()), "Open channels: none");
  assertEquals(channelLine(openChannels({})), "Open channels: clipboard, sound, look, dialogs");
  assertEquals(channelLine(new Set<ChannelName>(["clipboard-out"])), "Open channels: clipboard-out");
  assertEquals(channelLine(new Set<ChannelName>(["tray", "clipboard-in"])), "Open channels: clipboard-in, tray");
});

Deno.test("channelArguments() opens the same channels again, by as few options as it can", () => {
  for (
    const [request, line] of [
      [{}, ""],
      [{ preset: "trusted" }, "--preset=trusted"],
      [{ preset: "isolated" }, "--preset=isolated"],
      [{ ask: "links,files" }, "--ask=links,files"],
      [{ preset: "trusted", ask: "links" }, undefined],
      [{ allow: "links", deny: "sound" }, undefined],
      [{ allow: "microphone" }, "--allow=microphone"],
      [{ preset: "isolated", allow: "clipboard-in", ask: "printing" }, undefined],
    ] as const
  ) {
    const asked: ChannelRequest = request;
    const [open, asks] = [openChannels(asked), askedChannels(asked)];
    const words = channelArguments(open, asks);
    if (line !== undefined) assertEquals(words.join(" "), line);
    const given: ChannelRequest = Object.fromEntries(words.map((word) => word.slice(2).split("=")));
    assertEquals([openChannels(given), askedChannels(given)], [open, asks], words.join(" "));
  }
  // What has been closed meanwhile is not opened again.
  assertEquals(channelArguments(openChannels({ ask: "links" }), new Set(["links", "microphone"])), ["--ask=links"]);
});

Deno.test("the channels of a session are on record, and a record of a container's is read by the list", () => {
  const open = openChannels({ ask: "links" });
  const record = recordChannels(open, new Set(["links"]));
  assertEquals(record, "clipboard-in,clipboard-out,sound,look,dialogs,links?");
  assertEquals(recordedChannels(record), { open, asks: new Set(["links"]) });
  assertEquals(recordedChannels("links,,webcam,__proto__?,sound??"), { open: new Set(["links"]), asks: new Set() });
});

Deno.test("splitTimes() takes the times off a list of channels, and the shortest holds", () => {
  const minute = 60_000;
  assertEquals(splitTimes("links,microphone:20m"), {
    names: "links,microphone",
    times: new Map([["microphone", 20 * minute]]),
  });
  assertEquals(
    splitTimes("clipboard:2h, clipboard-in:90s ,sound").times,
    new Map([
      ["clipboard-in", 90_000],
      ["clipboard-out", 120 * minute],
    ]),
  );
  assertEquals(splitTimes("").times.size, 0);
  for (
    const [list, message] of [
      ...["links:", "links:20", "links:20m:1s", "links:0.5h", "links:-1s"].map((word) => [word, "duration"]),
      ["links:999999h", "is too long"],
      ["link:1h", 'no channel "link"'],
      ["look:1h", 'channel "look"'],
    ] as [string, string][]
  ) assertThrows(() => splitTimes(list), UserError, message);
});
