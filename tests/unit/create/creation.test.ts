import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type Address, addressOf } from "../../../lib/container/address.ts";
import type { Host } from "../../../lib/base/host.ts";
import {
  beginCreation,
  type Creation,
  recoverCreation,
  refuseBeingMade,
  unmake,
} from "../../../lib/create/creation.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { exists } from "../../../lib/base/files.ts";
import { containerRecordPath, type Mounts } from "../../../lib/container/paths.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";

const gone: Answer = { code: 1, stderr: "Error: not found\n" };

/** Runs `test` with an engine that answers so and an empty directory for the mounts of "box". */
async function withEngine(
  answer: (argv: readonly string[]) => Answer,
  test: (world: { host: Host; address: Address; mounts: Mounts; recorded: RecordingHost }) => Promise<void>,
): Promise<void> {
  const base = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({ answer, env: { GUI_CONTAINER_MOUNTS: base } });
    const address = addressOf(recorded.host, { engine: engineCalled("lxc"), name: "box" });
    await test({ host: recorded.host, address, mounts: address.mounts, recorded });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** An engine with an instance and a profile "box", and an image, all of the run "7"; or of another one. */
function thingsOf(run: string): (argv: readonly string[]) => Answer {
  return ([, command, path]) => {
    if (command !== "query") return {};
    if (path!.startsWith("/1.0/instances/")) {
      return {
        stdout: JSON.stringify({
          name: "box",
          status: "Running",
          config: { "user.gui-container.run": run },
          devices: {},
          expanded_devices: {},
        }),
      };
    }
    if (path!.startsWith("/1.0/profiles/")) {
      return { stdout: JSON.stringify({ config: { "user.gui-container.run": run }, used_by: [] }) };
    }
    if (path!.startsWith("/1.0/images")) {
      return { stdout: JSON.stringify([{ fingerprint: "f", properties: { "user.gui-container.run": run } }]) };
    }
    return { stdout: "{}" };
  };
}

const creation: Creation = {
  engine: "lxc",
  run: "7",
  profileBefore: null,
  directories: [],
  base: null,
  mountsBefore: { directories: [], files: [] },
};

/** The changes among the calls. */
function changes({ calls }: RecordingHost): string[] {
  return calls.filter(([, command]) => command !== "query").map((argv) => argv.slice(1).join(" "));
}

Deno.test("unmake() takes away the container, the image, the profile, then the directories", async () => {
  await withEngine(thingsOf("7"), async ({ host, address, mounts, recorded }) => {
    await Deno.mkdir(mounts.share, { recursive: true });
    await unmake(host, address, { ...creation, directories: [mounts.directory, mounts.share] });
    assertEquals(changes(recorded), ["delete --force box", "image delete f", "profile delete box"]);
    await assertRejects(() => Deno.lstat(mounts.directory), Deno.errors.NotFound);
  });
});

Deno.test("unmake() puts a profile back that was there", async () => {
  await withEngine(thingsOf("7"), async ({ host, address, recorded }) => {
    await unmake(host, address, { ...creation, profileBefore: "config: {}\n" });
    assertEquals(changes(recorded).at(-1), "profile edit box");
    assertEquals(recorded.options.find(({ stdin }) => typeof stdin === "object")?.stdin, { text: "config: {}\n" });
  });
});

Deno.test("unmake() leaves the container, the images and the profile of another run", async () => {
  await withEngine(thingsOf("8"), async ({ host, address, recorded }) => {
    await unmake(host, address, creation);
    await unmake(host, address, { ...creation, profileBefore: "config: {}\n" });
    assertEquals(changes(recorded), []);
  });
});

Deno.test("unmake() leaves what was made before a step that fails, and the record, to the next run", async () => {
  for (const failing of ["delete", "image", "profile"]) {
    const things = thingsOf("7");
    await withEngine(
      (argv) => argv[1] === failing ? { code: 1, stderr: "no\n" } : things(argv),
      async ({ host, address, mounts }) => {
        const path = join(mounts.directory, "creating.json");
        using _record = await beginCreation(host, address, null);
        await assertRejects(
          () => unmake(host, address, { ...creation, directories: [mounts.directory] }),
          ProcessError,
        );
        assert((await Deno.stat(path)).isFile);
      },
    );
  }
});

Deno.test("unmake() leaves directories that were there, and finds nothing where nothing was made", async () => {
  await withEngine(() => gone, async ({ host, address, mounts, recorded }) => {
    // What there is at least: an engine that answers with empty lists.
    await Deno.mkdir(mounts.share, { recursive: true });
    recorded.calls.length = 0;
    await unmake(host, address, creation);
    assertEquals(changes(recorded), []);
    assert((await Deno.stat(mounts.share)).isDirectory);
  });
});

Deno.test("beginCreation() records what there was before, and takes the record away when asked to", async () => {
  await withEngine(() => gone, async ({ host, address, mounts }) => {
    using record = await beginCreation(host, address, "a: b\n");
    const { creation } = record;
    const path = join(mounts.directory, "creating.json");
    assertEquals(JSON.parse(await Deno.readTextFile(path)), creation);
    assertEquals(creation.directories, [mounts.directory, mounts.ssh, mounts.sockets, mounts.share]);
    assertEquals(creation.profileBefore, "a: b\n");
    await record.remove();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
});

Deno.test("beginCreation() makes nothing where its record cannot be written", async () => {
  await withEngine(() => gone, async ({ host, address, mounts }) => {
    await Deno.mkdir(join(mounts.directory, "creating.json"), { recursive: true });
    const begin = (): Promise<unknown> => beginCreation(host, address, null);
    const error = await assertRejects(begin, Error, join(mounts.directory, "creating.json"));
    assertEquals((error as { code?: string }).code, "EISDIR", "what the script explains by the disk");
    assertEquals([...Deno.readDirSync(mounts.directory)].map(({ name }) => name), ["creating.json"]);
  });
});

Deno.test("beginCreation() leaves nothing where the disk is full, whatever does not fit", async () => {
  const { mkdir, open } = Deno;
  using _ = { [Symbol.dispose]: () => void Object.assign(Deno, { mkdir, open }) };
  for (const at of [1, 2, 3, 4, 5]) {
    await withEngine(() => gone, async ({ address, recorded }) => {
      const base = join(recorded.host.env("GUI_CONTAINER_MOUNTS")!, "mounts");
      let count = 0;
      const fails = <T>(act: () => Promise<T>): Promise<T> =>
        ++count === at ? Promise.reject(new Error("full")) : act();
      Deno.mkdir = (path, options) => fails(() => mkdir(path, options));
      Deno.open = (path, options) => fails(() => open(path, options));
      const begin = (): Promise<unknown> => beginCreation(recorded.host, address, null);
      await assertRejects(begin, Error, "full");
      assertEquals([count, await Deno.lstat(base).catch(() => "gone")], [at, "gone"]);
    });
  }
});

Deno.test("unmake() puts the files for ssh back, and removes those of the run", async () => {
  await withEngine(() => gone, async ({ host, address, mounts }) => {
    await Deno.mkdir(mounts.share, { recursive: true });
    const config = join(mounts.ssh, "config");
    await Deno.mkdir(mounts.ssh);
    const all = [
      { path: mounts.knownHosts, text: "box ssh-ed25519 AAAA\n", mode: 0o640 },
      { path: config, text: "IdentityFile /old\n", mode: 0o600 },
    ];
    for (const files of [all, all.slice(1), []]) {
      await Deno.writeTextFile(mounts.knownHosts, "box ssh-ed25519 BBBB\n");
      await Deno.writeTextFile(config, "IdentityFile /new\n");
      await Deno.writeTextFile(join(mounts.ssh, "1.pub"), "ssh-ed25519 BBBB\n");
      const half = `${containerRecordPath(mounts)}.new`;
      await Deno.writeTextFile(half, "{");
      await unmake(host, address, { ...creation, mountsBefore: { directories: [], files } });
      const found = [];
      for (const path of [mounts.knownHosts, config, join(mounts.ssh, "1.pub")]) {
        const text = await Deno.readTextFile(path).catch(() => undefined);
        if (text !== undefined) found.push({ path, text, mode: (await Deno.stat(path)).mode! & 0o777 });
      }
      assertEquals(found, files);
      assertEquals(await exists(half), false, "what a run left that was killed while it wrote the record");
    }
  });
});

Deno.test("beginCreation() and recoverCreation() refuse while another run makes the container, and leave its record", async () => {
  const answer = ([program]: readonly string[]): Answer => program === "lxc" ? gone : {};
  await withEngine(answer, async ({ host, address, mounts }) => {
    using record = await beginCreation(host, address, null);
    const again = (): Promise<unknown> => beginCreation(host, address, null);
    await assertRejects(again, UserError, "another run");
    await assertRejects(
      () => recoverCreation(host, address),
      UserError,
      "another run",
    );
    await assertRejects(
      () => refuseBeingMade(address),
      UserError,
      "another run",
    );
    assertEquals(JSON.parse(await Deno.readTextFile(join(mounts.directory, "creating.json"))), record.creation);
  });
});

Deno.test("recoverCreation() unmakes what a killed run left, says so, and takes the record away", async () => {
  await withEngine(thingsOf("7"), async ({ host, address, mounts, recorded }) => {
    await Deno.mkdir(mounts.share, { recursive: true });
    const path = join(mounts.directory, "creating.json");
    // Earlier versions wrote the name, too.
    const record = { ...creation, name: "box", directories: [mounts.directory, mounts.share] };
    await Deno.writeTextFile(path, JSON.stringify(record));
    assertEquals(await recoverCreation(host, address), true);
    assertEquals(changes(recorded), ["delete --force box", "image delete f", "profile delete box"]);
    assert(recorded.said.some((line) => line.includes('"box"')), recorded.said.join());
    await assertRejects(() => Deno.lstat(mounts.directory), Deno.errors.NotFound);
    recorded.calls.length = 0;
    assertEquals(await recoverCreation(host, address), false);
    assertEquals(recorded.calls, []);
  });
});

Deno.test("recoverCreation() refuses what was begun on the other engine, and touches nothing", async () => {
  await withEngine(thingsOf("7"), async ({ host, address, mounts, recorded }) => {
    await Deno.mkdir(mounts.directory, { recursive: true });
    const path = join(mounts.directory, "creating.json");
    await Deno.writeTextFile(path, JSON.stringify({ ...creation, engine: "incus" }));
    const error = await assertRejects(
      () => recoverCreation(host, address),
      UserError,
      "other engine",
    );
    assert(error.hint.includes("--engine incus"));
    assertEquals(changes(recorded), []);
    assert((await Deno.stat(path)).isFile);
  });
});
