// The connections of apps on Wayland, over real sockets.

import { assertEquals } from "@std/assert";
import { relayConnections } from "../../lib/guard/wayland/relay.ts";
import { border, frame, ids, message, showWindow, trial, withGlobals, word } from "./wayland_samples.ts";

/** What an app and its compositor send until there is a popup, which the user has left; last, half of a frame. */
function popupLeft(): { from: "near" | "far"; bytes: Uint8Array; passing: number }[] {
  const sent: ReturnType<typeof popupLeft> = [];
  const made = trial();
  const { connection } = made;
  const { fromContainer, fromHost } = connection;
  const noted = (from: "near" | "far", take: typeof fromHost) => (bytes: Uint8Array): Uint8Array[] => {
    const pieces = take(bytes);
    sent.push({ from, bytes, passing: pieces.reduce((sum, { length }) => sum + length, 0) });
    return pieces;
  };
  connection.fromContainer = noted("near", fromContainer);
  connection.fromHost = noted("far", fromHost);
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
  made.host(message(ids.keyboard, "wl_keyboard.leave", 6, ids.surface));
  connection.fromContainer(frame(5, 1, 0, 8, new Uint8Array(8)).subarray(0, -4));
  return sent;
}

async function readAll(from: Deno.Conn, count: number): Promise<void> {
  const buffer = new Uint8Array(2 ** 14);
  for (let left = count; left > 0;) left -= await from.read(buffer.subarray(0, left)) ?? left;
}

/** Relays a container's connections to a socket of the host's. */
function relayTo(
  path: string,
  { listener, tell = () => {} }: { listener: Deno.UnixListener; tell?: (line: string) => void },
): Promise<void> {
  return relayConnections({
    container: "box",
    clipboard: { in: false, out: false },
    border,
    compression: "none",
    listener,
    connect: () => Deno.connect({ transport: "unix", path }),
    tell,
  });
}

/** Whether an app is cut off that stays in the middle of a frame with a popup open, for so many seconds. */
async function isCutOff({ seconds }: { seconds: number }): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  const [path, hostPath] = [`${directory}/guard`, `${directory}/host`];
  using listener = Deno.listen({ transport: "unix", path });
  using hostListener = Deno.listen({ transport: "unix", path: hostPath });
  const { setInterval } = globalThis;
  const { now } = performance;
  let look = (): void => {};
  let later = 0;
  globalThis.setInterval = ((action: () => void) => (look = action, 0)) as unknown as typeof setInterval;
  performance.now = () => now.call(performance) + later;
  try {
    relayTo(hostPath, { listener }).catch(() => {});
    using near = await Deno.connect({ transport: "unix", path });
    await near.write(tokenWith());
    using far = await hostListener.accept();
    await readAll(far, 16);
    for (const { from, bytes, passing } of popupLeft()) {
      const [by, to] = from === "near" ? [near, far] : [far, near];
      await by.write(bytes);
      await readAll(to, passing);
    }
    later = 3_000;
    for (let count = 0; count < 2 * seconds; count++) look();
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 200);
    return await Promise.race([far.read(new Uint8Array(1)), promise]) === null;
  } finally {
    globalThis.setInterval = setInterval;
    performance.now = now;
    await Deno.remove(directory, { recursive: true });
  }
}

const flags = {
  resumes: 1 << 0,
  isResumed: 1 << 1,
  noGraphicsCard: 1 << 2,
  fixed: 1 << 7,
  none: 1 << 8,
  noVideo: 1 << 11,
  version: 1 << 16,
};

/** The first bytes of a connection. */
function tokenWith(more = 0): Uint8Array {
  return new Uint8Array([
    ...word(flags.version | flags.fixed | flags.none | more),
    ...new Uint8Array(12),
  ]);
}

Deno.test("the guard leaves nothing open when the host ends a connection, and none goes on over another one", async () => {
  const directory = await Deno.makeTempDir();
  const [path, hostPath] = [`${directory}/guard`, `${directory}/host`];
  const listener = Deno.listen({ transport: "unix", path });
  using hostListener = Deno.listen({ transport: "unix", path: hostPath });
  const told: string[] = [];
  const ended = relayTo(hostPath, { listener, tell: (line) => told.push(line) });
  for (const ender of ["host", "app"]) {
    using near = await Deno.connect({ transport: "unix", path });
    await near.write(tokenWith(flags.resumes | flags.isResumed));
    using far = await hostListener.accept();
    const token = new Uint8Array(16);
    await far.read(token);
    assertEquals(token, tokenWith(flags.noGraphicsCard | flags.noVideo));
    if (ender === "host") far.closeWrite();
    else await near.write(frame(17, 0));
    assertEquals(await near.read(new Uint8Array(1)), null);
    assertEquals(await far.read(new Uint8Array(1)), null);
  }
  assertEquals(told, ["An app is cut off: waypipe sends what needs a graphics card, or is unknown (type 17)"]);
  listener.close();
  await ended;
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an app with a popup open is cut off in the middle of a frame", async () => {
  assertEquals(await isCutOff({ seconds: 29 }), false);
  assertEquals(await isCutOff({ seconds: 32 }), true);
});
