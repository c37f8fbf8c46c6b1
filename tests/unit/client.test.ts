import { assertEquals } from "@std/assert";
import { attachClient, type AttachOptions, prestartedClient } from "../../lib/attach/client.ts";
import { UserError } from "../../lib/base/errors.ts";
import type { Host } from "../../lib/base/host.ts";
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

Deno.test("prestartedClient() ends its client with its scope, and starts none after it", async () => {
  const { host, events } = hostOfClients();
  const prestarted = prestartedClient(host);
  prestarted.start(options);
  assertEquals(typeof (await prestarted.take())?.end, "function");
  await prestarted[Symbol.asyncDispose]();
  assertEquals(events, ["attach", "SIGTERM"]);
  assertEquals(await prestarted.take(), undefined);
  prestarted.start(options);
  assertEquals(await prestarted.take(), undefined);
  assertEquals(events, ["attach", "SIGTERM"]);
});

Deno.test("prestartedClient() ends a client whose scope ends while it still looks at the host", async () => {
  const { host, events } = hostOfClients();
  const prestarted = prestartedClient(host);
  prestarted.start(options);
  await prestarted[Symbol.asyncDispose]();
  assertEquals(events, ["attach", "SIGTERM"]);
});

Deno.test("prestartedClient() ends a client that is not taken in time, and not one that is", async () => {
  const { host, events } = hostOfClients();
  await using late = prestartedClient(host);
  late.start(options, { withinMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(await late.take(), undefined);
  assertEquals(events, ["attach", "SIGTERM"]);
  {
    await using prestarted = prestartedClient(host);
    prestarted.start(options, { withinMs: 20 });
    await prestarted.take();
    await new Promise((resolve) => setTimeout(resolve, 40));
    assertEquals(events, ["attach", "SIGTERM", "attach"]);
  }
});

Deno.test("prestartedClient() ends its client when the run is ended", async () => {
  const ending = new AbortController();
  const { host, events } = hostOfClients(ending.signal);
  await using prestarted = prestartedClient(host);
  prestarted.start(options);
  const client = await prestarted.take();
  ending.abort();
  assertEquals((await client!.ended).code, 1);
  assertEquals(events, ["attach", "SIGTERM"]);
});

Deno.test("prestartedClient() ignores start errors", async () => {
  const { host } = recordingHost();
  await using prestarted = prestartedClient({
    ...host,
    start() {
      throw new UserError('The program "xpra" is not installed', { hint: "Install it" });
    },
  });
  prestarted.start(options);
  assertEquals(await prestarted.take(), undefined);
});

Deno.test("attachClient() plans to play the sound beside the client, not after it", async () => {
  const { host, said, calls } = recordingHost({ dryRun: true });
  await attachClient({ ...host, change: (command) => Promise.resolve(void calls.push([command])) }, options);
  assertEquals(calls.map(([program]) => program!.split(" ")[0]), ["pacat", "xrdb", "xpra"]);
  assertEquals(said, []);
});
