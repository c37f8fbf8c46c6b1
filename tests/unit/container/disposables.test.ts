import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { Host } from "../../../lib/base/host.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { modeOf } from "../../../lib/base/files.ts";
import {
  beginDisposable,
  claimDisposables,
  type DisposableCopy,
  findLeftovers,
  findRenewed,
  keepRenewed,
  newDisposableName,
  removeDisposable,
  removeDisposables,
} from "../../../lib/container/disposables.ts";
import { type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { isInstanceName } from "../../../lib/engine/instance_name.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

/** Runs `test` with an engine that answers so, and an empty directory for all mounts. */
async function withEngine(
  answer: (argv: readonly string[]) => Answer,
  test: (world: { host: Host; engine: Engine; root: string; recorded: RecordingHost }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({ answer, env: { GUI_CONTAINER_MOUNTS: root } });
    await test({ host: recorded.host, engine: engineCalled("lxc"), root, recorded });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** An engine in which each instance has this configuration. */
function instancesWith(config: Record<string, string>): (argv: readonly string[]) => Answer {
  return ([, command, path]) =>
    command === "query" && path!.startsWith("/1.0/instances/")
      ? { stdout: JSON.stringify({ name: "x", status: "Running", config, devices: {}, expanded_devices: {} }) }
      : command === "query"
      ? { stdout: "{}" }
      : {};
}

function names(copies: readonly Pick<DisposableCopy, "name">[]): string[] {
  return copies.map(({ name }) => name);
}

/** What there is in the directory of all mounts, besides the file for turns. */
function left(root: string): string[] {
  return [...Deno.readDirSync(root)].map(({ name }) => name).filter((name) => name !== ".lock").sort();
}

function close(...copies: readonly (DisposableCopy | undefined)[]): void {
  for (const copy of copies) copy?.lock?.close();
}

Deno.test("newDisposableName() returns a name that an engine takes, and never the same", () => {
  for (const source of ["a", "box", "x".repeat(63), `${"x".repeat(55)}-y`, `${"x".repeat(56)}-yz`]) {
    const made = Array.from({ length: 20 }, () => newDisposableName(source));
    for (const name of made) assert(isInstanceName(name), name);
    assert(new Set(made).size > 15);
  }
});

Deno.test("a copy that a run uses is nobody else's; what a killed run has left is free", async () => {
  await withEngine(() => ({}), async ({ host, engine }) => {
    const copy = await beginDisposable(host, { engine, name: "box" });
    assertEquals(await findLeftovers(host), []);
    copy.lock!.close();
    const leftovers = await findLeftovers(host);
    assertEquals(leftovers.map(({ name, source, engine }) => [name, source, engine]), [[copy.name, "box", "lxc"]]);
    close(...leftovers);
  });
});

Deno.test("a copy that later ones are made of is left alone, and only claimed to be replaced", async () => {
  await withEngine(() => ({}), async ({ host, engine }) => {
    const copy = await beginDisposable(host, { engine, name: "box" });
    assertEquals(await findRenewed(host, { engine, name: "box" }, { claim: false }), []);
    await keepRenewed(host, copy);
    assertEquals(await findLeftovers(host), []);
    assertEquals(await findRenewed(host, { engine, name: "bag" }, { claim: true }), []);
    assertEquals(names(await findRenewed(host, { engine, name: "box" }, { claim: false })), [copy.name]);
    const claimed = await findRenewed(host, { engine, name: "box" }, { claim: true });
    assertEquals(names(claimed), [copy.name]);
    assertEquals(await findRenewed(host, { engine, name: "box" }, { claim: false }), [], "it is being replaced");
    close(...claimed);
    const removed = await claimDisposables(host, { engine, name: "box" }, { force: false });
    assertEquals(names(removed), [copy.name], "it goes with its container");
    close(...removed);
  });
});

Deno.test("links make no more copies of a container than a few; of another one, and those of killed runs, do not count", () =>
  withEngine(() => ({}), async ({ host, engine }) => {
    const [box, other] = [{ engine, name: "box" }, { engine, name: "other" }];
    const copies = [
      await beginDisposable(host, box),
      await beginDisposable(host, box),
      await beginDisposable(host, other),
    ];
    const error = await assertRejects(
      () => beginDisposable(host, box, { max: 2 }),
      UserError,
      '2 copies of "box"',
    );
    assertEquals(error.exitCode, 1);
    close(copies[0]);
    // Of several at once, too.
    const more = await Promise.allSettled(Array.from({ length: 4 }, () => beginDisposable(host, box, { max: 3 })));
    const made = more.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    assertEquals(made.length, 2);
    const leftovers = await findLeftovers(host);
    assertEquals(names(leftovers), [copies[0]!.name]);
    close(...leftovers, ...copies.slice(1), ...made);
  }));

Deno.test("copies wait for no lock that another user of the host can take", () =>
  withEngine(() => ({}), async ({ host, root }) => {
    // Whoever may read a directory may lock it.
    using other = await Deno.open(root);
    await other.lock(true);
    assertEquals(await findLeftovers(host), []);
    assertEquals(await modeOf(join(root, ".lock")), 0o600);
  }));

Deno.test("a run that was killed while it wrote its record has left a directory, and no engine is asked", async () => {
  await withEngine(() => new Error("asked"), async ({ host, root, recorded }) => {
    const directory = join(root, "box-d01234");
    await Deno.mkdir(directory);
    await Deno.writeTextFile(join(directory, "disposable.json"), '{"source":"bo');
    const leftovers = await findLeftovers(host);
    assertEquals(names(leftovers), ["box-d01234"]);
    await removeDisposable(host, leftovers[0]!);
    assertEquals(recorded.calls, []);
    assertEquals(left(root), []);
  });
});

Deno.test("of the directories without a record, only an empty one goes that has the name of a copy", async () => {
  await withEngine(() => ({}), async ({ host, root }) => {
    const kept = ["box", "box-d43210", "box-dxyzab", "empty"];
    for (const name of [...kept, "box-d01234"]) await Deno.mkdir(join(root, name));
    await Deno.mkdir(join(root, "box-d43210", "share"));
    await Deno.writeTextFile(join(root, "box", "disposable.json"), "{}");
    assertEquals(await findLeftovers(host), []);
    assertEquals(left(root), kept);
  });
});

Deno.test("removeDisposable() kills, empties, deletes, then removes the directories with the record", async () => {
  await withEngine(instancesWith({ "user.gui-container.copy-of": "box" }), async ({ host, engine, root, recorded }) => {
    const copy = await beginDisposable(host, { engine, name: "box" });
    for (const directory of [copy.mounts.sockets, copy.mounts.share]) await Deno.mkdir(directory);
    await removeDisposable(host, copy);
    assertEquals(recorded.calls.filter(([, command]) => command !== "query").map((argv) => argv.join(" ")), [
      `lxc stop --force ${copy.name}`,
      `find ${copy.mounts.sockets} ${copy.mounts.share} -mindepth 1 -delete`,
      `lxc delete --force ${copy.name}`,
    ]);
    assertEquals(left(root), []);
  });
});

Deno.test("removeDisposable() leaves an instance alone that is no copy", async () => {
  await withEngine(instancesWith({ "user.gui-container": "1" }), async ({ host, engine, recorded }) => {
    await removeDisposable(host, await beginDisposable(host, { engine, name: "box" }));
    assertEquals(recorded.calls.filter(([, command]) => command !== "query"), []);
  });
});

Deno.test("removeDisposable() keeps the record for the next run when the engine fails", async () => {
  const answer = instancesWith({ "user.gui-container.copy-of": "box" });
  await withEngine(
    (argv) => argv[1] === "delete" ? { code: 1, stderr: "Error: busy" } : answer(argv),
    async (world) => {
      const { host, engine } = world;
      const copy = await beginDisposable(host, { engine, name: "box" });
      await assertRejects(() => removeDisposable(host, copy), UserError, `"${copy.name}"`);
      const leftovers = await findLeftovers(host);
      assertEquals(names(leftovers), [copy.name]);
      close(...leftovers);
    },
  );
});

Deno.test("removeDisposable() deletes a copy that neither lets its directories be emptied nor answers", async () => {
  const answer = instancesWith({ "user.gui-container.copy-of": "box" });
  for (
    const late of [
      new DOMException("Signal timed out.", "TimeoutError"),
      new UserError("no answer", { hint: "" }),
      new ProcessError({ argv: ["lxc"], code: 143, signal: null, stdout: "", stderr: "" }, { timedOutAfterMs: 1 }),
    ]
  ) {
    await withEngine(
      (argv) => argv[0] === "find" ? { code: 1 } : argv[1] === "exec" ? late : answer(argv),
      async ({ host, engine, root, recorded: { calls, options } }) => {
        const copy = await beginDisposable(host, { engine, name: "box" });
        await Deno.mkdir(copy.mounts.sockets);
        await removeDisposable(host, copy);
        assertEquals(
          calls.map((argv) => argv[argv[0] === "lxc" ? 1 : 0]).filter((word) => word !== "query"),
          ["stop", "find", "start", "exec", "delete"],
        );
        const limited = options.filter((_, at) => calls[at]![0] === "find" || calls[at]![1] === "exec");
        for (const { timeoutMs } of limited) assert(timeoutMs! <= 15_000, `${timeoutMs}`);
        assertEquals(left(root), []);
      },
    );
  }
});

Deno.test("what a copy has closed to the host user is told once, and no later run waits for it", async () => {
  const answer = instancesWith({ "user.gui-container.copy-of": "box" });
  await withEngine(answer, async ({ host, engine, recorded: { said } }) => {
    const copy = await beginDisposable(host, { engine, name: "box" });
    const { directory } = copy.mounts;
    await Deno.mkdir(join(directory, "xpra"));
    const closed = { ...copy, mounts: { ...copy.mounts, share: "/proc/self/status" } };
    const other = await beginDisposable(host, { engine, name: "box" });
    assertEquals(await removeDisposables(host, [closed, other]), [other.name]);
    const warnings = said.filter((line) => line.startsWith("warn"));
    assertSaid(warnings, [["warn", `"${copy.name}"`, `"${directory}"`, `sudo rm -rf ${directory}`]]);
    const leftovers = await findLeftovers(host);
    assertEquals([leftovers, [...Deno.readDirSync(directory)].map(({ name }) => name)], [[], ["xpra"]]);
  });
});

Deno.test("removeDisposables() only warns of an engine that does not come to an end; the record stays", async () => {
  const answer = instancesWith({ "user.gui-container.copy-of": "box" });
  const late = new DOMException("Signal timed out.", "TimeoutError");
  await withEngine(
    (argv) => argv[1] === "delete" ? late : answer(argv),
    async ({ host, engine, recorded: { said } }) => {
      const copy = await beginDisposable(host, { engine, name: "box" });
      assertEquals(await removeDisposables(host, [copy]), []);
      assertEquals(said.filter((line) => line.startsWith("warn")).length, 1, said.join("\n"));
      const leftovers = await findLeftovers(host);
      assertEquals(names(leftovers), [copy.name]);
      close(...leftovers);
    },
  );
});

Deno.test("claimDisposables() gives the copies of one container, and those in use by force only", async () => {
  await withEngine(() => ({}), async ({ host, engine }) => {
    const used = await beginDisposable(host, { engine, name: "box" });
    const left = await beginDisposable(host, { engine, name: "box" });
    close(left);
    close(await beginDisposable(host, { engine, name: "bag" }));
    const error = await assertRejects(
      () => claimDisposables(host, { engine, name: "box" }, { force: false }),
      UserError,
      used.name,
    );
    assertEquals(error.hint.includes("--force"), true);
    const claimed = await claimDisposables(host, { engine, name: "box" }, { force: true });
    assertEquals(names(claimed).sort(), [used.name, left.name].sort());
    close(used, ...claimed);
    assertEquals(await claimDisposables(host, { engine: engineCalled("incus"), name: "box" }, { force: true }), []);
  });
});

Deno.test("removeDisposables() removes a copy where it was made, whatever the CLI's default is by then", async () => {
  await withEngine(instancesWith({}), async ({ host, engine, root }) => {
    const copy = await beginDisposable(host, { engine, name: "box" });
    close(copy);
    await Deno.writeTextFile(
      join(root, "config.yml"),
      "default-remote: far\nremotes: {far: {addr: 'https://192.0.2.7'}}\n",
    );
    const answer = instancesWith({ "user.gui-container.copy-of": "box" });
    const later = recordingHost({
      answer: (argv) => answer(argv.map((word) => word.replace(/^local:/, ""))),
      env: { GUI_CONTAINER_MOUNTS: root, LXD_CONF: root },
    });
    const leftovers = await findLeftovers(later.host);
    assertEquals(await removeDisposables(later.host, leftovers), [copy.name]);
    assert(
      later.calls.some((call) => call.join(" ") === `lxc delete --force local:${copy.name}`),
      later.calls.join("\n"),
    );
  });
});
