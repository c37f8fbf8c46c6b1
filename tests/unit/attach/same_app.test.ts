// Which live session a second run of an app joins, and when it is refused.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import type { StartRequest } from "../../../lib/settings/request.ts";
import { findPlace, isSameApp, startAgain } from "../../../lib/attach/same_app.ts";
import type { LiveSession } from "../../../lib/attach/session/live_sessions.ts";
import { openChannels, recordChannels } from "../../../lib/settings/channels.ts";
import { recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

const none = new Set<never>();

function request(app: string[], options: Partial<StartRequest> = {}): StartRequest {
  const defaults = {
    session: undefined,
    display: "auto",
    open: openChannels({}),
    asks: none,
    userOptions: [],
    box: true,
  };
  return { ...defaults, detached: false, app, ...options } as StartRequest;
}

/** A container in which these sessions are live. */
function containerWith(...lines: string[]): Container {
  return {
    host: recordingHost().host,
    label: "box",
    engine: engineCalled("incus"),
    crossesNetwork: false,
    connect: () => Promise.resolve(),
    seenSessions: () => Promise.resolve(lines.map((line) => line.split("\t")[0]!)),
    script: () => Promise.resolve({ stdout: lines.join("\n") }),
  } as unknown as Container;
}

async function findSameApp(container: Container, asked: StartRequest): Promise<LiveSession | undefined> {
  return (await findPlace(container, asked)).live;
}

function line(
  session: string,
  app: string,
  { display = "x11", clients = 1, channels = recordChannels(openChannels({}), none), served = "" } = {},
) {
  return [session, display, 7, clients, 1_700_000_000, channels, served, JSON.stringify(app)].join("\t");
}

Deno.test("an app is the same by its program; by all words where that runs others", () => {
  assertEquals(isSameApp(["/usr/bin/firefox", "a"], ["firefox"]), true);
  assertEquals(isSameApp(["firefox"], ["/usr/lib/firefox-esr/firefox-esr"]), true);
  assertEquals(isSameApp(["firefox"], ["chromium"]), false);
  assertEquals(isSameApp(["flatpak", "run", "A"], ["flatpak", "run", "A"]), true);
  assertEquals(isSameApp(["flatpak", "run", "A"], ["flatpak", "run", "B"]), false);
  assertEquals(isSameApp(["sh", "-c", "x"], ["sh"]), false);
});

Deno.test("a second run of an app joins the session in which it runs, unless it is for one of its own", async () => {
  const container = containerWith(line("work", "firefox about:blank"), line("xterm", "xterm -e 'a b'"));
  const find = async (asked: StartRequest) => (await findSameApp(container, asked))?.session;
  assertEquals(await find(request(["firefox", "https://example.org"])), "work");
  assertEquals(await find(request(["xterm"], { display: "x11" })), "xterm");
  assertEquals(await find(request(["foot"])), undefined);
  assertEquals(await find(request(["firefox"], { session: "other" })), undefined);
  assertEquals(await find(request(["firefox"], { session: "work" })), "work");
  assertEquals(await find(request(["foot"], { session: "work" })), undefined);
  assertEquals(await find(request(["firefox"], { detached: true })), undefined);
  assertEquals(await find(request(["firefox"], { isDisposable: true })), undefined);
});

Deno.test("a second run of an app never gets other channels, or another display, than it asks for", async () => {
  const isolated = { open: openChannels({ preset: "isolated" }) };
  const refuse = async (container: Container, asked: StartRequest): Promise<string> =>
    (await assertRejects(() => findSameApp(container, asked), UserError)).message;
  const shown = containerWith(line("web", "firefox"));
  assertEquals(
    await refuse(shown, request(["firefox"], isolated)),
    '"firefox" runs in the session "web" of "box" with other channels: clipboard, sound, look, dialogs',
  );
  assertEquals(
    await refuse(shown, request(["firefox"], { display: "wayland" })),
    '"firefox" runs in the session "web" of "box" over X',
  );
  // The next client on X decides on the channels. On Wayland the clipboard stays as it is.
  const left = (display: string) => containerWith(line("web", "firefox", { clients: 0, display }));
  assertEquals((await findSameApp(left("x11"), request(["firefox"], isolated)))?.session, "web");
  await refuse(left("wayland"), request(["firefox"], isolated));
  const starting = containerWith(line("web", "firefox", { clients: 0, served: "served" }));
  await refuse(starting, request(["firefox"], isolated));
  const asking = { asks: new Set(["links"] as const), open: openChannels({ ask: "links" }) };
  await refuse(containerWith(line("web", "firefox", { channels: "links" })), request(["firefox"], asking));
  const both = containerWith(line("web", "firefox", { channels: "links" }), line("web-2", "firefox"));
  assertEquals((await findSameApp(both, request(["firefox"])))?.session, "web-2");
});

Deno.test("a second run of an app joins a session whose channels were closed since, and says what it lacks", async () => {
  const open = openChannels({ ask: "links" });
  const asked = request(["firefox"], { open, asks: new Set(["links"]) });
  const less = line("web", "firefox", { channels: "clipboard-in,clipboard-out,look,links?" });
  const world = recordingHost();
  const container = { ...containerWith(less), host: world.host };
  const live = await findSameApp(container, asked);
  assertEquals(live?.session, "web");
  await startAgain(container, { live: live!, request: asked }).catch(() => {});
  assertSaid(world.said.slice(0, 1), [["status", '"firefox"', 'session "web"', "which has no sound, dialogs"]]);
  const whole = line("web-2", "firefox", { channels: recordChannels(open, new Set(["links"])) });
  assertEquals((await findSameApp(containerWith(less, whole), asked))?.session, "web-2");
  const unasked = containerWith(line("web", "firefox", { channels: "look,links" }));
  await assertRejects(() => findSameApp(unasked, asked), UserError);
});

Deno.test("a container on another machine is asked by the connection of the run", async () => {
  const asked: string[] = [];
  const far = {
    ...containerWith(line("web", "firefox")),
    seenSessions: () => Promise.resolve(undefined),
    connect: () => Promise.resolve(asked.push("connect")),
    script: () => Promise.resolve({ stdout: `${asked.push("list")}` }),
  } as unknown as Container;
  await findSameApp(far, request(["firefox"]));
  assertEquals(asked, ["connect", "list"]);
});

Deno.test("what a program starts that runs others is the same app by its session's name", async () => {
  const container = containerWith(line("browser", "env A=b browser first"), line("env", "env A=b browser first"));
  const words = ["env", "A=b", "browser", "second"];
  assertEquals((await findSameApp(container, request(words, { session: "browser" })))?.session, "browser");
  assertEquals(await findSameApp(container, request(words)), undefined);
  const isolated = request(words, { session: "browser", open: openChannels({ preset: "isolated" }) });
  const { exitCode } = await assertRejects(() => findSameApp(container, isolated), UserError, "with other channels");
  assertEquals(exitCode, 2);
});

Deno.test("an app that does not run yet gets a session of its name, or of the next one that is not taken", async () => {
  const container = containerWith(line("foot", "foot"), line("foot-2", "foot"), line("xterm", "foot"));
  const name = async (asked: StartRequest) => (await findPlace(container, asked)).session;
  assertEquals(await name(request(["foot"], { detached: true })), "foot-3");
  assertEquals(await name(request(["/opt/my app"])), "my-app");
  assertEquals(await name(request(["xterm"])), "xterm-2");
  assertEquals(await name(request(["xterm"], { session: "foot" })), "foot");
  assertEquals((await findPlace(containerWith(), request(["foot"]))).session, "foot");
});
