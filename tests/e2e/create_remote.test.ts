// Containers on other servers: remotes, a cluster of which this machine is a member or not, and members that go away.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { exists } from "../../lib/base/files.ts";
import { controlCluster } from "../lab/cluster_control.ts";
import { clusterEnvironment, memberEnvironment, missingParts, type PartName } from "../lab/state.ts";
import { assertRefused } from "../unit/refusals.ts";
import { makeImage } from "./images.ts";
import { eventually, mountsRoot, publicKey, root, script, sh } from "./run.ts";
import type { EngineName } from "./world.ts";

const light = await Deno.makeTempFile({ suffix: ".yaml" });
await Deno.writeTextFile(light, "#cloud-config\ndisable_root: true\n");
globalThis.addEventListener("unload", () => Deno.removeSync(light));

/** What a test has to do with. */
interface World {
  engine?: EngineName;
  env?: Record<string, string>;
}

function test(name: string, parts: readonly PartName[], act: () => Promise<void>): void {
  const missing = missingParts("user", ...parts);
  Deno.test({
    name: `${name}${missing ? ` (skipped: ${missing})` : ""}`,
    ignore: missing !== undefined,
    fn: act,
  });
}

async function ours(name: "create" | "attach", args: readonly string[], world: World = {}): Promise<ProcessResult> {
  const { engine = "incus", env = clusterEnvironment() } = world;
  return await script(name, engine, args, { env });
}

interface MakeOptions extends World {
  options?: string[];
  profile?: string;
  image?: string;
}

/** An image with a quarter of what has to be moved, or kept, of the lab's. */
const small = "e2e-small";

async function makeSmall(): Promise<void> {
  await makeImage("incus", small, { remote: "m1:", env: clusterEnvironment() });
}

/** Makes a container, in place of one that a killed run has left. Returns what create.ts tells. */
async function make(
  word: string,
  { options = [], profile = "gui", image = "gui-lab", ...world }: MakeOptions = {},
): Promise<{ name: string; remote: string; project: string; member: string; mounts: unknown; hostUid: unknown }> {
  await remove(word, world);
  const files = [publicKey, join(root, `profiles/${profile}.yaml`), light];
  const made = await ours("create", ["--json", "--yes", `--image=${image}`, ...options, word, ...files], world);
  assertEquals(made.code, 0, made.stderr);
  return JSON.parse(made.stdout);
}

async function remove(word: string, world: World = {}): Promise<void> {
  await ours("create", ["--delete", "--force", word], world);
}

/** Waits until the container lets its user log in, and returns its sessions as `--list` prints them. */
async function listed(word: string, world: World): Promise<string> {
  return await eventually(`the sessions of ${word}`, async () => {
    const { code, stdout } = await ours("attach", ["--list", word], world);
    return code === 0 && `sessions: ${stdout}`;
  });
}

for (const [engine, remote] of [["incus", "far"], ["lxc", "lxdfar"]] as const) {
  test(`create.ts makes and removes a container on a remote of ${engine}`, [remote], async () => {
    const word = `${remote}:e2e-remote`;
    const made = await make(word, { engine });
    assertEquals([made.name, made.remote, made.member, made.mounts, made.hostUid], [
      "e2e-remote",
      remote,
      null as unknown as string,
      null,
      null,
    ]);
    const directory = join(mountsRoot, word);
    assertEquals([await exists(join(directory, "known_hosts")), await exists(join(directory, "xpra"))], [true, false]);
    assertEquals(await listed(word, { engine }), "sessions: ");
    const again = await ours("create", ["--image=gui-lab", word, publicKey, "gui", light], { engine });
    assertRefused(again, { code: 1, names: [`"${word}"`, "exists"] });
    const removed = await ours("create", ["--delete", word], { engine });
    assertEquals(removed.code, 0, removed.stderr);
    assertEquals(await exists(directory), false);
    const gone = await ours("create", ["--delete", word], { engine });
    assertRefused(gone, { code: 1, names: `no container "${word}"` });
  });
}

test("create.ts takes a project of a remote, and keeps its containers apart", ["far"], async () => {
  const env = clusterEnvironment();
  const project = "e2e-work";
  const clean = async (): Promise<void> => {
    await remove("far:e2e-project", { env: { ...env, INCUS_PROJECT: project } });
    await sh(["sh", "-c", `incus project delete far:${project} 2>/dev/null || true`], { env });
  };
  await clean();
  await sh(["incus", "project", "create", `far:${project}`, "-c", "features.images=false"], { env });
  try {
    const devices = await sh(["incus", "profile", "show", "far:default"], { env });
    await sh(["incus", "profile", "edit", "far:default", "--project", project], { env, stdin: { text: devices } });
    const made = await make("far:e2e-project", { options: [`--project=${project}`] });
    assertEquals(made.project, project);
    assert(await exists(join(mountsRoot, `far:${project}_e2e-project/known_hosts`)));
    const elsewhere = await ours("attach", ["--list", "far:e2e-project"]);
    assertRefused(elsewhere, { code: 1, names: 'no container "far:e2e-project"' });
    assertEquals(await listed("far:e2e-project", { env: { ...env, INCUS_PROJECT: project } }), "sessions: ");
    const removed = await ours("create", ["--delete", `--project=${project}`, "far:e2e-project"]);
    assertEquals(removed.code, 0, removed.stderr);
  } finally {
    await clean();
  }
});

