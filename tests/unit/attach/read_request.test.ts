// What attach.ts refuses before anything else.

import { assertEquals, assertThrows } from "@std/assert";
import type { ShowRequest } from "../../../lib/attach/display/request.ts";
import type { StartRequest } from "../../../lib/attach/display/request.ts";
import { readRequest, type Words } from "../../../lib/attach/read_request.ts";
import { reattachLine } from "../../../lib/attach/session/advice.ts";
import { openingLine } from "../../../lib/attach/session/destinations.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("--links-to and --files-to are refused while the channel is closed; the settings may say it for when it is open", () => {
  const { host } = recordingHost();
  const read = (values: [string, string][], settings: [string, unknown][] = []): ShowRequest =>
    readRequest(host, {
      ...{ flags: new Set(), values: new Map(values), positionals: ["box", "foot"], rest: [] },
      ...{ settings: new Map(settings), named: { links: ["web"], files: ["office"] }, line: () => "" },
    } as unknown as Words);
  const web = { on: "container", container: "web" } as const;
  assertThrows(() => read([["links-to", "web"]]), UserError, "the channel links is closed");
  const allowed = read([["links-to", "web"], ["allow", "links"]]);
  assertEquals(allowed.opening?.links, { destinations: [web], option: "web" });
  assertEquals(read([], [["links", { value: "web", from: "" }]]).opening?.links, {
    destinations: [web],
    option: undefined,
  });
  assertEquals(read([["links-to", "ask"], ["ask", "links"]]).opening?.links?.destinations, [{ on: "host" }, web]);
  const both = read([["links-to", "web"], ["files-to", "disposable:office"], ["allow", "links,files"]]);
  assertEquals(both.opening?.files?.destinations, [{ on: "copy", container: "office" }]);
  assertThrows(() => read([["files-to", "office"], ["allow", "links"]]), UserError, "the channel files is closed");
  assertEquals(openingLine(both.open, both.opening), '; links open in "web"; files open in a copy of "office"');
  assertEquals(openingLine(new Set(), both.opening), "");
  // What to type to come back has it, too.
  const again = reattachLine({ label: "box", engine: engineCalled("incus") }, { ...both, session: "foot" });
  const destinations = "--links-to=web --files-to=disposable:office";
  assertEquals(again, `attach.ts --session foot box --allow=links,files ${destinations}`);
});

Deno.test("an address in the app's place, or after --, is a link to open; an app that gets one as a word may not open it", () => {
  const { host } = recordingHost();
  const opens = (positionals: string[], rest: string[] = []): boolean | undefined => {
    const words = { flags: new Set(), values: new Map(), positionals: ["box", ...positionals], rest };
    const request = readRequest(host, { ...words, settings: new Map(), line: () => "" } as unknown as Words);
    return "app" in request ? request.isOpening : undefined;
  };
  const url = "https://example.org/";
  assertEquals([opens([url]), opens([], [url]), opens(["firefox"], [url])], [true, true, true]);
  assertEquals([opens([]), opens(["firefox"], ["-x"]), opens(["sh -c x", url])], [undefined, false, false]);
});

Deno.test("the address of a file in the app's place is a file to open, alone", () => {
  const { host } = recordingHost();
  const read = (rest: string[], flags: string[] = []): StartRequest => {
    const words = { flags: new Set(flags), values: new Map(), positionals: ["box"], rest };
    return readRequest(
      host,
      { ...words, settings: new Map(), line: () => "" } as unknown as Words,
    ) as StartRequest;
  };
  const { isOpening, files } = read(["file:///home/me/a%20b.pdf"]);
  assertEquals([isOpening, files], [true, ["/home/me/a b.pdf"]]);
  assertEquals(read(["atril", "file:///a.pdf"]).files, []);
  assertThrows(() => read(["file:///a.pdf", "file:///b.pdf"]), UserError, "is opened alone");
  assertThrows(() => read(["file:///a%2fb.pdf%ff"]), UserError, "is not the address of a file");
  for (const address of ["file:///a.pdf", "https://example.org/"]) {
    assertThrows(() => read([address], ["join"]), UserError, "--join runs an app");
  }
});

Deno.test("$GUI_CONTAINER_DISPLAY is for new sessions: one that runs has its display", () => {
  const { host } = recordingHost({ env: { GUI_CONTAINER_DISPLAY: "wayland" } });
  const read = (app: string[], values: [string, string][] = []): ShowRequest =>
    readRequest(host, {
      flags: new Set(),
      values: new Map(values),
      positionals: ["box", ...app],
      rest: [],
      settings: new Map(),
      line: () => "",
    } as unknown as Words);
  assertEquals(read(["foot"]).display, "wayland");
  assertEquals(read([]).display, "auto");
  assertEquals(read([], [["display", "wayland"]]).display, "wayland");
});

Deno.test("an option that is about an app is refused where there is none", () => {
  const { host } = recordingHost();
  for (const flag of ["join", "detached", "disposable"]) {
    const words = { values: new Map(), positionals: ["box"], rest: [], settings: new Map(), line: () => "" };
    const error = assertThrows(
      () => readRequest(host, { flags: new Map([[flag, 0]]), ...words } as unknown as Words),
      UserError,
    );
    assertEquals([error.message, error.exitCode], [`--${flag} needs an APP`, 2]);
  }
});

Deno.test("a time for a channel is refused where nothing is shown", () => {
  const { host } = recordingHost();
  const read = (flags: string[]): ShowRequest =>
    readRequest(host, {
      ...{ flags: new Map(flags.map((flag) => [flag, 0])), values: new Map([["allow", "links"]]), rest: [] },
      ...{ positionals: ["box", "foot"], settings: new Map(), times: new Map([["links", 60_000]]), line: () => "" },
    } as unknown as Words);
  assertEquals(read([]).times, new Map([["links", 60_000]]));
  assertThrows(() => read(["detached"]), UserError, "--detached has no time for --allow: nothing is shown");
});
