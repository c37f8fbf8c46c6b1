// The connections of apps on Wayland, over real sockets.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { relayConnections } from "../../../../lib/guard/wayland/relay.ts";
import type { WaylandSession } from "../../../../lib/guard/wayland/session.ts";
import { threadMs } from "../../../model/clock.ts";
import { type GuardTime, soon, startGuardTime } from "../../guard_time.ts";
import { flags, noted, type Sent, take, tokenWith } from "./connections.ts";
import { border, frame, ids, message, messages, showWindow, type Trial, withGlobals } from "../../wayland_samples.ts";

/** What the relays of these tests have in common. */
const sessionOptions = () =>
  ({ container: "box", clipboard: { in: true, out: true }, border, compression: "none" }) as const;

/** What is sent until there is a window with the focus and a popup. */
function withPopup(): { made: Trial; sent: Sent[]; popup: number } {
  const { made, sent } = noted();
  showWindow(withGlobals(undefined, made));
  const [surface, shell, positioner, popup] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  made.host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, new Uint8Array()));
  made.app(
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
    message(ids.shell, "xdg_wm_base.create_positioner", positioner),
    message(positioner, "xdg_positioner.set_size", 100, 100),
    message(positioner, "xdg_positioner.set_anchor_rect", 0, 0, 10, 10),
    message(shell, "xdg_surface.get_popup", popup, ids.xdgSurface, positioner),
  );
  return { made, sent, popup };
}

/** The same, and the user has left; last, half of a frame. */
function popupLeft(): Sent[] {
  const { made, sent } = withPopup();
  made.host(message(ids.keyboard, "wl_keyboard.leave", 6, ids.surface));
  made.connection.fromContainer(frame(5, 1, 0, 8, new Uint8Array(8)).subarray(0, -4));
  return sent;
}

/** The messages of the next frame. */
async function takeFrame(from: Deno.Conn): Promise<Uint8Array> {
  const head = new DataView((await take(from, 4)).buffer).getUint32(0, true);
  return await take(from, (head >>> 5) - 4);
}
/** The two ends of an app's connection to its compositor. */
interface Ends extends Disposable {
  near: Deno.UnixConn;
  far: Deno.UnixConn;
  /** Each end sends, and the other one gets what passes. */
  play(sent: readonly Sent[]): Promise<void>;
  /** Whether a message of the app's passes. */
  passes(request: Uint8Array): Promise<boolean>;
}

/** A guard whose clock and looks the test has. */
interface World extends Pick<GuardTime, "wait" | "look"> {
  told: string[];
  session(): WaylandSession;
  /** An app connects, and says nothing. */
  connect(): Promise<Deno.UnixConn>;
  open(token?: Uint8Array): Promise<Ends>;
}

async function inWorld(test: (world: World) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [path, hostPath] = [`${directory}/guard`, `${directory}/host`];
  const listener = Deno.listen({ transport: "unix", path });
  using hostListener = Deno.listen({ transport: "unix", path: hostPath });
  const connect = (): Promise<Deno.UnixConn> => Deno.connect({ transport: "unix", path });
  using time = startGuardTime();
  const told: string[] = [];
  let session: WaylandSession;
  try {
    const ended = relayConnections({
      ...sessionOptions(),
      listener,
      connect: () => Deno.connect({ transport: "unix", path: hostPath }),
      tell: (line) => told.push(line),
      begin: (begun) => void (session = begun),
    });
    await test({
      ...time,
      told,
      session: () => session,
      connect,
      async open(token = tokenWith()) {
        const near = await connect();
        await near.write(token);
        const far = await hostListener.accept();
        await take(far, 16);
        return {
          near,
          far,
          async play(sent) {
            for (const { from, bytes, passing } of sent) {
              const [by, to] = from === "near" ? [near, far] : [far, near];
              await by.write(bytes);
              await take(to, passing);
            }
          },
          async passes(request) {
            await near.write(messages(request));
            return (await takeFrame(far)).length > 0;
          },
          [Symbol.dispose]() {
            near.close();
            far.close();
          },
        };
      },
    });
    listener.close();
    await ended;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the guard leaves nothing open when an end has gone, and no connection goes on over another one", async () => {
  await inWorld(async ({ open, told }) => {
    for (const ender of ["host", "app"]) {
      using ends = await open(tokenWith(flags.resumes | flags.isResumed));
      const { near, far } = ends;
      if (ender === "host") far.closeWrite();
      else await near.write(frame(17, 0));
      for (const end of [near, far]) assertEquals(await end.read(new Uint8Array(1)), null);
    }
    assertEquals(told, [
      "An app is cut off: waypipe sends what needs a graphics card, or is unknown (type 17). Start it again; if that recurs, use --display x11",
    ]);
  });
});

