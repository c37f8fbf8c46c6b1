/**
 * The guard between `DIRECTORY/guard`, where the container's end of waypipe connects, and `DIRECTORY/client`, waypipe's
 * client, outside of a sandbox. Each connection to `DIRECTORY/session` begins a session: rates, counts and the user's
 * presence begin anew, as they do for each test. A connection to `DIRECTORY/standstill` is told for how long the guard was
 * busy at a stretch since the last one, in milliseconds of the processor's time: other work on the machine does not count.
 *
 * Usage: chain_guard.ts DIRECTORY [used]. With `used`, the user counts as working in the windows at all times: what waits
 * for that alone is tested, too.
 */

import process from "node:process";
import { relayConnections } from "../../lib/guard/wayland/relay.ts";

const [directory, used] = Deno.args;

/** Begins a session, and returns where its connections go. */
function begin(): WritableStreamDefaultWriter<Deno.UnixConn> {
  const { readable, writable } = new TransformStream<Deno.UnixConn, Deno.UnixConn>();
  void relayConnections({
    container: "box",
    clipboard: { in: true, out: true },
    border: { colour: "#e60000", width: 4 },
    compression: "none",
    // Only its connections are asked for.
    listener: readable as unknown as Deno.UnixListener,
    connect: () => Deno.connect({ transport: "unix", path: `${directory}/client` }),
    begin({ attention }) {
      if (used) Object.assign(attention, { isUsed: () => true, isPresent: () => true, focused: () => 1 });
    },
    tell: (line) => void Deno.stderr.writeSync(new TextEncoder().encode(`guard: ${line}\n`)),
  });
  return writable.getWriter();
}

let session = begin();
const listen = (name: string): Deno.UnixListener => Deno.listen({ transport: "unix", path: `${directory}/${name}` });
void (async () => {
  for await (const near of listen("guard")) void session.write(near);
})();
let standstillMs = 0;
let last = process.cpuUsage();
// A timer is late by as long as the loop is busy.
setInterval(() => {
  const { user, system } = process.cpuUsage(last);
  last = process.cpuUsage();
  standstillMs = Math.max(standstillMs, (user + system) / 1000);
}, 5);
void (async () => {
  for await (const asked of listen("standstill")) {
    await asked.write(new TextEncoder().encode(`${standstillMs}`));
    standstillMs = 0;
    asked.close();
  }
})();
for await (const asked of listen("session")) {
  void session.close();
  session = begin();
  asked.close();
}
