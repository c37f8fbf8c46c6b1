// What becomes of mapped files when their mappings end, on real files.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ProcessError } from "../../../../lib/base/errors.ts";
import { type Host, realHost } from "../../../../lib/base/host.ts";
import { formatAcl, grant, parseAcl } from "../../../../lib/container/lend/acl.ts";
import { holdFile } from "../../../../lib/container/lend/held_file.ts";
import { readMappings, withJournalLock, writeRecords } from "../../../../lib/container/lend/journal.ts";
import type { Mapping } from "../../../../lib/container/lend/loan.ts";
import { restoreFiles, takeSteps } from "../../../../lib/container/lend/restore.ts";
import type { RestoreStep } from "../../../../lib/container/lend/acl_plan.ts";
import { containerUid, plain, sampleMapping } from "../../mappings.ts";
import { recordingHost, recordingUi } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

/** A host whose `setfacl` fails for one file. */
function failingFor(path: string): ReturnType<typeof recordingHost> {
  return recordingHost({ answer: (argv) => ({ code: argv.includes(path) ? 1 : 0 }) });
}

const step = (name: string): RestoreStep => ({
  change: [`/${name}`, plain],
  findings: [`${name} is changed`],
  done: [sampleMapping({ id: name })],
});

Deno.test("takeSteps() makes all changes, one by one", async () => {
  const { host, calls } = recordingHost();
  const { done, findings, failure } = await takeSteps(host, [step("a"), step("b"), { findings: ["c"], done: [] }]);
  const set = ["--set", "u::rw-,g::r--,o::r--"];
  assertEquals(calls, [["setfacl", ...set, "/a"], ["setfacl", ...set, "/b"]]);
  assertEquals(done.map(({ id }) => id), ["a", "b"]);
  assertEquals([findings, failure], [["a is changed", "b is changed", "c"], undefined]);
});

Deno.test("takeSteps() makes the others when one change fails, and tells the failure", async () => {
  const { host } = failingFor("/b");
  const { done, findings, failure } = await takeSteps(host, [step("a"), step("b"), step("c")]);
  assertEquals(done.map(({ id }) => id), ["a", "c"]);
  assertEquals(findings, ["a is changed", "c is changed"]);
  assert(failure instanceof ProcessError, String(failure));
});

Deno.test("takeSteps() says nothing of an optional change that fails", async () => {
  const { host } = failingFor("/b");
  const { done, findings, failure } = await takeSteps(host, [step("a"), { ...step("b"), isOptional: true }]);
  assertEquals([done.length, findings, failure], [1, ["a is changed"], undefined]);
});

