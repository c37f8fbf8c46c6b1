// map.ts on files of every kind of permissions: after unmapping they are what they were, byte by byte.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Acl, formatAcl } from "../../lib/container/lend/acl.ts";
import { randomNumbers } from "../unit/samples.ts";
import { permissions, startMap, withDirectory } from "./lending.ts";
import { inContainer, script, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { makeContainer, removeContainer, shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("exact");

/** A random ACL whose owner may read, and random set-id and sticky bits. */
function randomPermissions(random: (below: number) => number, containerUid: number): { acl: Acl; special: number } {
  const ids = [0, 7, 1000, 100999, 4294967294, containerUid];
  const some = (tag: string): Acl =>
    Object.fromEntries(ids.filter(() => random(4) === 0).map((id) => [`${tag}:${id}`, random(8)]));
  const named = random(3) === 0 ? {} : { ...some("u"), ...some("g") };
  const mask = Object.keys(named).length > 0 || random(6) === 0 ? { "m:": random(8) } : {};
  return {
    acl: { "u:": 4 | random(4), "g:": random(8), "o:": random(8), ...named, ...mask },
    special: random(4) === 0 ? random(8) << 9 : 0,
  };
}

testOnEngines("map.ts restores files of random ACLs and modes exactly", ["user"], async (engine) => {
  const name = nameOn(engine);
  const random = randomNumbers(engine === "lxc" ? 7 : 8);
  const idMap = JSON.parse(await sh([engine, "config", "get", name, "volatile.idmap.current"]));
  await withDirectory(async (directory) => {
    let cases = 0;
    for (let batch = 0; batch < (engine === "lxc" ? 3 : 2); batch++) {
      const all = Array.from({ length: 60 }, () => randomPermissions(random, idMap[0].Hostid + 1000));
      const files = all.map((_, index) => join(directory, `${batch}-${index}`));
      await Promise.all(files.map((file, index) => Deno.writeTextFile(file, `content ${index}`)));
      await sh(["setfacl", ...all.flatMap(({ acl }, index) => ["--set", formatAcl(acl), files[index]!])]);
      for (const [index, { special }] of all.entries()) {
        if (special) await Deno.chmod(files[index]!, (await Deno.stat(files[index]!)).mode! & 0o777 | special);
      }
      const before = await permissions(files);
      const readOnly = batch % 2 === 1;
      const mapped = await script("map", engine, [
        "--no-wait",
        "--json",
        ...readOnly ? ["--read-only"] : [],
        name,
        ...files,
      ]);
      assertEquals(mapped.code, 0, mapped.stderr);
      const lent: { host: string; container: string }[] = JSON.parse(mapped.stdout);
      const paths = lent.map(({ container }) => container);
      const read = await inContainer(engine, name, 'cat -- "$@"', ...paths);
      assertEquals(read, files.map((_, index) => `content ${index}`).join(""));
      const writable = await inContainer(engine, name, 'for f; do test -w "$f" && echo "$f"; done; true', ...paths);
      // What its owner may not write, the container may not either.
      const isWritable = (index: number): boolean => !readOnly && (all[index]!.acl["u:"]! & 2) !== 0;
      assertEquals(writable, paths.filter((_, index) => isWritable(index)).join("\n"));
      const back = await script("map", engine, ["--unmap", name]);
      assertEquals([back.code, back.stderr], [0, "60 files are taken back\n"]);
      assertEquals(await permissions(files), before);
      assertEquals(await inContainer(engine, name, "ls -A maps"), "");
      cases += files.length;
    }
    Deno.stdout.writeSync(new TextEncoder().encode(`${cases} cases, 0 failed\n`));
  });
});

testOnOneEngine("map.ts lends through symbolic links, and tells of hard links", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const [file, link, second] = ["file", "link", "second"].map((part) => join(directory, part)) as [
      string,
      string,
      string,
    ];
    await Deno.writeTextFile(file, "text");
    await Deno.symlink(file, link);
    await Deno.link(file, second);
    const before = await permissions([file, second]);
    const run = await startMap(engine, [name, link]);
    assertEquals(run.lent[0]!.host, file);
    await run.says("2 names");
    // The name that was lent goes; the other one is the same file, and is put right.
    await Deno.remove(file);
    const { code } = await run.kill("SIGTERM");
    assertEquals(code, 143);
    await Deno.link(second, file);
    assertEquals(await permissions([file, second]), before);
  });
});

testOnOneEngine("map.ts says when a set-user-ID bit is gone because the container wrote", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "text");
    await Deno.chmod(file, 0o4755);
    const run = await startMap(engine, [name, file]);
    await inContainer(engine, name, 'echo more >>"$1"', run.lent[0]!.container);
    const { code, stderr } = await run.enter();
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "set-ID");
    assertEquals(((await Deno.stat(file)).mode! & 0o7777).toString(8), "755");
  });
});

testOnOneEngine("map.ts takes no longer for a large file: it does not read it", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "large");
    await Deno.writeTextFile(file, "");
    // Whoever reads all of it needs minutes.
    await Deno.truncate(file, 2 ** 40);
    const { code, stderr } = await script("map", engine, [name, file], { timeoutMs: 20_000 });
    assertEquals(code, 0, stderr);
  });
});

testOnEngines(
  "map.ts: another container cannot read what is lent to one, until it is lent to it",
  ["user"],
  async (engine) => {
    const [name, other] = [nameOn(engine), `${nameOn(engine)}-other`];
    await makeContainer(engine, other);
    try {
      await withDirectory(async (directory) => {
        const file = join(directory, "secret");
        await Deno.writeTextFile(file, "secret");
        await Deno.chmod(file, 0o600);
        const before = await permissions([file]);
        const run = await startMap(engine, [name, file]);
        assertEquals(await inContainer(engine, name, 'cat "$1"', run.lent[0]!.container), "secret");
        // The very file, shown to the other container by hand.
        await sh([
          engine,
          "config",
          "device",
          "add",
          other,
          "by-hand",
          "disk",
          `source=${file}`,
          "path=/home/ubuntu/x",
        ]);
        const tried = await inContainer(engine, other, "cat x 2>&1 || true; echo x >x 2>&1 || true");
        assert(!tried.includes("secret"), tried);
        assertStringIncludes(tried, "Permission denied");
        assertEquals(await Deno.readTextFile(file), "secret");
        const second = await startMap(engine, ["--read-only", other, file]);
        assertEquals((await run.enter()).code, 0);
        assertEquals(await inContainer(engine, other, 'cat "$1"', second.lent[0]!.container), "secret");
        assertEquals((await second.enter()).code, 0);
        assertEquals(await permissions([file]), before);
      });
    } finally {
      await removeContainer(engine, other);
    }
  },
);

testOnEngines("create.ts --delete takes back the files that are lent to the container", ["user"], async (engine) => {
  const other = `${nameOn(engine)}-gone`;
  await makeContainer(engine, other);
  try {
    await withDirectory(async (directory) => {
      const file = join(directory, "letter");
      await Deno.writeTextFile(file, "lent");
      const before = await permissions([file]);
      const lent = await script("map", engine, ["--no-wait", other, file]);
      assertEquals(lent.code, 0, lent.stderr);
      assert(await permissions([file]) !== before);
      const { code, stderr } = await script("create", engine, ["--delete", other]);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stderr, `No longer lent: "${file}"`);
      assertEquals(await permissions([file]), before);
      assertEquals((await script("map", engine, ["--list"])).stdout, "");
    });
  } finally {
    await removeContainer(engine, other);
  }
});
