#!/bin/sh
//bin/true; exec deno run --no-prompt --allow-read --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" --allow-run=lxc,incus,ssh,setfacl --allow-env=HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_* "$0" "$@"
/**
 * Makes a container for a graphical application: its profile, the directories shared with the host, the container
 * itself, its software, and the SSH access that attach.ts uses.
 *
 * @module
 */

import { type Arguments, parseDuration, runScript, type ScriptSpec } from "./lib/cli.ts";
import { parsePart, userData, waitForCloudInit } from "./lib/cloud_init.ts";
import { prepareContainer, removeContainer } from "./lib/container.ts";
import {
  addDevices,
  checkInstanceName,
  chooseEngine,
  createProfile,
  deleteInstance,
  deleteProfile,
  type Engine,
  engineOn,
  findInstance,
  instanceAddress,
  instanceHostUid,
  launch,
  profileExists,
  setProfile,
  showProfile,
} from "./lib/engine.ts";
import { inputError, UserError } from "./lib/errors.ts";
import type { Host } from "./lib/host.ts";
import { readInput } from "./lib/input.ts";
import {
  containerUid,
  makeMounts,
  mountDevices,
  type Mounts,
  mountsOf,
  removeMounts,
  shareMounts,
  usedMounts,
} from "./lib/mounts.ts";
import { parseProfile, profileYaml } from "./lib/profile.ts";
import { inspectKeys, pinHostKeys, sshRun } from "./lib/ssh.ts";
import { withUndo } from "./lib/undo.ts";
import { quoteWords } from "./lib/words.ts";

