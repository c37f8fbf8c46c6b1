// map.ts while others work on the lent files: only what is ours is taken away, and a file that is replaced goes over.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type LentFile, mapDevices, permissions, startMap, withDirectory } from "./lending.ts";
import { eventually, inContainer, script, sh } from "./run.ts";
import { testOnIncus, testOnOneEngine } from "./sessions.ts";
import { shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("changes");

/** What is done to a lent file `$1`, what its permissions must be then, and what is told. */
interface Change {
  what: string;
  /** Before it is lent. */
  before?: string;
  shell: string;
  /** What gives a file that was never lent the permissions that are wanted; the same where it is not said. */
  twin?: string;
  told?: string;
}

const changed = "only the container's entry is taken away";

const changes: readonly Change[] = [
  { what: "chmod to less", shell: 'chmod 600 "$1"', told: changed },
  // The group's bits are the mask while a file is lent: the group gets nothing that it had not.
  { what: "chmod to more", shell: 'chmod 775 "$1"', twin: 'chmod 745 "$1"', told: changed },
  { what: "chmod +x", shell: 'chmod +x "$1"', twin: 'chmod 745 "$1"', told: changed },
  { what: "chmod of others", shell: 'chmod o-r "$1"', told: changed },
  { what: "chmod u+x", shell: 'chmod u+x "$1"', told: changed },
  { what: "chmod to nothing", shell: 'chmod 000 "$1"', told: changed },
  { what: "an entry added", shell: 'setfacl -m u:7:r "$1"', told: changed },
  { what: "an entry that permits all", shell: 'setfacl -m g:7:rwx "$1"', told: changed },
  { what: "all entries removed", shell: 'setfacl -b "$1"' },
  { what: "chgrp", shell: 'chgrp "$(id -G | sed "s/.* //")" "$1"' },
  {
    what: "an entry changed where there were some",
    before: 'setfacl -m u:7:rwx,g:8:rx,m:rwx "$1"',
    shell: 'setfacl -m u:7:r "$1"',
    told: changed,
  },
  {
    what: "an entry removed where there were some",
    before: 'setfacl -m u:7:rwx,g:8:rx,m:rx "$1"',
    shell: 'setfacl -n -x g:8 "$1"',
    twin: 'setfacl -n -x g:8 -m u:7:rx "$1"',
    told: changed,
  },
  {
    what: "chmod under a mask",
    before: 'setfacl -m u:7:rwx,m:rx "$1"',
    shell: 'chmod g-x "$1"',
    twin: 'chmod g-x "$1"; setfacl -n -m u:7:rx "$1"',
    told: changed,
  },
  { what: "written", shell: 'echo host >>"$1"' },
  { what: "touched", shell: 'touch -d 2020-01-01 "$1"' },
  { what: "renamed", shell: 'mv "$1" "$1.new"; sleep 0.5; mv "$1.new" "$1"' },
];

testOnOneEngine("map.ts takes away only what is its own after changes by others", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const pairs = await Promise.all(changes.map(async ({ before }, index) => {
      const [lent, twin] = [join(directory, `lent-${index}`), join(directory, `twin-${index}`)] as const;
      for (const file of [lent, twin]) {
        await Deno.writeTextFile(file, "text\n");
        await Deno.chmod(file, 0o644);
        if (before) await sh(["sh", "-ec", before, "sh", file]);
      }
      return [lent, twin] as const;
    }));
    const run = await startMap(engine, [name, ...pairs.map(([lent]) => lent)]);
    for (const [index, { shell, twin = shell }] of changes.entries()) {
      await sh(["sh", "-ec", shell, "sh", pairs[index]![0]]);
      await sh(["sh", "-ec", twin, "sh", pairs[index]![1]]);
    }
    await inContainer(engine, name, 'echo container >>"$1"', run.lent[changes.length - 3]!.container);
    const { code, stderr } = await run.kill("SIGTERM");
    assertEquals(code, 143, stderr);
    const failures: string[] = [];
    for (const [index, { what, told }] of changes.entries()) {
      const [lent, twin] = pairs[index]!;
      const [got, wanted] = [await permissions([lent]), await permissions([twin])];
      if (got !== wanted) failures.push(`${what}: ${got}, not ${wanted}`);
      const isTold = stderr.includes(`"${lent}" were changed meanwhile`);
      if (isTold !== (told !== undefined)) failures.push(`${what}: told: ${isTold}`);
    }
    Deno.stdout.writeSync(new TextEncoder().encode(`${changes.length} cases, ${failures.length} failed\n`));
    assertEquals(failures, [], stderr);
    assertEquals(await Deno.readTextFile(pairs[changes.length - 3]![0]), "text\nhost\ncontainer\n");
  });
});

