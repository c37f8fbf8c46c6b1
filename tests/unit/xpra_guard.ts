/** A guard of xpra between two real sockets, for tests. */

import { assertEquals } from "@std/assert";
import { abortable } from "@std/async";
import { join } from "@std/path";
import type { ChannelName } from "../../lib/channels/table.ts";
import { createFrameParser } from "../../lib/guard/xpra/frames.ts";
import { type Guard, type GuardOptions, startGuard } from "../../lib/guard/xpra/guard.ts";
import { decodePacket, encodePacket, type Packet } from "../../lib/guard/xpra/packets.ts";
import { decode, type Value } from "../../lib/guard/xpra/rencode.ts";
import { clientHello, description, serverHello } from "../fuzz/samples.ts";

/** An end of a connection that speaks packets. */
interface End {
  send(...packets: readonly Packet[]): Promise<void>;
  /** The next packet; undefined at the end, and when none comes within a minute. */
  next(): Promise<Packet | undefined>;
  /** The types of the packets that have come, by the names that they came with. */
  types: string[];
  raw: Deno.Conn;
}

export function end(raw: Deno.Conn): End {
  const frames = createFrameParser({ mainBytes: 1 << 24, chunkBytes: 1 << 28 });
  const waiting: Packet[] = [];
  const types: string[] = [];
  return {
    raw,
    types,
    async send(...packets) {
      for (const part of packets.flatMap(encodePacket)) {
        for (let at = 0; at < part.length;) at += await raw.write(part.subarray(at));
      }
    },
    async next() {
      while (waiting.length === 0) {
        const buffer = new Uint8Array(1 << 16);
        const count = await abortable(raw.read(buffer), AbortSignal.timeout(60_000)).catch(() => null);
        if (count === null) return undefined;
        for (const each of frames(buffer.subarray(0, count))) {
          types.push(`${(decode(each.main) as Value[])[0]}`);
          waiting.push(decodePacket(each));
        }
      }
      return waiting.shift();
    },
  };
}

export interface World {
  guard: Guard;
  client: End;
  server: End;
  said: string[];
  directory: string;
}

export function packet(type: string, ...args: Value[]): Packet {
  return { type, args };
}

export async function inWorld(
  open: readonly ChannelName[],
  test: (world: World) => Promise<void>,
  options: Partial<GuardOptions> = {},
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "session");
  const listen = join(directory, "guard");
  const listener = Deno.listen({ transport: "unix", path });
  const said: string[] = [];
  const guard = startGuard({
    listen,
    connect: Promise.resolve(path),
    container: "box",
    open: new Set(open),
    report: (line) => said.push(line),
    ...options,
  });
  try {
    const client = end(await Deno.connect({ transport: "unix", path: listen }));
    const server = end(await listener.accept());
    await test({ guard, client, server, said, directory });
    for (const { raw } of [client, server]) {
      try {
        raw.close();
      } catch {
        // The test has closed it.
      }
    }
  } finally {
    listener.close();
    await guard[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }
}

export async function greet({ client, server }: World): Promise<void> {
  await client.send(clientHello);
  assertEquals((await server.next())?.type, "hello");
  await server.send(serverHello);
  assertEquals((await client.next())?.type, "hello");
  await server.send(packet("new-window", 1, 0, 0, 484, 316, description, new Map()));
  assertEquals((await client.next())?.type, "new-window");
}