Deno.test("the guard of Wayland takes no connection that does not begin as one of waypipe's of this session", async () => {
  await inWorld(async ({ connect, told }) => {
    for (const word of [flags.none, flags.fixed, flags.fixed | 3 << 8, flags.fixed | flags.none | 1 << 31]) {
      using near = await connect();
      const token = new Uint8Array(16);
      new DataView(token.buffer).setUint32(0, (word | flags.version) >>> 0, true);
      await near.write(token);
      assertEquals(await near.read(new Uint8Array(1)), null, `${word}`);
      assertStringIncludes(told.pop()!, "it does not begin as waypipe does");
    }
  });
});

Deno.test("an app with a popup open is cut off in the middle of a frame", async () => {
  await inWorld(async ({ open, wait, look, session, told }) => {
    using ends = await open();
    await ends.play(popupLeft());
    wait(3_000);
    const over = ends.far.read(new Uint8Array(1));
    look(2);
    for (let wakes = 0; wakes < 60; wakes++) session().wake();
    assertEquals(await soon(over, 100), undefined);
    look(1);
    assertEquals(await over, null);
    assertEquals(told, [
      "An app is cut off: it left a message unfinished, with popups open. Start it again; if that recurs, use --display x11",
    ]);
  });
});

Deno.test("the guard looks once at what it has to say, however often the container has had it called", async () => {
  await inWorld(async ({ open, session }) => {
    using ends = await open();
    await ends.play(withPopup().sent);
    let looks = 0;
    session().carrying.isReadable = () => ++looks < 0;
    for (let calls = 0; calls < 60; calls++) session().wake();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(looks, 1);
  });
});

Deno.test("popups that half a frame has kept open are closed once that is whole, before the guard looks again", async () => {
  await inWorld(async ({ open, wait, look }) => {
    using ends = await open();
    await ends.play(popupLeft());
    wait(1_500);
    look(1);
    await ends.near.write(new Uint8Array(4));
    await take(ends.far, 4);
    const closing = await soon(takeFrame(ends.far));
    assert(closing!.length > 0);
  });
});

/** The user works in a window: what is sent until then. */
function withUse(): Sent[] {
  const { made, sent } = withPopup();
  made.host(message(ids.keyboard, "wl_keyboard.key", 7, 0, 30, 1));
  return sent;
}

const fullscreen = message(ids.toplevel, "xdg_toplevel.set_fullscreen", 0);

/** The host sends more than the sockets of an app take that reads nothing; then this. Gives what the app is to read. */
async function flood({ far }: Ends, last: Uint8Array): Promise<Uint8Array> {
  const event = message(ids.keyboard, "wl_keyboard.modifiers", 1, 0, 0, 0, 0);
  const frames = messages(...Array(500).fill(event));
  const all = new Uint8Array([...Array(80)].flatMap(() => [...frames]).concat([...messages(last)]));
  const writing = (async () => {
    for (let at = 0; at < all.length;) at += await far.write(all.subarray(at));
  })();
  await soon(writing.catch(() => {}));
  return all;
}

Deno.test("an app that does not read keeps the guard from nothing: what the host says is judged when it comes", async () => {
  await inWorld(async ({ open, wait }) => {
    using stalled = await open();
    await stalled.play(withUse());
    using acting = await open();
    const { made, sent } = noted();
    showWindow(withGlobals(undefined, made));
    await acting.play(sent);
    assert(await acting.passes(fullscreen));
    const all = await flood(stalled, message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface));
    wait(3_000);
    let passes = true;
    for (let tries = 0; passes && tries < 100; tries++) {
      passes = await acting.passes(fullscreen);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(passes, false);
    assertEquals(await take(stalled.near, all.length), all);
  });
});

Deno.test("nobody counts as working in the windows of a session one of whose apps has not read for a second", async () => {
  await inWorld(async ({ open, look, told }) => {
    using stalled = await open();
    await stalled.play(withUse());
    using acting = await open();
    const { made, sent } = noted();
    showWindow(withGlobals(undefined, made));
    await acting.play(sent);
    const modifiers = message(ids.keyboard, "wl_keyboard.modifiers", 2, 0, 0, 0, 0);
    const all = await flood(stalled, modifiers);
    assert(await acting.passes(fullscreen));
    look(4);
    // Its popup is closed.
    assert((await soon(takeFrame(stalled.far), 60_000))!.length > 4);
    assertEquals(await acting.passes(fullscreen), false);
    await take(stalled.near, all.length);
    await takeFrame(stalled.near);
    assert(await acting.passes(fullscreen), "it reads again");

    await flood(stalled, modifiers);
    look(21);
    assertEquals(told, [], "it may compute");
    look(100);
    assertEquals(await soon(stalled.far.read(new Uint8Array(1)).catch(() => null), 60_000), null);
    assertEquals(told, [
      "An app is cut off: it has read nothing for 60 seconds. Start it again; if that recurs, use --display x11",
    ]);
    assert(await acting.passes(message(1, "wl_display.sync", ids.next)), "the other one stays");
  });
});

