// What --dry-run prints, without an engine: the plan, a command a line.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

const config = "remotes:\n  big: {addr: 'https://10.0.0.1:8443', protocol: incus}\n";

/** The plan of a command line that may name the remote "big", and a file `it's`; for Incus, unless there are `settings`. */
async function planOf(script: string, args: readonly string[], settings?: string): Promise<string[]> {
  return (await run(script, args, settings)).stdout.trimEnd().split("\n");
}

/** What a dry run prints, with the directory of the settings and the mounts as DIR. */
async function run(
  script: string,
  args: readonly string[],
  settings?: string,
): Promise<{ stdout: string; stderr: string }> {
  const directory = await Deno.makeTempDir();
  try {
    const own = settings === undefined ? [] : ["gui-container"];
    for (const name of own) {
      await Deno.mkdir(join(directory, name));
      await Deno.writeTextFile(join(directory, name, "config.yaml"), settings!, { mode: 0o600 });
    }
    await Deno.writeTextFile(join(directory, "it's"), "text");
    await Deno.writeTextFile(join(directory, "config.yml"), config);
    const engine = settings === undefined ? ["--engine=incus"] : [];
    const { code, stdout, stderr } = await runProcess([join(root, script), "--dry-run", ...engine, ...args], {
      okCodes: "any",
      cwd: directory,
      env: {
        ...{ INCUS_CONF: directory, GUI_CONTAINER_MOUNTS: join(directory, "mounts"), XDG_STATE_HOME: directory },
        ...settings === undefined ? {} : { XDG_CONFIG_HOME: directory },
      },
    });
    assertEquals(code, 0, stderr);
    const made = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    assertEquals(made, ["config.yml", ...own, "it's"], "a dry run makes nothing");
    return { stdout: stdout.replaceAll(directory, "DIR"), stderr: stderr.replaceAll(directory, "DIR") };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("map.ts --dry-run names the commands that lend a file, and that take it back", async () => {
  const [set, add, remove, restore, ...more] = await planOf("map.ts", ["--read-only", "box", "it's"]);
  assertEquals(set, `setfacl -m u:<HOST_UID>:r-- -- 'DIR/it'\\''s'`);
  assertMatch(add!, /^incus query --request PATCH .*"readonly":"true".* \/1\.0\/instances\/box$/);
  assertMatch(remove!, /^incus config device remove box map-[0-9a-f]{10}$/);
  assertEquals([restore, more], [`setfacl -x u:<HOST_UID> -- 'DIR/it'\\''s'`, []]);
});

Deno.test("map.ts --dry-run shows the scripts by which a copy goes to another machine and comes back", async () => {
  const [send, read, copy, remove, ...more] = await planOf("map.ts", ["big:box", "it's"]);
  const inside = "incus exec big:box --mode non-interactive -- setpriv --reuid=<UID> --regid=<GID> --clear-groups " +
    "/bin/sh -c ";
  for (const [line, name] of [[send, "send"], [read, "read"], [remove, "remove"]] as const) {
    assertStringIncludes(line!.replaceAll("'", ""), `${inside}${name}_copy.sh sh <HOME>/maps/`);
  }
  assertMatch(send!, / <'DIR\/it'\\''s'$/);
  assertMatch(copy!, /^cp --no-target-directory -- DIR\/.* 'DIR\/it'\\''s'$/);
  assertEquals(more, []);
});

Deno.test("attach.ts --dry-run tells what is done about a session", async () => {
  for (
    const [args, verbs] of [
      [["--stop", "box", "web"], ["list", "stop"]],
      [["--copy", "box"], ["list", "carry"]],
      [["box", "--session=web"], ["list", "note"]],
      [["box", "xterm", "--display=x11"], ["start+serve_session.sh"]],
    ] as const
  ) {
    const plan = await planOf("attach.ts", args);
    assertEquals(plan.flatMap((line) => / session\.sh (\w+(?:\+serve_session\.sh)?)/.exec(line)?.[1] ?? []), [
      ...verbs,
    ]);
  }
});

Deno.test("create.ts --update looks for each container where its own settings say that it is", async () => {
  const settings = "containers:\n  - {name: one, engine: incus}\n  - {name: two, engine: lxc, project: work}\n";
  const plan = await planOf("create.ts", ["--update", "one", "two"], settings);
  const places = plan.filter((line) => line.includes("update.sh")).map((line) => line.split(" --mode")[0]);
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
  const { stderr } = await run("create.ts", ["--delete", "box"], settings);
  assertEquals(stderr, "The next container of this name has its settings: DIR/gui-container/config.yaml:3\n");
  assertEquals((await run("create.ts", ["--delete", "--engine=incus", "box1"], settings)).stderr, "");
});

Deno.test("create.ts --dry-run --delete names what goes", async () => {
  assertEquals(await planOf("create.ts", ["--delete", "box"]), [
    "incus delete --force box",
    "incus profile delete box",
    "rm -rf DIR/mounts/box",
  ]);
});
