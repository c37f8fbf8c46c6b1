// What --dry-run prints, without an engine: the plan, a command a line.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

const config = "remotes:\n  big: {addr: 'https://10.0.0.1:8443', protocol: incus}\n";

/** Files below the directory of a dry run, as paths and texts. */
type Files = Readonly<Record<string, string>>;

const settingsFile = "gui-container/config.yaml";

/** The plan of a command line that may name the remote "big", and a file `it's`; for Incus, unless there are settings. */
async function planOf(script: string, args: readonly string[], files?: Files): Promise<string[]> {
  return (await run(script, args, files)).stdout.trimEnd().split("\n");
}

/** What a dry run prints, with the directory of the settings and the mounts as DIR. */
async function run(
  script: string,
  args: readonly string[],
  files: Files = {},
): Promise<{ stdout: string; stderr: string }> {
  const directory = await Deno.makeTempDir();
  const state = async (): Promise<string> =>
    (await runProcess(["find", directory, "-printf", "%p %s %T@ %C@\n"])).stdout;
  try {
    for (const [path, text] of Object.entries({ "it's": "text", "config.yml": config, ...files })) {
      await Deno.mkdir(dirname(join(directory, path)), { recursive: true });
      await Deno.writeTextFile(join(directory, path), text, { mode: 0o600 });
    }
    const before = await state();
    const isSet = settingsFile in files;
    const engine = isSet ? [] : ["--engine=incus"];
    const { code, stdout, stderr } = await runProcess([join(root, script), "--dry-run", ...engine, ...args], {
      okCodes: "any",
      cwd: directory,
      env: {
        INCUS_CONF: directory,
        GUI_CONTAINER_MOUNTS: join(directory, "mounts"),
        XDG_STATE_HOME: directory,
        XDG_DATA_HOME: directory,
        ...isSet ? { XDG_CONFIG_HOME: directory } : {},
      },
    });
    assertEquals(code, 0, stderr);
    assertEquals(await state(), before, "a dry run changes nothing");
    return { stdout: stdout.replaceAll(directory, "DIR"), stderr: stderr.replaceAll(directory, "DIR") };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("map.ts --dry-run names the commands that lend a file, and that take it back", async () => {
  const [first, second, add, remove, restore, finish, ...more] = await planOf("map.ts", [
    ...["--read-only", "box", "it's"],
  ]);
  const [make, set] = [first, second].sort();
  assertMatch(make!, /^incus exec box .* setpriv .* mkdir -p <HOME>\/maps\/[0-9a-f]{10}$/);
  assertEquals(set, `setfacl -m u:<HOST_UID>:r-- -- 'DIR/it'\\''s'`);
  assertMatch(add!, /^incus query --request PATCH .*"readonly":"true".* \/1\.0\/instances\/box$/);
  assertMatch(remove!, /^incus config device remove box map-[0-9a-f]{10}$/);
  assertEquals([restore, more], [`setfacl -x u:<HOST_UID> -- 'DIR/it'\\''s'`, []]);
  assertMatch(finish!, /^incus exec box .* finish_unmap\.sh sh '<HOME>\/maps\//);
});

Deno.test("map.ts --dry-run --no-wait takes nothing back", async () => {
  for (const [name, count] of [["box", 3], ["big:box", 1]] as const) {
    assertEquals((await planOf("map.ts", ["--no-wait", name, "it's"])).length, count, name);
  }
});

Deno.test("map.ts --dry-run shows the scripts by which a copy goes to another machine and comes back", async () => {
  const [send, read, copy, remove, finish, ...more] = await planOf("map.ts", ["big:box", "it's"]);
  const inside = "incus exec big:box --mode non-interactive -- setpriv --reuid=<UID> --regid=<GID> --clear-groups " +
    "/bin/sh -c ";
  for (const [line, name] of [[send, "send"], [read, "read"], [remove, "remove"]] as const) {
    assertStringIncludes(line!.replaceAll("'", ""), `${inside}${name}_copy.sh sh <HOME>/maps/`);
  }
  assertMatch(send!, / <'DIR\/it'\\''s'$/);
  assertMatch(copy!, /^cp --no-target-directory -- DIR\/.* 'DIR\/it'\\''s'$/);
  assertMatch(finish!, /^incus exec big:box .* finish_unmap\.sh sh '<HOME>\/maps\//);
  assertEquals(more, []);
});

Deno.test("map.ts --dry-run --unmap takes back what it can, and leaves the records of killed runs alone", async () => {
  const acl = { "u:": 6, "g:": 4, "o:": 4 };
  const [id, copyId, lostId] = ["map-0000000001", "map-0000000002", "map-0000000003"];
  const common = { engine: "incus", instance: "box", hostPath: "/gone", dev: 1, ino: 1, bornMs: null, readOnly: false };
  const mapping = { uid: 1001000, mode: 0o644, size: 4, writtenMs: 0, original: acl, granted: acl };
  const copy = { user: "ubuntu:1000:1000:/home/ubuntu", lent: { size: 4, sha256: "0" }, maxBytes: 1_000 };
  const recordOf = (id: string, remote: string, more: object): Files => ({
    [`gui-container/mappings/${id}.json`]: JSON.stringify({
      ...common,
      id,
      containerPath: `/${id}`,
      server: { remote, project: "default" },
      owner: "run-killed",
      ...more,
    }),
  });
  const journal: Files = {
    ...recordOf(id, "local", mapping),
    ...recordOf(copyId, "big", copy),
    // What the copy's run was writing when it was killed.
    [`gui-container/mappings/${copyId}.old`]: "text",
    [`gui-container/mappings/${copyId}.back`]: "texts",
  };
  const commands = (plan: readonly string[]): string[] =>
    plan.map((line) => /^incus config device remove|^setfacl -x|^cp|\w+\.sh/.exec(line)?.[0] ?? line).sort();
  const [mapped, copied] = [
    ["incus config device remove", "setfacl -x", "finish_unmap.sh"],
    ["read_copy.sh", "cp", "remove_copy.sh", "finish_unmap.sh"],
  ];
  assertEquals(commands(await planOf("map.ts", ["--unmap"], journal)), [...mapped, ...copied].sort());
  assertEquals(commands(await planOf("map.ts", ["--unmap", "box"], journal)), mapped.sort());
  const withLost = { ...recordOf(lostId, "lost", mapping), ...journal };
  const forgotten = commands(await planOf("map.ts", ["--unmap", "--force"], withLost));
  assertEquals(forgotten, [...mapped, ...copied, "setfacl -x"].sort());
});

Deno.test("attach.ts --dry-run tells what is done about a session", async () => {
  for (
    const [args, verbs] of [
      [["--stop", "box", "web"], ["list", "stop"]],
      [["--copy", "box"], ["list", "carry"]],
      [["box", "--session=web"], ["list", "note"]],
      [["box", "xterm", "--display=x11"], ["start"]],
    ] as const
  ) {
    const plan = await planOf("attach.ts", args);
    assertEquals(plan.flatMap((line) => / session\.sh (\w+)/.exec(line)?.[1] ?? []), [
      ...verbs,
    ]);
  }
});

Deno.test("create.ts --update looks for each container where its own settings say that it is", async () => {
  const settings = "containers:\n  - {name: one, engine: incus}\n  - {name: two, engine: lxc, project: work}\n";
  const plan = await planOf("create.ts", ["--update", "one", "two"], { [settingsFile]: settings });
  const places = plan.filter((line) => line.includes("software.sh")).map((line) => line.split(" --mode")[0]);
  const isCopy = (place: string | undefined): boolean => /-d[0-9a-f]{5}$/.test(place ?? "");
  assertEquals(places.filter((place) => !isCopy(place)), ["incus exec one", "lxc --project work exec two"]);
});

Deno.test("create.ts refuses options for attach.ts where it would keep none", async () => {
  for (const verb of ["--update", "--delete", "--unexport", "--list"]) {
    const { code, stdout, stderr } = await runProcess(
      [join(root, "create.ts"), "--dry-run", verb, "--deny=sound", "x"],
      {
        okCodes: "any",
      },
    );
    assertEquals([code, stdout], [2, ""], verb);
    assertStringIncludes(stderr, `error: --deny cannot be used with ${verb}\n`);
  }
});

Deno.test("create.ts --delete says where the settings are that the next container of the name has", async () => {
  const settings = "containers:\n  - {name: box?, border: red}\n  - name: box\n    engine: incus\n";
  const { stderr } = await run("create.ts", ["--delete", "box"], { [settingsFile]: settings });
  assertEquals(stderr, "The next container of this name has its settings: DIR/gui-container/config.yaml:3\n");
  assertEquals(
    (await run("create.ts", ["--delete", "--engine=incus", "box1"], { [settingsFile]: settings })).stderr,
    "",
  );
});

Deno.test("create.ts --dry-run --delete names what goes", async () => {
  const engines = ["incus delete --force box", "incus profile delete box"];
  assertEquals(await planOf("create.ts", ["--delete", "box"]), [...engines, "rm -rf DIR/mounts/box"]);
  const entry = "applications/gui-container-box.web.desktop";
  const files = { [entry]: "[Desktop Entry]\nX-GuiContainer-Name=box\n", "mounts/box/xpra/web.log": "text" };
  assertEquals(await planOf("create.ts", ["--delete", "box"], files), [
    "find DIR/mounts/box/xpra DIR/mounts/box/share -mindepth 1 -delete",
    ...engines,
    `rm -f DIR/${entry} DIR/gui-container/icons/box/web.png`,
    "rm -rf DIR/mounts/box",
  ]);
});
