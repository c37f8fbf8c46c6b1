// What a remote answers that is hostile or broken: the engine's functions take what fits, or fail with an error for the user.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { isFailure, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { type Engine, engineCalled, environmentOf, query, run, warningsOf } from "../../../lib/engine/engine.ts";
import { listImages } from "../../../lib/engine/image.ts";
import { findInstance, listAllInstances, listInstances } from "../../../lib/engine/instance.ts";
import { waitForOperations } from "../../../lib/engine/lifecycle.ts";
import { findProfile, listProfiles, refuseUsedByOthers } from "../../../lib/engine/profile.ts";
import { findSnapshot, hasCheapSnapshots } from "../../../lib/engine/snapshot.ts";
import { chanceFrom } from "../../fuzz/random.ts";
import { threadMs } from "../../model/clock.ts";
import { remote } from "../engine_hosts.ts";
import { recordingHost } from "../recording_host.ts";

const instance = {
  name: "box",
  project: "default",
  status: "Running",
  location: "none",
  created_at: "2026-11-28T00:00:00Z",
  config: { "user.gui-container": "true" },
  devices: { root: { type: "disk", path: "/" } },
  expanded_devices: { eth0: { type: "nic" } },
  state: { network: { eth0: { addresses: [{ family: "inet", scope: "global", address: "10.0.0.2" }] } } },
};

const honest = [
  { environment: { server_version: "7.0", project: "default", server_clustered: true, server_name: "m1" } },
  [{ type: "t", last_message: "m" }],
  instance,
  [instance],
  { running: [{ id: "1", class: "task", description: "d", resources: { instances: ["/1.0/instances/box"] } }] },
  [{ name: "p", config: {}, devices: { root: { type: "disk" } }, used_by: ["/1.0/instances/box"] }],
  { config: {}, devices: {}, used_by: ["/1.0/instances/other?project=x", "//"] },
  [{ fingerprint: "a".repeat(64), created_at: "2026", size: 5, properties: { a: "b" } }],
  [{ driver: "btrfs", used_by: ["/1.0/instances/box"] }],
];

const values = [null, true, 0, -1e308, "", "../../x", "--force-local", "\u001b]52;c;aGk=\u0007", [], [null], {}, {
  a: null,
}];

/** What each function does with an answer. */
const readers: readonly ((host: Host, engine: Engine) => Promise<unknown>)[] = [
  environmentOf,
  (host, engine) =>
    warningsOf(host, engine, { project: "default", server_version: "", server_clustered: false, server_name: "" }),
  listInstances,
  listAllInstances,
  (host, engine) => findInstance(host, { engine, name: "box" }, { withState: true }),
  (host, engine) => waitForOperations(host, { engine, name: "box" }, { publishing: true }),
  listImages,
  listProfiles,
  async (host, engine) => {
    const profile = await findProfile(host, { engine, name: "box" });
    if (profile) refuseUsedByOthers({ engine, name: "box" }, { profile });
  },
  (host, engine) => findSnapshot(host, { engine, name: "box" }, "made"),
  (host, engine) => hasCheapSnapshots(host, { engine, name: "box" }),
];

/** Puts another value somewhere into an answer. */
function changed(json: unknown, { chance, value }: { chance: ReturnType<typeof chanceFrom>; value: unknown }): unknown {
  const entries = typeof json === "object" && json !== null ? Object.entries(json) : [];
  if (entries.length === 0 || chance.happens(0.15)) return value;
  const [at] = chance.oneOf(entries);
  const after = entries.map(([key, each]) => [key, key === at ? changed(each, { chance, value }) : each] as const);
  return Array.isArray(json) ? after.map(([, each]) => each) : Object.fromEntries(after);
}

Deno.test("whatever a remote answers, it is read or refused, and nothing of it is an option of the CLI", async () => {
  const chance = chanceFrom(8);
  for (let round = 0; round < 4000; round++) {
    let json = chance.oneOf(honest) as unknown;
    for (let times = 1 + chance.below(3); times > 0; times--) {
      json = changed(json, { chance, value: chance.oneOf(values) });
    }
    const text = JSON.stringify(json).replaceAll('"a":', '"__proto__":');
    const { host, engine, calls } = remote(text);
    const reader = chance.oneOf(readers);
    try {
      await reader(host, engine);
    } catch (error) {
      if (!isFailure(error)) throw new Error(`${readers.indexOf(reader)}: ${text}`, { cause: error });
    }
    for (const [program, query, ...words] of calls) {
      assert(program === "incus" && query === "query", program);
      assert(words.every((word) => word.startsWith("far:/1.0")), words.join(" "));
    }
  }
});

Deno.test("what of a remote's instances has another type counts as missing", async () => {
  const odd = { ...instance, name: ["box"], config: { a: 1, b: "c" }, devices: { d: null, e: { type: 5, path: "/" } } };
  const { host, engine } = remote(JSON.stringify([odd]));
  const [first, ...more] = await listAllInstances(host, engine);
  assertEquals(more, []);
  assertEquals([first!.name, first!.config, first!.devices], ["", { b: "c" }, { d: {}, e: { path: "/" } }]);
  assertEquals(await listInstances(host, engine), []);
});

Deno.test("an answer that is not JSON is an error that says what to look at", async () => {
  const { host, engine } = remote("<html>");
  const error = await assertRejects(() => query(host, engine, "/1.0"), UserError, "not JSON");
  assertEquals(error.hint, "See what it says: incus query far:/1.0");
});

Deno.test("what a program in a container prints as it fails takes no time to look through", async () => {
  // As much as `exec` takes. With a pattern that looks ahead from each character this took hours.
  for (const word of ["", "unix.socket"]) {
    const { host } = recordingHost({ answer: () => ({ code: 1, stderr: "a".repeat(2 ** 20) + word }) });
    const start = threadMs();
    await assertRejects(() => run(host, engineCalled("lxc"), ["exec", "box", "--", "true"]), Error);
    assert(threadMs() - start < 5_000, "it took too long");
  }
});