const spec = {
  name: "create.ts",
  summary: "Makes a container for a graphical application, apart from the desktop that will show it.",
  usage: ["[options] NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...", "--delete [--force] NAME"],
  options: {
    "image": { value: "IMAGE", help: 'What to launch (default: "ubuntu:", with Incus "images:ubuntu/24.04/cloud")' },
    "timeout": { value: "DURATION", help: "Longest wait for cloud-init, such as 90s, 20m, 1h (default: 20m)" },
    "delete": { help: "Remove what create made: container, profile, mount directories" },
    "force": { help: "With --delete: also when the share still holds files, or create did not make the container" },
  },
  epilogue: `
Example:
  create.ts my-container ~/.ssh/id_ed25519.pub profiles/gui.yaml examples/cloud-config/firefox.yaml

What happens: a profile called NAME gets PROFILE and the CLOUD_INIT files (lxc profile create). A container called NAME
is made from it (lxc launch) and cloud-init is waited for. Two directories below $GUI_CONTAINER_MOUNTS, by default
~/container_mounts, are shared with it (setfacl, disk devices). AUTHORIZED_KEYS goes into the container, and its host keys
are pinned on the host. If any of this fails, all of it is unmade.`,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** What create was asked for, all of it checked. */
interface Request {
  name: string;
  keys: string;
  /** The profile with the user-data in it, as YAML. */
  profile: string;
  image: string | undefined;
  timeoutMs: number;
  mounts: Mounts;
}

/** Runs the script. */
export async function main(host: Host, args: Arguments<Name>): Promise<void> {
  if (args.flags.has("delete")) return await remove(host, args);
  const request = await readRequest(host, args);
  const engine = await chooseEngine(host, args.values.get("engine"));
  const replacesProfile = await refuseOrReuse(engine, request);
  await create(engine, request, replacesProfile);
}

async function readRequest(host: Host, { positionals, values }: Arguments<Name>): Promise<Request> {
  const [name, keysPath, profilePath, ...cloudInitPaths] = positionals;
  if (name === undefined || keysPath === undefined || profilePath === undefined || cloudInitPaths.length === 0) {
    throw inputError("Arguments are missing: NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...", "See create.ts --help");
  }
  checkInstanceName(name);
  const keys = await readInput(keysPath);
  const { privateKey, publicKey } = inspectKeys(keys);
  if (
    privateKey &&
    !await host.ui.confirm(`"${keysPath}" holds a PRIVATE key. Put it into the container?`, { personOnly: true })
  ) {
    throw inputError(`"${keysPath}" holds a private key`, "Name the public one; its file usually ends in .pub");
  }
  if (!publicKey) {
    throw inputError(`There is no public key in "${keysPath}"`, "Make a pair with ssh-keygen and name the .pub file");
  }
  const profile = parseProfile(profilePath, await readInput(profilePath));
  const parts = [];
  for (const path of cloudInitPaths) parts.push(parsePart(path, await readInput(path)));
  return {
    name,
    keys,
    profile: profileYaml(profile, userData(parts)),
    image: values.get("image"),
    timeoutMs: parseDuration(values.get("timeout") ?? "20m"),
    mounts: mountsOf(host, name),
  };
}

/**
 * Refuses a container that is there; asks about a profile without one, and about directories with files in them.
 * Returns whether a profile is to be replaced.
 */
async function refuseOrReuse(engine: Engine, { name, mounts }: Request): Promise<boolean> {
  const { ui } = engine.host;
  if (await findInstance(engine, name)) {
    throw new UserError(`There is a container "${name}" already`, {
      hint: `Choose another name, or remove it: create.ts --delete ${name}`,
    });
  }
  const replacesProfile = await profileExists(engine, name);
  if (
    replacesProfile && !await ui.confirm(`There is a profile "${name}" without a container. Replace what it holds?`)
  ) {
    throw inputError(`There is a profile "${name}" already`, "Answer yes with --yes to use it, or choose another name");
  }
  const used = await usedMounts(mounts);
  if (used && !await ui.confirm(`There are files in "${used}". Share them with the new container?`)) {
    throw inputError(`There are files in "${used}" already`, "Answer yes with --yes to use it, or choose another name");
  }
  return replacesProfile;
}

async function create(engine: Engine, request: Request, replacesProfile: boolean): Promise<void> {
  const { host } = engine;
  const { name, mounts } = request;
  const image = request.image ?? engine.defaultImage;
  const startedMs = performance.now();
  const { address, uid } = await withUndo(host, async (undo) => {
    host.ui.progress(`Making the profile "${name}"`);
    if (replacesProfile) {
      const before = await showProfile(engine, name);
      undo.add(`put back the profile "${name}"`, (cleaning) => setProfile(engineOn(engine, cleaning), name, before));
      await setProfile(engine, name, request.profile);
    } else {
      undo.add(`remove the profile "${name}"`, (cleaning) => deleteProfile(engineOn(engine, cleaning), name));
      await createProfile(engine, name, request.profile);
    }

    const made = await makeMounts(host, mounts);
    undo.add(`remove "${mounts.directory}"`, (cleaning) => removeMounts(cleaning, made));

    host.ui.progress(`Launching "${name}" from ${image}`);
    const run = crypto.randomUUID();
    undo.add(`remove the container "${name}"`, async (cleaning) => {
      const cleaner = engineOn(engine, cleaning);
      const instance = await findInstance(cleaner, name);
      if (instance?.config["user.gui-container.run"] === run) await deleteInstance(cleaner, name);
    });
    await launch(engine, name, {
      image,
      profiles: ["default", name],
      config: { "user.gui-container": "1", "user.gui-container.run": run },
    });

    host.ui.progress("Waiting for cloud-init");
    const outcome = await waitForCloudInit(engine, name, { timeoutMs: request.timeoutMs });
    if (outcome.kind === "degraded") {
      for (const warning of outcome.warnings) host.ui.warn(`cloud-init: ${warning}`);
    }

    host.ui.progress("Sharing directories, keys and host keys");
    const uid = await instanceHostUid(engine, name, containerUid);
    await shareMounts(host, mounts, uid);
    await addDevices(engine, name, mountDevices(mounts));
    await pinHostKeys(host, mounts, await prepareContainer(engine, name, request.keys));
    const address = await instanceAddress(engine, name);
    await sshRun(host, { name, address, mounts }, ["true"], { stdin: "null" });
    return { address, uid };
  });
  if (host.dryRun) return;
  host.ui.result(
    [
      `name:     ${name}`,
      `engine:   ${engine.product}`,
      `image:    ${image}`,
      `address:  ${address}`,
      `next:     attach.ts ${name} ${quoteWords(["APP"])}`,
    ].join("\n"),
    {
      name,
      engine: engine.cli,
      image,
      ipv4: address,
      hostUid: Number(uid),
      mounts: { xpra: mounts.xpra, share: mounts.share },
      seconds: Math.round(performance.now() - startedMs) / 1000,
    },
  );
}

async function remove(host: Host, { positionals, flags, values }: Arguments<Name>): Promise<void> {
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw inputError("--delete takes one NAME", "See create.ts --help");
  checkInstanceName(name);
  const engine = await chooseEngine(host, values.get("engine"));
  const removed = await removeContainer(engine, name, { mounts: mountsOf(host, name), force: flags.has("force") });
  if (!host.dryRun) host.ui.result(`Removed: ${removed.join(", ")}`, { name, removed });
}

if (import.meta.main) await runScript(spec, main);