/** How editors and people put another file in a file's place: `$1` the file, `$2` its directory. */
const replacements: readonly { what: string; shell: string; keeps?: string }[] = [
  { what: "renamed over, as gedit and LibreOffice save", shell: 'echo new >"$2/.tmp"; mv "$2/.tmp" "$1"' },
  {
    what: "the old one kept as a backup, as vim saves",
    shell: 'mv "$1" "$1~"; cp --no-preserve=all "$1~" "$1"; chmod --reference="$1~" "$1"; echo new >"$1"',
    keeps: "~",
  },
  {
    what: "with a copy of the ACL, as vim and GLib save",
    shell: 'cp --preserve=all "$1" "$2/.tmp"; echo new >"$2/.tmp"; mv "$2/.tmp" "$1"',
  },
  {
    what: "with a copy of the mode",
    shell: 'echo new >"$2/.tmp"; chmod --reference="$1" "$2/.tmp"; mv "$2/.tmp" "$1"',
  },
  { what: "deleted and made anew", shell: 'rm "$1"; echo new >"$1"; chmod 644 "$1"' },
  { what: "exchanged twice", shell: 'for t in old new; do echo $t >"$2/.tmp"; mv "$2/.tmp" "$1"; sleep 0.3; done' },
  { what: "saved by GLib", shell: 'echo new | gio save "$1"' },
  { what: "saved by vi", shell: 'vi -es -u NONE --cmd "set backupcopy=no" -c "%s/.*/new/" -c wq "$1"' },
  { what: "edited by sed", shell: 'sed -i s/old/new/ "$1"' },
];

testOnEngines("map.ts gives the container a file that replaces a mapped one", ["user"], async (engine) => {
  const name = nameOn(engine);
  const failures: string[] = [];
  const original = engine === "lxc" ? undefined : "u:7:rwx,g:8:r,m:r";
  await withDirectory(async (directory) => {
    /** The files that are lent, and beside each one that is not. */
    const [files, twins]: string[][] = [[], []];
    for (const [index] of replacements.entries()) {
      for (const [list, part] of [[files!, "lent"], [twins!, "twin"]] as const) {
        const own = join(directory, `${part}-${index}`);
        await Deno.mkdir(own);
        const file = join(own, "a file");
        await Deno.writeTextFile(file, "old\n");
        await Deno.chmod(file, 0o644);
        if (original) await sh(["setfacl", "-m", original, file]);
        list.push(file);
      }
    }
    const run = await startMap(engine, [name, ...files!]);
    for (const [index, { what, shell, keeps }] of replacements.entries()) {
      const [file, { container }] = [files![index]!, run.lent[index]!] as const;
      try {
        const before = await permissions([file]);
        for (const one of [file, twins![index]!]) await sh(["sh", "-ec", shell, "sh", one, join(one, "..")]);
        const isThere = '[ "$(stat -c %i "$1")" = "$2" ] && [ -w "$1" ] && echo yes || true';
        await eventually("the new file in the container", async () => {
          const { ino } = await Deno.stat(file);
          return await inContainer(engine, name, isThere, container, String(ino)) === "yes";
        });
        await inContainer(engine, name, 'echo more >>"$1"', container);
        // Incus 6.0.4 loses what a program prints at times when the machine is busy: asked again, it tells.
        await eventually(
          "the new file with what was added to it",
          async () => await inContainer(engine, name, 'cat "$1"', container) === "new\nmore",
        );
        // The container has the new file first.
        if (keeps) {
          await eventually(
            "the old file without our entry",
            async () => await permissions([`${file}${keeps}`]) !== before,
          );
        }
      } catch (error) {
        failures.push(`${what}: ${error}`);
      }
    }
    const { code, stderr } = await run.enter();
    assertEquals(code, 0, stderr);
    for (const [index, { what }] of replacements.entries()) {
      const [got, wanted] = [await permissions([files![index]!]), await permissions([twins![index]!])];
      if (got !== wanted) failures.push(`${what}: ${got}, not ${wanted}`);
    }
    assertEquals(await mapDevices(engine, name), []);
    assertEquals(await inContainer(engine, name, "ls -A maps"), "");
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`${replacements.length} cases, ${failures.length} failed\n`));
  assertEquals(failures, []);
});