Deno.test("the guard hears of what the host says in the middle of what an app says", async () => {
  await inWorld(async ({ open }) => {
    using ends = await open();
    await ends.play(withUse());
    // Each look at the clock takes a millisecond: a turn is short.
    const { now } = performance;
    let looks = 0;
    performance.now = () => now.call(performance) + ++looks;
    const files = Array.from({ length: 9_000 }, (_, index) => frame(3, 1, 400 * 300 * 4 + index + 1));
    await ends.near.write(new Uint8Array(files.flatMap((bytes) => [...bytes])));
    await ends.far.write(messages(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface)));
    const first = [take(ends.far, 1).then(() => "the app's"), takeFrame(ends.near).then(() => "the host's")];
    assertEquals(await Promise.race(first), "the host's");
    performance.now = now;
    await Promise.all(first);
  });
});

Deno.test("popups close while the guard judges what a container says without end", async () => {
  await inWorld(async ({ open, wait, look, told }) => {
    using ends = await open();
    await ends.play(popupLeft());
    wait(3_000);
    const { now } = performance;
    let looks = 0;
    performance.now = () => now.call(performance) + ++looks;
    const files = Array.from({ length: 9_000 }, (_, index) => frame(3, 1, 400 * 300 * 4 + index + 1));
    await ends.near.write(new Uint8Array([new Uint8Array(4), ...files].flatMap((bytes) => [...bytes])));
    while (looks < 100) await new Promise((resolve) => setTimeout(resolve, 1));
    look(4);
    const passed = await ends.far.read(new Uint8Array(1)).catch(() => null);
    performance.now = now;
    assertEquals(passed, null);
    assertStringIncludes(told.join(), "it left a message unfinished, with popups open");
  });
});

Deno.test("what the guard has judged seconds ago no longer passes: the user may have left meanwhile", async () => {
  await inWorld(async ({ open, told }) => {
    using ends = await open();
    await ends.play(withUse());
    // Each look at the clock takes ten milliseconds, as if many other connections had their turns meanwhile.
    const { now } = performance;
    let looks = 0;
    performance.now = () => now.call(performance) + ++looks * 10;
    const files = Array.from({ length: 500 }, (_, index) => frame(3, 1, 400 * 300 * 4 + index + 1));
    await ends.near.write(new Uint8Array([messages(fullscreen), ...files].flatMap((bytes) => [...bytes])));
    const passed = await ends.far.read(new Uint8Array(1)).catch(() => null);
    performance.now = now;
    assertEquals(passed, null);
    assertStringIncludes(told.join(), "it says more than can be judged in time");
  });
});

Deno.test("the user hears of each app that is cut off, also for the same reason, but not of hundreds", async () => {
  await inWorld(async ({ open, told }) => {
    for (let count = 0; count < 20; count++) {
      using ends = await open();
      await ends.near.write(frame(17, 0));
      assertEquals(await ends.near.read(new Uint8Array(1)), null);
    }
    assert(told.length >= 5 && told.length < 15, `${told.length}`);
  });
});

Deno.test("sixty apps that flood the guard hold it for no longer than a turn at a time", async () => {
  const directory = await Deno.makeTempDir();
  const [path, hostPath] = [`${directory}/guard`, `${directory}/host`];
  const listener = Deno.listen({ transport: "unix", path });
  const told: string[] = [];
  const worker = new Worker(new URL("flood.ts", import.meta.url), { type: "module" });
  try {
    const says = (word: string): Promise<void> =>
      new Promise((resolve) => worker.addEventListener("message", ({ data }) => data === word && resolve()));
    const [listens, floods] = [says("listens"), says("floods")];
    worker.postMessage({ path, hostPath, connections: 60 });
    await listens;
    const ended = relayConnections({
      ...sessionOptions(),
      listener,
      connect: () => Deno.connect({ transport: "unix", path: hostPath }),
      tell: (line) => told.push(line),
    });
    await floods;
    let longest = 0;
    for (let beganMs = threadMs(), last = beganMs; last < beganMs + 400;) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      longest = Math.max(longest, threadMs() - last);
      last = threadMs();
    }
    listener.close();
    await ended;
    assertEquals(told, []);
    assert(longest < 50, `${longest} ms`);
  } finally {
    worker.terminate();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a session has 64 connections at a time, and refuses one more", async () => {
  await inWorld(async ({ open, connect, told }) => {
    using stack = new DisposableStack();
    for (let count = 0; count < 64; count++) stack.use(await open());
    assertEquals(told, []);
    using more = await connect();
    assertEquals(await more.read(new Uint8Array(1)), null);
    assertEquals(told, ["An app is refused: there are 64 connections"]);
  });
});