/** The real outside, with a journal of its own; how `setfacl` and `getfacl` see a file; a directory for files. */
async function withFiles(test: (world: { host: Host; directory: string }) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const real = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
    const host = { ...real, env: (name: string) => name === "XDG_STATE_HOME" ? join(root, "state") : undefined };
    const directory = join(root, "files");
    await Deno.mkdir(directory);
    await test({ host, directory });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function aclOf(host: Host, path: string): Promise<string> {
  return formatAcl(parseAcl((await host.run(["getfacl", "-cnpE", "--", path])).stdout));
}

/** Makes a file and maps it: its record and its ACL, no id. */
async function mapByHand(host: Host, path: string, id: string): Promise<Mapping> {
  await Deno.writeTextFile(path, "text");
  await Deno.chmod(path, 0o644);
  const file = (await holdFile(path))!;
  const { dev, ino, bornMs } = file.stat();
  file.close();
  const one = sampleMapping({ id, hostPath: path, dev, ino, bornMs });
  await withJournalLock(host, () => writeRecords(host, [one]));
  await host.run(["setfacl", "-m", `u:${containerUid}:rw-`, "--", path]);
  assertEquals(await aclOf(host, path), formatAcl(grant(plain, [containerUid, 6])));
  return one;
}

testWith(
  ["getfacl", "setfacl", "stat"],
  "restoreFiles() restores files in place, moved in their directory and replaced, and forgets them",
  async () => {
    await withFiles(async ({ host, directory }) => {
      const path = (name: string): string => join(directory, name);
      const mapped: Mapping[] = [];
      for (const name of ["-it's\nin place", "moved", "copied", "gone"]) {
        mapped.push(await mapByHand(host, path(name), `map-${mapped.length}`));
      }
      await Deno.rename(path("moved"), path("other name"));
      await host.run(["cp", "--preserve=all", path("copied"), path("copy")]);
      await Deno.rename(path("copy"), path("copied"));
      await Deno.remove(path("gone"));
      const { done, findings, failure } = await restoreFiles(host, mapped, { forget: true });
      assertEquals([done.length, failure, await readMappings(host)], [4, undefined, []]);
      for (const name of ["-it's\nin place", "other name", "copied"]) {
        assertEquals(await aclOf(host, path(name)), formatAcl(plain), name);
      }
      assertEquals(findings.map((text) => /^(.*?)[.;]/s.exec(text)![1]), [
        `"${path("copied")}" was replaced meanwhile`,
        `The file that was lent as "${path("gone")}" no longer exists`,
        `"${path("copied")}" was replaced meanwhile`,
      ]);
    });
  },
);

testWith(
  ["getfacl", "setfacl", "stat"],
  "restoreFiles() restores the others when the directory of one has become a link to itself, or a file",
  async () => {
    await withFiles(async ({ host, directory }) => {
      const mapped: Mapping[] = [];
      for (const name of ["loop", "file", "kept"]) {
        await Deno.mkdir(join(directory, name));
        mapped.push(await mapByHand(host, join(directory, name, "it"), `map-${name}`));
      }
      await Deno.remove(join(directory, "loop"), { recursive: true });
      await Deno.symlink("loop", join(directory, "loop"));
      await Deno.remove(join(directory, "file"), { recursive: true });
      await Deno.writeTextFile(join(directory, "file"), "");
      const { done, findings, failure } = await restoreFiles(host, mapped, { forget: true });
      assertEquals([done.length, findings.length, failure], [3, 2, undefined]);
      assertEquals(await aclOf(host, join(directory, "kept", "it")), formatAcl(plain));
    });
  },
);

testWith(["getfacl", "setfacl", "stat"], "restoreFiles() keeps what it cannot restore on record", async () => {
  await withFiles(async ({ host, directory }) => {
    const [one, two] = [
      await mapByHand(host, join(directory, "one"), "map-1"),
      await mapByHand(host, join(directory, "two"), "map-2"),
    ];
    // The file "one" is held by this process; a setfacl that fails for it alone.
    const file = (await holdFile(join(directory, "one")))!;
    const failing: Host = {
      ...host,
      async run(argv, options) {
        if (argv[0] !== "setfacl") return await host.run(argv, options);
        try {
          return await host.run(argv.map((word) => word === file.handle ? "/dev/null/x" : word), options);
        } catch (error) {
          const { code, stderr } = error as ProcessError;
          const said = stderr.replaceAll("/dev/null/x", file.handle);
          throw new ProcessError({ argv, code, signal: null, stdout: "", stderr: said });
        }
      },
    };
    const { done, failure } = await restoreFiles(failing, [{ ...one, file }, two], { forget: true });
    assertEquals([done.map(({ id }) => id), failure instanceof ProcessError], [["map-2"], true]);
    assertEquals((await readMappings(host)).map(({ id }) => id), ["map-1"]);
    assertEquals(await aclOf(host, join(directory, "two")), formatAcl(plain));
    const again = await restoreFiles(host, [{ ...one, file }, two], { forget: false });
    assertEquals([again.done.map(({ id }) => id), again.failure], [["map-1"], undefined]);
    assertEquals((await readMappings(host)).map(({ id, restored }) => [id, restored]), [["map-1", true]]);
    assertEquals(await aclOf(host, join(directory, "one")), formatAcl(plain));
    file.close();
  });
});
