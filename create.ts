#!/bin/sh
//bin/true; exec deno run --quiet --no-prompt --allow-read --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" --allow-run=lxc,incus,ssh,setfacl,getfacl,cloud-init --allow-env=HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_* "$(readlink -f -- "$0" 2>/dev/null || echo "$0")" "$@"
/**
 * Makes a container for a graphical application: its profile, the directories shared with the host, the container
 * itself, its software, and the SSH access that attach.ts uses.
 *
 * @module
 */

import { bundledCloudConfigs, bundledProfiles, readNamed } from "./lib/create/bundled.ts";
import { checkContainers, checkEngine, checkProgram, checkRuntime, programs } from "./lib/cli/checks.ts";
import { type Arguments, parseDuration, runScript, type ScriptSpec } from "./lib/cli/script.ts";
import { waitForCloudInit } from "./lib/create/cloud_init.ts";
import { parsePart, userData } from "./lib/create/user_data.ts";
import { checkPrograms, prepareContainer } from "./lib/create/prepare.ts";
import { beginCreation, recoverCreation, refuseBeingMade, unmake } from "./lib/create/journal.ts";
import {
  cachedInstanceConfig,
  cacheInstance,
  describeCached,
  findCached,
  type Recipe,
  recipeOf,
  removeReplaced,
} from "./lib/create/cache.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { chooseEngine, type Engine, engineOn, otherEngine } from "./lib/engine/engine.ts";
import { createProfile, findProfile, refuseUsedByOthers, setProfile, showProfile } from "./lib/engine/profile.ts";
import {
  addDevices,
  checkInstanceName,
  deleteInstance,
  findInstance,
  instanceHostUid,
  launch,
} from "./lib/engine/instance.ts";
import { ExitCode, inputError, UserError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import { readInput } from "./lib/base/input.ts";
import {
  checkAclSupport,
  mountDevices,
  type Mounts,
  mountsOf,
  shareMounts,
  usedMounts,
} from "./lib/container/mounts.ts";
import { parseProfile, type Profile, profileForSetup, profileYaml, userDataKey } from "./lib/create/profile_file.ts";
import { sshTarget } from "./lib/container/connect.ts";
import { checkSchema } from "./lib/create/schema.ts";
import { inspectKeys, pinHostKeys, sshRun } from "./lib/container/ssh.ts";
import { withUndo } from "./lib/base/undo.ts";
import { checkAcls } from "./lib/create/checks.ts";
import { containerUser, markKey, runKey } from "./lib/container/ours.ts";
import { removeContainer } from "./lib/create/remove.ts";
import { exists } from "./lib/base/files.ts";

const spec = {
  name: "create.ts",
  summary: "Makes a container for a graphical application, apart from the desktop that will show it.",
  usage: ["[options] NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...", "--delete [--force] NAME"],
  options: {
    "image": { value: "IMAGE", help: 'What to launch (default: "ubuntu:", with Incus "images:ubuntu/24.04/cloud")' },
    "timeout": { value: "DURATION", help: "Longest wait for cloud-init, such as 90s, 20m, 1h (default: 20m)" },
    "cache": { help: "Keep the provisioned container as an image, and start from it next time" },
    "keep-failed": { help: "On failure leave everything in place for a look" },
    "delete": { help: "Remove what create made: sessions, container, profile, mount directories" },
    "force": { help: "With --delete: also when the share still holds files, or create did not make the container" },
  },
  places: {
    first: [null, "file", { words: Object.keys(bundledProfiles.files), files: true }],
    rest: { words: Object.keys(bundledCloudConfigs.files), files: true },
  },
  placesWith: { "delete": { first: ["container"] } },
  epilogue: `
Example:
  create.ts my-container ~/.ssh/id_ed25519.pub gui xpra firefox

PROFILE and CLOUD_INIT are files, or the bare names of those that come with create.ts: the profiles
${Object.keys(bundledProfiles.files).join(", ")};
the cloud-configs ${Object.keys(bundledCloudConfigs.files).join(", ")}.

What happens: a profile called NAME gets PROFILE and the CLOUD_INIT files (lxc profile create). A container called NAME
is made from it (lxc launch) and cloud-init is waited for. Two directories below $GUI_CONTAINER_MOUNTS, by default
~/container_mounts, are shared with it (setfacl, disk devices). AUTHORIZED_KEYS goes into the container, and its host keys
are pinned on the host. What PROFILE takes away by a device of the type none, as gui-offline does with the network, goes
when cloud-init has ended. If any of this fails, all of it is unmade.`,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** What create was asked for, all of it checked. */
interface Request {
  name: string;
  keys: string;
  /** The profile with the user-data in it. */
  profile: Profile;
  image: string | undefined;
  timeoutMs: number;
  mounts: Mounts;
  cache: boolean;
  keepFailed: boolean;
}

/** Runs the script. */
async function main(host: Host, args: Arguments<Name>): Promise<void> {
  if (args.flags.has("delete")) return await remove(host, args);
  if (args.flags.has("force")) throw inputError("The option --force goes with --delete", "See create.ts --help");
  const request = await readRequest(host, args);
  await checkPrograms(host, ["ssh"]);
  await checkAclSupport(host, request.mounts);
  const engine = await chooseEngine(host, args.values.get("engine"));
  await recoverCreation(engine, request.name, request.mounts);
  const replacesProfile = await refuseOrReuse(engine, request);
  await create(engine, request, replacesProfile);
}

async function readRequest(host: Host, { positionals, flags, values }: Arguments<Name>): Promise<Request> {
  const [name, keysPath, profilePath, ...cloudInitPaths] = positionals;
  if (name === undefined || keysPath === undefined || profilePath === undefined || cloudInitPaths.length === 0) {
    throw inputError("Arguments are missing: NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...", "See create.ts --help");
  }
  checkName(name);
  const image = values.get("image");
  if (image?.startsWith("-")) throw inputError(`"${image}" is no image`, "Name one as the engine does: ubuntu:24.04");
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
  const profileFile = await readNamed(profilePath, bundledProfiles);
  const profile = parseProfile(profileFile.path, profileFile.text);
  const parts = await Promise.all(cloudInitPaths.map(async (word) => {
    const { path, text, bundled } = await readNamed(word, bundledCloudConfigs);
    const part = parsePart(path, text);
    if (!bundled) await checkSchema(host, path, part);
    return part;
  }));
  return {
    name,
    keys,
    profile: { ...profile, config: { ...profile.config, [userDataKey]: userData(parts) } },
    image,
    timeoutMs: parseDuration(values.get("timeout") ?? "20m"),
    mounts: mountsOf(host, name),
    cache: flags.has("cache"),
    keepFailed: flags.has("keep-failed"),
  };
}

function checkName(name: string): void {
  checkInstanceName(name);
  // Its profile would be the one that all containers have.
  if (name === "default") throw inputError('The name "default" is that of the engine\'s own profile', "Choose another");
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
  if (await exists(mounts.directory)) await refuseShared(engine, name, mounts);
  const profile = await findProfile(engine, name);
  const replacesProfile = profile !== undefined;
  if (replacesProfile) {
    await refuseBeingMade(name, mounts);
    refuseUsedByOthers(name, profile);
  }
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

/** Refuses directories that a container of the same name on the other engine has. */
async function refuseShared(engine: Engine, name: string, mounts: Mounts): Promise<void> {
  const other = otherEngine(engine);
  const instance = await findInstance(other, name).catch((error) => {
    // What cannot be asked has no containers that run.
    if (error instanceof UserError && error.exitCode === ExitCode.noEngine) return undefined;
    throw error;
  });
  if (!Object.values(instance?.devices ?? {}).some(({ source }) => source === mounts.share)) return;
  throw new UserError(
    `The directories in "${mounts.directory}" belong to the container "${name}" of ${other.product}`,
    {
      hint: "Choose another name, or set $GUI_CONTAINER_MOUNTS to another directory for one of the engines",
    },
  );
}

async function create(engine: Engine, request: Request, replacesProfile: boolean): Promise<void> {
  const { host } = engine;
  const { name, mounts } = request;
  const startedMs = performance.now();
  const image = request.image ?? engine.defaultImage;
  const profileBefore = replacesProfile ? await showProfile(engine, name) : null;
  using record = await beginCreation(engine, mounts, { name, profileBefore });
  const { creation } = record;
  const { address, uid, hasXpra, replace } = await withUndo(host, async (undo) => {
    undo.add(`unmake "${name}"`, (cleaner) => unmake(engineOn(engine, cleaner), mounts, creation));

    host.ui.progress(`Making the profile "${name}"`);
    const mark = { [markKey]: "1", [runKey]: creation.run };
    if (!replacesProfile) await createProfile(engine, name, mark);
    const setup = profileForSetup(request.profile);
    await setProfile(engine, name, profileYaml(setup, mark));

    let replace = async (): Promise<void> => {};
    if (request.cache) {
      const recipe = await recipeOf(engine, { image, profile: profileYaml(request.profile, {}) });
      const used = await provisionCached(engine, request, { image, recipe, mark });
      replace = () => removeReplaced(engine, recipe, used);
    } else await provision(engine, request, { image, config: mark });

    let hasNetwork = true;
    if (setup !== request.profile) {
      host.ui.progress("Taking away what the profile has of the type none");
      await setProfile(engine, name, profileYaml(request.profile, mark));
      hasNetwork = !host.dryRun && (await findInstance(engine, name))?.hasNetwork === true;
    }

    host.ui.progress("Sharing directories, keys and host keys");
    const uid = await instanceHostUid(engine, name, containerUser.uid);
    await shareMounts(host, mounts, uid);
    await addDevices(engine, name, mountDevices(mounts));
    await pinHostKeys(host, mounts, await prepareContainer(engine, name, request.keys));
    const target = await sshTarget(engine, name, { mounts, hasNetwork });
    const { stdout: xpra } = await sshRun(host, target, ["sh", "-c", "command -v xpra || true"]);
    await record.remove();
    return { address: hasNetwork ? target.address : null, uid, hasXpra: xpra !== "", replace };
  }, {
    keep: request.keepFailed && (async () => {
      await record.remove();
      tellKept(engine, name);
    }),
  });
  await replace();
  if (host.dryRun) return;
  report(engine, request, { image, address, uid, startedMs });
  if (!hasXpra) {
    host.ui.warn(
      `There is no xpra in "${name}": attach.ts will not work. Make it again with xpra among the CLOUD_INIT files`,
    );
  }
}

/** Launches the container and waits until its software is there. */
async function provision(
  engine: Engine,
  { name, timeoutMs }: Request,
  { image, config }: { image: string; config: Record<string, string> },
): Promise<void> {
  const { ui } = engine.host;
  ui.progress(`Launching "${name}" from ${image}`);
  await launch(engine, name, { image, profiles: ["default", name], config });
  const outcome = await waitForCloudInit(engine, name, { timeoutMs });
  if (outcome.kind === "degraded") {
    for (const warning of outcome.warnings) ui.warn(`cloud-init: ${warning}`);
  }
}

/**
 * The same from an image that has the software already; makes that image first where there is none that can be used.
 *
 * @returns the fingerprint of the image
 */
async function provisionCached(
  engine: Engine,
  request: Request,
  { image, recipe, mark }: { image: string; recipe: Recipe; mark: { [runKey]: string } },
): Promise<string> {
  const { name } = request;
  const { ui, signal } = engine.host;
  const launchFrom = async (fingerprint: string): Promise<string> => {
    await provision(engine, request, { image: fingerprint, config: { ...mark, ...cachedInstanceConfig } });
    return fingerprint;
  };
  const unusable: string[] = [];
  for (let cached; (cached = await findCached(engine, recipe, unusable));) {
    ui.status(describeCached(cached));
    try {
      return await launchFrom(cached.fingerprint);
    } catch (error) {
      signal.throwIfAborted();
      ui.warn(`The cached image cannot be used, and is made anew: ${error instanceof Error ? error.message : error}`);
      unusable.push(cached.fingerprint);
      if (await findInstance(engine, name)) await deleteInstance(engine, name);
    }
  }
  await provision(engine, request, { image, config: mark });
  ui.progress("Keeping the container as an image");
  const made = await cacheInstance(engine, name, { recipe, run: mark[runKey] });
  await deleteInstance(engine, name);
  const kept = await findCached(engine, recipe, unusable);
  if (kept) ui.status(describeCached(kept));
  return await launchFrom(kept?.fingerprint ?? made);
}

function tellKept({ host, cli }: Engine, name: string): void {
  host.ui.status(`What was made is kept. To look around: ${cli} exec ${name} -- bash`);
  host.ui.status(`To remove it: create.ts --delete --force ${name}`);
}

function report(
  engine: Engine,
  { name, mounts }: Request,
  { image, address, uid, startedMs }: { image: string; address: string | null; uid: string; startedMs: number },
): void {
  engine.host.ui.result(
    [
      `name:     ${name}`,
      `engine:   ${engine.product}`,
      `image:    ${image}`,
      `address:  ${address ?? "none, without a network"}`,
      `next:     attach.ts ${name} APP`,
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
  checkName(name);
  const engine = await chooseEngine(host, values.get("engine"));
  const mounts = mountsOf(host, name);
  const recovered = await recoverCreation(engine, name, mounts);
  const removed = await removeContainer(engine, name, { mounts, force: flags.has("force"), recovered });
  if (!host.dryRun) host.ui.result(`Removed: ${removed.join(", ")}`, { name, removed });
}

/** What `--doctor` looks at. */
const checks: Check[] = [
  checkRuntime,
  checkEngine,
  checkProgram(programs.ssh),
  checkProgram(programs.setfacl),
  checkProgram(programs.getfacl),
  checkProgram(programs.cloudInit),
  checkAcls,
  checkContainers,
];

if (import.meta.main) {
  await runScript(spec, { main, doctor: (host, wanted) => diagnose(host, { wanted, checks }) });
}
