// What attach.ts refuses before anything else.

import { assertEquals, assertThrows } from "@std/assert";
import type { ShowRequest, StartRequest } from "../../../lib/settings/request.ts";
import { readRequest, type Words } from "../../../lib/attach/read_request.ts";
import { reattachLine } from "../../../lib/attach/session/advice.ts";
import { openingLine } from "../../../lib/channels/destinations.ts";
import { applySettings } from "../../../lib/settings/apply.ts";
import type { Settings } from "../../../lib/settings/file.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";

/** The request of a command line: what stands after the container's name, options, and the settings. */
function requestOf(
  { env = {}, app = [], values = [], settings = [], flags = [], ...more }: {
    env?: Record<string, string>;
    app?: string[];
    values?: [string, string][];
    settings?: [string, unknown][];
    flags?: string[];
  } & Partial<Pick<Words, "rest" | "named" | "times">>,
): StartRequest {
  const options = new Map(values);
  return readRequest(recordingHost({ env }).host, {
    flags: new Map(flags.map((flag) => [flag, 0])),
    values: options,
    positionals: ["box", ...app],
    rest: [],
    applied: applySettings(options, new Map(settings) as Settings),
    line: () => "",
    ...more,
  }) as StartRequest;
}

Deno.test("--links-to and --files-to are refused while the channel is closed; the settings may say it for when it is open", () => {
  const read = (values: [string, string][], settings: [string, unknown][] = []): ShowRequest =>
    requestOf({ values, settings, app: ["foot"], named: { links: ["web"], files: ["office"] } });
  const web = { on: "container", container: "web" } as const;
  assertThrows(() => read([["links-to", "web"]]), UserError, "channel links");
  const allowed = read([["links-to", "web"], ["allow", "links"]]);
  assertEquals(allowed.opening?.links, { destinations: [web], option: "web" });
  assertEquals(read([], [["links", { value: "web", from: "" }]]).opening?.links, {
    destinations: [web],
    option: undefined,
  });
  assertEquals(read([["links-to", "ask"], ["ask", "links"]]).opening?.links?.destinations, [{ on: "host" }, web]);
  const both = read([["links-to", "web"], ["files-to", "disposable:office"], ["allow", "links,files"]]);
  assertEquals(both.opening?.files?.destinations, [{ on: "copy", container: "office" }]);
  assertThrows(() => read([["files-to", "office"], ["allow", "links"]]), UserError, "channel files");
  assertEquals(openingLine(both.open, both.opening), '; links open in "web"; files open in a copy of "office"');
  assertEquals(openingLine(new Set(), both.opening), "");
  // What to type to come back has it, too.
  const again = reattachLine({ label: "box", engine: engineCalled("incus") }, { ...both, session: "foot" });
  const destinations = "--links-to=web --files-to=disposable:office";
  assertEquals(again, `attach.ts --session foot box --allow=links,files ${destinations}`);
});

Deno.test("a channel gets the value of its own key for the name that was typed", () => {
  const settings: [string, unknown][] = [["sign", { value: "SHA256:a", from: "" }], ["links", {
    value: "web",
    from: "",
  }]];
  const { opening } = requestOf({ settings, app: ["foot"] });
  assertEquals(opening?.sign, { destinations: [], setting: "SHA256:a" });
  assertEquals(openingLine(new Set(["sign", "links"]), opening), '; links open in "web"');
});

Deno.test("an address in the app's place, or after --, is a link to open; an app that gets one as a word may not open it", () => {
  const opens = (app: string[], rest: string[] = []): boolean | undefined => requestOf({ app, rest }).isOpening;
  const url = "https://example.org/";
  assertEquals([opens([url]), opens([], [url]), opens(["firefox"], [url])], [true, true, true]);
  assertEquals([opens([]), opens(["firefox"], ["-x"]), opens(["sh -c x", url])], [undefined, false, false]);
});

Deno.test("the address of a file in the app's place is a file to open, alone", () => {
  const read = (rest: string[], flags: string[] = []): StartRequest => requestOf({ rest, flags });
  const { isOpening, files } = read(["file:///home/me/a%20b.pdf"]);
  assertEquals([isOpening, files], [true, ["/home/me/a b.pdf"]]);
  assertEquals(read(["atril", "file:///a.pdf"]).files, []);
  assertThrows(() => read(["file:///a.pdf", "file:///b.pdf"]), UserError, "is opened alone");
  assertThrows(() => read(["file:///a%2fb.pdf%ff"]), UserError, "address of a file");
  for (const address of ["file:///a.pdf", "https://example.org/"]) {
    assertThrows(() => read([address], ["join"]), UserError, "--join");
  }
});

Deno.test("$GUI_CONTAINER_DISPLAY is for new sessions: one that runs has its display", () => {
  const read = (app: string[], values: [string, string][] = []): ShowRequest =>
    requestOf({ env: { GUI_CONTAINER_DISPLAY: "wayland" }, app, values });
  assertEquals(read(["foot"]).display, "wayland");
  assertEquals(read([]).display, "auto");
  assertEquals(read([], [["display", "wayland"]]).display, "wayland");
});

Deno.test("an option that is about an app is refused where there is none", () => {
  for (const flag of ["join", "detached", "disposable"]) {
    const error = assertThrows(() => requestOf({ flags: [flag] }), UserError);
    assertEquals([error.message, error.exitCode], [`--${flag} needs an APP`, 2]);
  }
});

Deno.test("a time for a channel is refused where nothing is shown", () => {
  const read = (flags: string[]): ShowRequest =>
    requestOf({ flags, values: [["allow", "links"]], app: ["foot"], times: new Map([["links", 60_000]]) });
  assertEquals(read([]).times, new Map([["links", 60_000]]));
  assertThrows(() => read(["detached"]), UserError, "--detached");
});
