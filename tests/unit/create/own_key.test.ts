import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { realHost } from "../../../lib/base/host.ts";
import { ownKey } from "../../../lib/create/own_key.ts";
import { recordingHost, recordingUi } from "../recording_host.ts";
import { testWith } from "../samples.ts";

/** Calls `act` with a host that really runs programs, and keeps its state in a directory of its own. */
async function withState(act: (host: ReturnType<typeof recordingHost>["host"], state: string) => Promise<void>) {
  const state = await Deno.makeTempDir();
  try {
    const real = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
    await act({ ...real, env: (name) => name === "XDG_STATE_HOME" ? state : undefined }, state);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

testWith(["ssh-keygen"], "ownKey() makes a pair once, which only the user can read", async () => {
  await withState(async (host, state) => {
    const first = await ownKey(host);
    const path = join(state, "gui-container", "id_ed25519");
    assertEquals(first.identities.map(({ privateKeyPath }) => privateKeyPath), [path]);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(join(state, "gui-container"))).mode! & 0o777, 0o700);
    assertEquals(await ownKey(host), first);
  });
});

testWith(["ssh-keygen"], "ownKey() makes one pair for two runs at once", async () => {
  await withState(async (host) => {
    const [one, other] = await Promise.all([ownKey(host), ownKey(host)]);
    assertEquals(one, other);
  });
});

testWith(["ssh-keygen"], "ownKey() keeps a private key whose public half is lost", async () => {
  await withState(async (host, state) => {
    const made = await ownKey(host);
    await Deno.remove(join(state, "gui-container", "id_ed25519.pub"));
    assertEquals(await ownKey(host), made);
  });
});

testWith(
  ["ssh-keygen"],
  "ownKey() makes the pair anew where a killed run has left its private half alone",
  async () => {
    await withState(async (host, state) => {
      await Deno.mkdir(join(state, "gui-container"));
      await Deno.writeTextFile(join(state, "gui-container", "id_ed25519"), "half");
      assertEquals((await ownKey(host)).identities.length, 1);
    });
  },
);

Deno.test("ownKey() refuses a file without a public key", async () => {
  await withState(async (host, state) => {
    await Deno.mkdir(join(state, "gui-container"));
    await Deno.writeTextFile(join(state, "gui-container", "id_ed25519.pub"), "nothing\n");
    const error = await assertRejects(() => ownKey(host), UserError, "id_ed25519.pub");
    assertEquals(error.exitCode, 2);
  });
});
