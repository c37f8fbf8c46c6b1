/** A worker: apps of a container that flood their guard once each has a window, and the host's ends of their connections. */

import { noted, take, tokenWith } from "./connections.ts";
import { ids, message, messages, showWindow, withGlobals } from "../../wayland_samples.ts";

const test = self as unknown as Worker;
const floods = messages(...Array(500).fill(message(ids.surface, "wl_surface.commit")));

const readAll = async (from: Deno.Conn): Promise<void> => {
  for await (const _ of from.readable);
};

test.onmessage = async ({ data: { path, hostPath, connections } }: MessageEvent): Promise<void> => {
  const hostListener = Deno.listen({ transport: "unix", path: hostPath });
  test.postMessage("listens");
  const { made, sent } = noted();
  showWindow(withGlobals(undefined, made));
  const all: Deno.Conn[] = [];
  while (all.length < connections) {
    const near = await Deno.connect({ transport: "unix", path });
    await near.write(tokenWith());
    const far = await hostListener.accept();
    await take(far, 16);
    for (const { from, bytes, passing } of sent) {
      const [by, to] = from === "near" ? [near, far] : [far, near];
      await by.write(bytes);
      await take(to, passing);
    }
    readAll(far);
    readAll(near);
    all.push(near);
  }
  for (const near of all) {
    (async () => {
      for (;;) for (let at = 0; at < floods.length;) at += await near.write(floods.subarray(at));
    })();
  }
  test.postMessage("floods");
};
