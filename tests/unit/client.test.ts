// @ts-types="../../lib/types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { attachClient, type AttachOptions, clientAhead } from "../../lib/client.ts";
import { UserError } from "../../lib/errors.ts";
import type { Host } from "../../lib/host.ts";
import { recordingHost } from "./recording_host.ts";

const options: AttachOptions = {
  socket: "/no/such/socket",
  container: "c",
  open: new Set(["sound"]),
  userOptions: [],
  ownSound: true,
};

/** A host on which clients run until they are ended, and what becomes of them. */
function hostOfClients(signal = new AbortController().signal): { host: Host; events: string[] } {
  const events: string[] = [];
  const { host } = recordingHost();
  return {
    events,
    host: {
      ...host,
      signal,
      start(argv) {
        events.push(argv[1]!);
        const ended = Promise.withResolvers<
          { argv: typeof argv; code: number; signal: null; stdout: ""; stderr: "" }
        >();
        return {
          pid: 1,
          ended: ended.promise,
          kill(signal) {
            events.push(signal);
            ended.resolve({ argv, code: 1, signal: null, stdout: "", stderr: "" });
          },
        };
      },
    },
  };
}

Deno.test("attachClient() starts nothing when the run is ended while it still looks at the host", async () => {
  const ending = new AbortController();
  const { host, calls } = recordingHost({
    answer: () => {
      ending.abort();
      return { stdout: "Xft.dpi: 96\n" };
    },
  });
  assertEquals(await attachClient({ ...host, signal: ending.signal }, options), undefined);
  assertEquals(calls, [["xrdb", "-query"]]);
});

Deno.test("clientAhead() ends its client with its scope, and starts none after it", async () => {
  const { host, events } = hostOfClients();
  const ahead = clientAhead(host);
  await ahead.start(options);
  await ahead[Symbol.asyncDispose]();
  assertEquals(events, ["attach", "SIGTERM"]);
  assertEquals(ahead.client, undefined);
  await ahead.start(options);
  assertEquals(events, ["attach", "SIGTERM"]);
});

Deno.test("clientAhead() ends a client whose scope ends while it still looks at the host", async () => {
  const { host, events } = hostOfClients();
  const ahead = clientAhead(host);
  const starting = ahead.start(options);
  await ahead[Symbol.asyncDispose]();
  await starting;
  assertEquals(events, ["attach", "SIGTERM"]);
  assertEquals(ahead.client, undefined);
});

Deno.test("clientAhead() ends its client when the run is ended", async () => {
  const ending = new AbortController();
  const { host, events } = hostOfClients(ending.signal);
  await using ahead = clientAhead(host);
  await ahead.start(options);
  ending.abort();
  assertEquals((await ahead.client!.ended).code, 1);
  assertEquals(events, ["attach", "SIGTERM"]);
});

Deno.test("clientAhead() does not tell what keeps a client from starting", async () => {
  const { host } = recordingHost();
  await using ahead = clientAhead({
    ...host,
    start() {
      throw new UserError('The program "xpra" is not installed', { hint: "Install it" });
    },
  });
  await ahead.start(options);
  assertEquals(ahead.client, undefined);
});