testOnEngines("map.ts works with the uutils coreutils, as Ubuntu 25.10 has them", ["user"], async (engine) => {
  const name = nameOn(engine);
  const env = { PATH: `/usr/lib/cargo/bin/coreutils:${Deno.env.get("PATH")}` };
  assertEquals((await sh(["stat", "--version"], { env })).includes("GNU"), false);
  await withDirectory(async (directory) => {
    const file = join(directory, 'a "file"\nof Müller\'s');
    await Deno.writeTextFile(file, "old\n");
    const before = await permissions([file]);
    const run = await startMap(engine, [name, file], { env });
    await sh(["sh", "-ec", 'echo new >"$1.tmp"; mv "$1.tmp" "$1"', "sh", file]);
    await run.says(`"${name}" has the new file now`);
    const [{ container }] = run.lent as [LentFile];
    await inContainer(engine, name, 'echo more >>"$1"', container);
    const { code, stderr } = await run.enter();
    assertEquals(code, 0, stderr);
    assertEquals(await Deno.readTextFile(file), "new\nmore\n");
    assertEquals(await permissions([file]), before);
  });
}, ["lxc"]);

testOnOneEngine("map.ts lends no other file that a link in a lent one's place leads to", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const [one, two, secret] = ["a/file", "b/file", "secret/file"].map((part) => join(directory, part)) as [
      string,
      string,
      string,
    ];
    for (const file of [one, two, secret]) {
      await Deno.mkdir(join(file, ".."));
      await Deno.writeTextFile(file, file === secret ? "secret" : "lent");
      await Deno.chmod(file, 0o600);
    }
    const before = await permissions([secret]);
    const run = await startMap(engine, [name, one, two]);
    await sh(["ln", "-sf", secret, one]);
    // A link on the way to it; the directory is still watched.
    await sh(["sh", "-ec", 'cd "$1"; mv b c; ln -s secret b; touch c/new', "sh", directory]);
    for (const file of [one, two]) {
      await run.says(`"${file}" was replaced, and "${name}" keeps the old file: its path leads to another file now`);
    }
    for (const { container } of run.lent) assertEquals(await inContainer(engine, name, 'cat "$1"', container), "lent");
    assertEquals(await permissions([secret]), before);
    // One is deleted, and the other is in a directory that was renamed.
    assertEquals((await run.enter()).code, 1);
    assertEquals(await permissions([secret]), before);
    assertEquals(await mapDevices(engine, name), []);
  });
});

testOnOneEngine(
  "map.ts keeps what the container wrote to a file that is replaced while it waits",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await withDirectory(async (directory) => {
      const [file, beside] = [join(directory, "letter"), join(directory, `letter.from-${name}`)];
      await Deno.writeTextFile(file, "old\n");
      await Deno.chmod(file, 0o644);
      const run = await startMap(engine, [name, file]);
      await inContainer(engine, name, 'echo "from inside" >>"$1"', run.lent[0]!.container);
      await sh(["sh", "-ec", 'echo new >"$1.tmp"; chmod 644 "$1.tmp"; mv "$1.tmp" "$1"', "sh", file]);
      await run.says(`"${beside}"`);
      await run.says(`"${name}" has the new file now`);
      assertEquals(await Deno.readTextFile(beside), "old\nfrom inside\n");
      assertEquals(await inContainer(engine, name, 'cat "$1"', run.lent[0]!.container), "new");
      assertEquals((await run.enter()).code, 0);
    });
  },
);

testOnOneEngine("map.ts lends nothing in place of what another run has taken back", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    await Deno.writeTextFile(file, "old");
    const run = await startMap(engine, [name, file]);
    const back = await script("map", engine, ["--unmap", name, file]);
    assertEquals(back.code, 0, back.stderr);
    await sh(["sh", "-ec", 'echo new >"$1.tmp"; mv "$1.tmp" "$1"', "sh", file]);
    const before = await permissions([file]);
    await run.says("was replaced, but had already been taken back");
    assertEquals(await permissions([file]), before);
    assertEquals(await mapDevices(engine, name), []);
    assertEquals((await run.enter()).code, 0);
    assertEquals(await permissions([file]), before);
  });
});

testOnOneEngine("map.ts tells of a file that somebody else owns now", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const files = ["given away", "kept"].map((part) => join(directory, part));
    for (const file of files) await Deno.writeTextFile(file, "text");
    const before = await permissions([files[1]!]);
    const run = await startMap(engine, [name, ...files]);
    // A namespace in which the user is root, with the ids that /etc/subuid gives.
    await sh(["unshare", "--user", "--map-auto", "--map-root-user", "chown", "5", files[0]!]);
    const { code, stderr } = await run.enter();
    assertEquals(code, 1, stderr);
    for (const name of [`"${files[0]}"`, "somebody else"]) assertStringIncludes(stderr, name);
    assertEquals(await permissions([files[1]!]), before);
    const [, uid] = /setfacl -x u:(\d+) FILE/.exec(stderr)!;
    assertStringIncludes(await permissions([files[0]!]), `user:${uid}:rw-`);
  });
});