test("create.ts --target and --cache place containers in a cluster", ["cluster"], async () => {
  const words = ["m1:e2e-target-a", "m1:e2e-target-b"] as const;
  for (const [target, told] of [["m9", 'no member "m9"'], ["@nix", 'no group "@nix"']] as const) {
    const refused = await ours("create", ["--image=gui-lab", "--target", target, words[0], publicKey, "gui", light]);
    assertRefused(refused, { code: 2, names: told });
  }
  const recipe = JSON.stringify({ comment: crypto.randomUUID() });
  const config = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(config, `#cloud-config\nwrite_files: [{path: /etc/recipe, content: '${recipe}'}]\n`);
  const create = async (word: string, target: string): Promise<ProcessResult> => {
    const options = ["--json", "--yes", "--cache", `--image=${small}`, `--target=${target}`];
    const made = await ours("create", [...options, word, publicKey, join(root, "profiles/gui.yaml"), config]);
    assertEquals(made.code, 0, made.stderr);
    assertEquals(JSON.parse(made.stdout).member, target);
    return made;
  };
  const env = clusterEnvironment();
  try {
    await makeSmall();
    for (const word of words) await remove(word);
    await create(words[0], "m2");
    const again = await create(words[1], "m3");
    assertStringIncludes(again.stderr, "Using the cached image");
    assertEquals(await sh(["incus", "exec", words[1], "--", "cat", "/etc/recipe"], { env }), recipe);
  } finally {
    for (const word of words) await remove(word);
    const images = JSON.parse(await sh(["incus", "image", "list", "m1:", "--format=json"], { env }));
    for (const { fingerprint, properties } of images) {
      if (properties?.["user.gui-container.recipe"]) {
        await sh(["incus", "image", "delete", `m1:${fingerprint}`], { env });
      }
    }
    await Deno.remove(config);
  }
});

test("a container here is found on the member that it was evacuated to, and back", ["cluster"], async () => {
  const world: World = { env: memberEnvironment("m1") };
  const { env } = world as { env: Record<string, string> };
  const name = "e2e-moving";
  const directory = join(mountsRoot, name);
  const hidden = `${directory}.away`;
  try {
    // Its network is one that this machine has no route to.
    await makeSmall();
    const made = await make(name, { ...world, image: small, options: ["--target=m1"], profile: "gui-offline" });
    assertEquals([made.member, made.mounts !== null], ["m1", true]);
    assertEquals(await listed(name, world), "sessions: ");
    // Another machine lacks these directories; the members of the lab's cluster share all files.
    await Deno.rename(directory, hidden);
    await sh(["incus", "cluster", "evacuate", "m1", "--force"], { env });
    await Deno.rename(hidden, directory);
    const [{ location }] = JSON.parse(await sh(["incus", "list", name, "--format=json"], { env }));
    assert(location !== "m1", location);
    assertEquals(await listed(name, world), "sessions: ");
    const other = await ours("attach", ["--list", `m2:${name}`], world);
    assertStringIncludes(other.stderr, `"m2:${name}"`);
    await sh(["incus", "cluster", "restore", "m1", "--force"], { env });
    assertEquals(await listed(name, world), "sessions: ");
  } finally {
    if (await exists(hidden)) await Deno.rename(hidden, directory);
    await sh(["sh", "-c", "incus cluster restore m1 --force 2>/dev/null || true"], { env });
    await remove(name, world);
  }
});

test("a member or a remote that does not answer is named within seconds", ["cluster", "far"], async () => {
  const word = "m1:e2e-lost";
  try {
    await make(word, { options: ["--target=m2"] });
    await controlCluster(["kill", "m2"]);
    // Whether the others know already that it is lost, or not.
    const start = performance.now();
    const lost = await ours("attach", ["--list", word]);
    // Incus waits for ten seconds.
    assert(performance.now() - start < 9_000, `${performance.now() - start} ms`);
    assertRefused(lost, { code: 125, names: ['"m2"', '"e2e-lost"'], hint: "incus cluster list m1:" });
    const all = await ours("attach", ["--list", "m1:"]);
    assertEquals([all.code, all.stdout], [0, ""]);
    assertStringIncludes(all.stderr, '"m2"');
    await controlCluster(["start", "m2"]);
    assertEquals(await listed(word, {}), "sessions: ");

    await controlCluster(["link", "far", "--drop"]);
    const dropped = performance.now();
    const unreachable = await ours("attach", ["--list", "far:"]);
    assert(performance.now() - dropped < 25_000, `${performance.now() - dropped} ms`);
    assertRefused(unreachable, { code: 125, names: '"far"' });
  } finally {
    await controlCluster(["link", "far"]);
    await controlCluster(["start", "m2"]);
    await remove(word);
  }
});