testOnIncus("map.ts tells of a file that is deleted, moved away or replaced by none", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const [deleted, moved, linked] = ["deleted", "moved", "linked"].map((part) => join(directory, "d", part)) as [
      string,
      string,
      string,
    ];
    await Deno.mkdir(join(directory, "d"));
    for (const file of [deleted, moved, linked]) await Deno.writeTextFile(file, "text");
    const before = await permissions([moved]);
    const run = await startMap(engine, [name, deleted, moved, linked]);
    await Deno.remove(deleted);
    await Deno.remove(linked);
    await Deno.mkdir(linked);
    await run.says(`"${deleted}" is gone`);
    await run.says(`"${linked}" was replaced`);
    const [{ container }] = run.lent as [LentFile];
    await inContainer(engine, name, 'echo more >>"$1"', container);
    // The whole directory is moved: the file is still found, by its inode.
    const there = join(directory, "elsewhere");
    await Deno.rename(join(directory, "d"), there);
    const { code, stderr } = await run.enter();
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `"${deleted}" from "${name}"`);
    assertEquals(await permissions([join(there, "moved")]), before);
    // What the container has written is kept until there is a place for it.
    await Deno.mkdir(join(directory, "d"));
    const again = await script("map", engine, ["--unmap", name]);
    assertEquals(again.code, 1, again.stderr);
    assert(again.stderr.endsWith(`Not taken back: "${deleted}"\n`), again.stderr);
    assertEquals(await Deno.readTextFile(`${deleted}.from-${name}`), "textmore\n");
    assertEquals(await mapDevices(engine, name), []);
  });
});

testOnOneEngine("map.ts --unmap after a change finds the file, or says how to", ["user"], async (engine) => {
  const name = nameOn(engine);
  await withDirectory(async (directory) => {
    const path = (part: string): string => join(directory, part);
    const names = ["renamed", "deleted", "replaced", "copied", "moved", "untouched"];
    for (const part of names) {
      await Deno.writeTextFile(path(part), "text");
      await Deno.chmod(path(part), 0o644);
    }
    await Deno.mkdir(path("away"));
    const before = await permissions([path("renamed")]);
    const lent = await script("map", engine, ["--no-wait", "--json", name, ...names.map(path)]);
    assertEquals(lent.code, 0, lent.stderr);
    const there = (JSON.parse(lent.stdout) as LentFile[]).map(({ container }) => container);
    await Deno.rename(path("renamed"), path("other name"));
    await Deno.remove(path("deleted"));
    await sh(["sh", "-ec", 'cd "$1"; echo new >t; chmod 644 t; mv t replaced', "sh", directory]);
    await sh(["sh", "-ec", 'cd "$1"; cp -p copied t; mv t copied', "sh", directory]);
    await Deno.rename(path("moved"), path("away/moved"));
    // Nobody watches: these go on into the files that were lent, and are nowhere else.
    for (const index of [1, 2]) await inContainer(engine, name, 'echo " from inside" >>"$1"', there[index]!);
    const { code, stderr } = await script("map", engine, ["--unmap", name, ...names.map(path)]);
    assertEquals(code, 1, stderr);
    const last = stderr.trimEnd().split("\n").at(-1)!;
    assertStringIncludes(last, "2 files are taken back. Not taken back: ");
    for (const part of ["deleted", "replaced", "copied", "moved"]) assertStringIncludes(last, `"${path(part)}"`);
    for (const part of ["deleted", "replaced"]) {
      const beside = `${path(part)}.from-${name}`;
      assertStringIncludes(stderr, `"${path(part)}" from "${name}" is "${beside}"`);
      assertEquals(await Deno.readTextFile(beside), "text from inside\n");
    }
    assertEquals(await Deno.readTextFile(path("replaced")), "new\n");
    const beside = [...Deno.readDirSync(directory)].filter(({ name }) => name.includes(".from-"));
    assertEquals(beside.length, 2, "nothing is put beside what the container has not written to");
    for (const part of ["other name", "replaced", "copied"]) {
      assertEquals(await permissions([path(part)]), before, `${part}: ${stderr}`);
    }
    for (const part of ["deleted", "moved"]) {
      assertStringIncludes(stderr, `The file that was lent as "${path(part)}" no longer exists`);
    }
    assertStringIncludes(stderr, `"${path("replaced")}" was replaced meanwhile`);
    // The line that it prints does what it says.
    const line = /find DIRECTORY (-inum \d+ -exec setfacl -x u:\d+ \{\} \+)$/gm;
    for (const [, words] of stderr.matchAll(line)) await sh(["find", path("away"), ...words!.split(" ")]);
    assertEquals((await permissions([path("away/moved")])).includes("user:1"), false);
    assertEquals((await script("map", engine, ["--list"])).stdout, "");
  });
});
