#!/bin/sh
//bin/true; set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
//bin/true; set -- "$(command -p readlink -f -- "$0")" "$@"
//bin/true; set -- --allow-read "$@"
//bin/true; set -- --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" "$@"
//bin/true; d=${XDG_DATA_HOME:-$HOME/.local/share}; case $d in [!/]* | *,*) d=$HOME/.local/share ;; esac
//bin/true; set -- --allow-write="$d/applications,$d/gui-container" "$@"
//bin/true; set -- --allow-run=lxc,incus,ssh,setfacl,getfacl,find,cloud-init,update-desktop-database "$@"
//bin/true; set -- --allow-env='HOME,XDG_DATA_HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_*,XDG_CONFIG_HOME,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
//bin/true; case $(deno -V 2>&1) in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' 'Deno 2.9.0 or newer is needed' 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
//bin/true; exec deno run --quiet --no-prompt "$@"
// Above are comments for TypeScript and commands for sh: $PATH without relative directories, the path of this file, one
// permission a line, Deno's version, and Deno.
/**
 * Makes a container for a graphical application: its profile, the directories shared with the host, the container
 * itself, its software, and the SSH access that attach.ts uses.
 *
 * @module
 */

import { attachSoftwarePath, bundledCloudConfigs, bundledProfiles } from "./lib/create/bundled.ts";
import { checkContainers, checkEngine, checkProgram, checkRuntime, programs } from "./lib/cli/checks.ts";
import { type Arguments, engineOptions, optionsOf, parseDuration, type ScriptSpec } from "./lib/cli/options.ts";
import { runScript } from "./lib/cli/script.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { keepAsMade } from "./lib/create/as_made.ts";
import { checkAcls } from "./lib/create/checks.ts";
import { checkExisting } from "./lib/create/existing.ts";
import {
  exportApps,
  type ExportedApp,
  findOpener,
  parseExportWords,
  unexportApps,
} from "./lib/create/export/export.ts";
import { menuOf } from "./lib/create/export/menu.ts";
import { type Identity, readAuthorizedKeys, readProfile, readUserData } from "./lib/create/input_files.ts";
import { parseHosts } from "./lib/create/internet/allowed_hosts.ts";
import {
  ensureProxy,
  type Proxy,
  proxyDevice,
  proxyFor,
  refuseCluster,
  useProxy,
} from "./lib/create/internet/proxy.ts";
import { warnOfLimits } from "./lib/create/limits.ts";
import { beginCreation, type Creation, recoverCreation, unmake } from "./lib/create/journal.ts";
import { checkSsh, prepareContainer, testConnection, type WindowServer } from "./lib/create/prepare.ts";
import {
  internetKey,
  type Profile,
  profileForSetup,
  profileYaml,
  withDevices,
  withoutProtection,
  withUserData,
} from "./lib/create/profile_file.ts";
import { provision, provisionCached } from "./lib/create/provision.ts";
import { removeContainer } from "./lib/create/remove.ts";
import { checkAclSupport, hostNameOf, mountDevices, shareMounts } from "./lib/container/mounts.ts";
import { findOurs, markKey, runKey } from "./lib/container/ours.ts";
import { findPlace, type Place, scriptLine } from "./lib/container/place.ts";
import { identityFiles, pinHostKeys, writeIdentityFiles } from "./lib/container/ssh.ts";
import { checkUserName, type ContainerUser, formatUser, userKey } from "./lib/container/user.ts";
import { checkTarget, type Engine, engineArgv, engineOn, nameOn, wantedCli } from "./lib/engine/engine.ts";
import { addDevices, hostUid, idMapOf, instanceHostUid, isHere } from "./lib/engine/instance.ts";
import { createProfile, setProfile } from "./lib/engine/profile.ts";
import { afterChanges, inputError, UserError } from "./lib/base/errors.ts";
import { removeEmpty } from "./lib/base/files.ts";
import type { Host } from "./lib/base/host.ts";
import { all } from "./lib/base/settle.ts";
import { quoteWords } from "./lib/base/shell_words.ts";
import { withUndo } from "./lib/base/undo.ts";

const spec = {
  name: "create.ts",
  summary: "Makes a container for a graphical application, apart from the desktop that will show it.",
  usage: [
    "[options] NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT... [--export [APP...] [ATTACH_OPTION...]]",
    "--export [--mime] NAME [APP...] [ATTACH_OPTION...]",
    "--unexport NAME",
    "--delete [--force] NAME",
  ],
  options: {
    "image": { value: "IMAGE", help: 'What to launch (default: "ubuntu:", with Incus "images:ubuntu/24.04/cloud")' },
    "timeout": { value: "DURATION", help: "Longest wait for cloud-init, such as 90s, 20m, 1h (default: 20m)" },
    "target": { value: "MEMBER|@GROUP", help: "Which member of a cluster is to have it (default: the engine chooses)" },
    "cache": { help: "Keep the provisioned container as an image, and start from it next time" },
    "user": { value: "NAME", help: "The container's user (default: the image's own ordinary one, else ubuntu)" },
    "bare": { help: "Install only what the CLOUD_INIT files say, without what attach.ts needs" },
    "allow-hosts": {
      value: "HOST,...",
      help: "With gui-internet: the only hosts that may be reached; .example.org is all below (default: any)",
    },
    "trust-profile": { help: "Accept a PROFILE whose keys give the container access to the host, and warn of each" },
    "keep-failed": { help: "On failure, leave everything in place for inspection" },
    "export": { help: "Put the apps of a container, or some of them, into the desktop's menu" },
    "mime": { help: "With --export: also offer the apps for the types of files and addresses that they open" },
    "unexport": { help: "Take the apps of a container out of the menu" },
    "delete": { help: "Remove what create made: sessions, container, profile, mount directories, menu entries" },
    "force": { help: "With --delete: despite a live session, files in the share, or a container not made by create" },
  },
  passesOn: "export",
  places: {
    first: [null, "file", { words: Object.keys(bundledProfiles.files), files: true }],
    rest: { words: Object.keys(bundledCloudConfigs.files), files: true },
  },
  placesWith: {
    "export": { first: ["container"] },
    "unexport": { first: ["container"] },
    "delete": { first: ["container"] },
  },
  epilogue: `
Example:
  create.ts my-container ~/.ssh/id_ed25519.pub gui firefox

PROFILE and CLOUD_INIT are files (with "/" in the path, or ending in .yaml or .yml), or names of what comes with create.ts:
the profiles ${Object.keys(bundledProfiles.files).join(", ")};
the cloud-configs ${Object.keys(bundledCloudConfigs.files).join(", ")}.

What happens:
  1. A profile called NAME gets PROFILE, and the CLOUD_INIT files as its user-data (lxc profile edit).
  2. Two directories are made below $GUI_CONTAINER_MOUNTS, by default ~/container_mounts.
  3. A container called NAME is made with that profile (lxc launch). cloud-init installs the software, and what
     attach.ts needs, unless the image has it: xpra (from xpra.org), waypipe, an SSH server and more. After that, devices
     of the type none in PROFILE take effect: this is how gui-offline removes the network. gui-internet then has a proxy
     as its only way out, in a container that is made before if it is missing.
  4. The container's user, who runs the apps, is found or made. The directories are shared with that user (setfacl, disk
     devices), who may log in with AUTHORIZED_KEYS, and the container's SSH host keys are pinned on the host. A snapshot
     keeps the container as it is then, for attach.ts --disposable.
If a step fails, all of it is undone.

REMOTE:NAME makes it on another server, a remote of the engine's CLI (lxc remote add). Such a container shares no
directories with this machine: attach.ts reaches it through the engine, and map.ts lends it copies of files.

--export reads the desktop entries in the container (ssh), and writes one into ~/.local/share/applications for each APP,
given by its id or name, or for all apps. The names in the menu begin with the container's name. ATTACH_OPTIONs are the
options of attach.ts and xpra that the apps are started with, such as --border=red --preset=isolated. Those of create.ts
itself, such as --mime, stand before NAME.`,
} satisfies ScriptSpec<string>;

/** What the command line takes, for the man page. */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** What the command line asks for, checked. */
interface Request {
  /** The container, which is not there yet. */
  place: Place;
  /** AUTHORIZED_KEYS. */
  keys: { text: string; identities: Identity[] };
  /** The profile with the user-data in it. */
  profile: Profile;
  image: string | undefined;
  /** The way to the Internet of a container without a network card; undefined for all others. */
  proxy: Proxy | undefined;
  /** The name of the container's user, if one is given. */
  user: string | undefined;
  timeoutMs: number;
  /** The member of the cluster, or `@GROUP`, that is to have it. */
  target: string | undefined;
  cache: boolean;
  bare: boolean;
  keepFailed: boolean;
  /** The words behind `--export`; undefined without it. */
  exports: ReturnType<typeof parseExportWords> | undefined;
  withTypes: boolean;
}

async function main(host: Host, args: Arguments<Name>): Promise<void> {
  if (args.flags.has("delete")) return await remove(host, args);
  if (args.flags.has("unexport")) return await unexport(host, args);
  // Behind NAME alone it is about a container that is there.
  if ((args.flags.get("export") ?? Infinity) <= 1) return await exportExisting(host, args);
  const request = await readRequest(host, args);
  const { name, mounts, server } = request.place;
  await all([checkSsh(host), checkAclSupport(host, mounts, { shared: server.isLocal })]);
  const engine = await request.place.engine;
  if (request.target !== undefined) await checkTarget(engine, request.target);
  if (request.proxy) await refuseCluster(engine);
  await warnOfLimits(engine, request.profile.config);
  await recoverCreation(engine, name, mounts);
  const profileBefore = await checkExisting(engine, name, mounts);
  await create(engine, request, profileBefore);
}

async function readRequest(host: Host, args: Arguments<Name>): Promise<Request> {
  const { positionals, flags, values } = args;
  if (flags.has("force")) throw inputError("The option --force goes with --delete", "See create.ts --help");
  const end = flags.get("export");
  const [word, keysPath, profileWord, ...cloudInitWords] = positionals.slice(0, end);
  const exports = end === undefined ? undefined : exportWords(positionals.slice(end));
  if (flags.has("mime") && !exports) throw inputError("The option --mime goes with --export", "See create.ts --help");
  if (word === undefined || keysPath === undefined || profileWord === undefined || cloudInitWords.length === 0) {
    throw inputError("Arguments are missing: NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...", "See create.ts --help");
  }
  const place = await placeOf(host, word, args);
  if (exports) menuOf(host, hostNameOf(place.server, place.name));
  const image = values.get("image");
  if (image?.startsWith("-")) throw inputError(`"${image}" is no image`, "Name one as the engine does: ubuntu:24.04");
  const user = values.get("user");
  if (user !== undefined) checkUserName(user);
  const target = values.get("target");
  if (target !== undefined && !/^@?[A-Za-z0-9][\w.-]*$/.test(target)) {
    throw inputError(`"${target}" is no member of a cluster`, "Name a member, or a group of members as @GROUP");
  }
  const keys = await readAuthorizedKeys(host, keysPath);
  const bare = flags.has("bare");
  const profile = await readProfile(host, profileWord, { trusted: flags.has("trust-profile") });
  const hosts = values.get("allow-hosts");
  const hasProxy = internetKey in profile.config;
  if (hosts !== undefined && !hasProxy) {
    throw inputError("The option --allow-hosts goes with the profile gui-internet", "See create.ts --help");
  }
  return {
    place,
    keys,
    proxy: hasProxy ? proxyFor(hosts === undefined ? [] : parseHosts(hosts), image) : undefined,
    profile: withUserData(profile, await readUserData(host, cloudInitWords, { user, bare })),
    image,
    user,
    timeoutMs: parseDuration(values.get("timeout") ?? "20m"),
    target,
    cache: flags.has("cache"),
    bare,
    keepFailed: flags.has("keep-failed"),
    exports,
    withTypes: flags.has("mime"),
  };
}

/** The words behind `--export`: apps, and options that they are started with. */
function exportWords(words: readonly string[]): ReturnType<typeof parseExportWords> {
  return parseExportWords(words, { notTheirs: Object.keys(optionsOf(spec)) });
}

/** What the NAME on the command line means. */
async function placeOf(host: Host, word: string, args: Arguments<Name>): Promise<Place> {
  const place = await findPlace(host, word, engineOptions(args));
  // The container's profile has its name, and every container has the profile "default".
  if (place.name !== "default") return place;
  throw inputError('The name "default" is that of the engine\'s own profile', "Choose another");
}

/** Makes the container, or undoes all that it did. `profileBefore`: a profile of that name that is there already. */
async function create(engine: Engine, request: Request, profileBefore: string | null): Promise<void> {
  const { host } = engine;
  const { name, mounts } = request.place;
  const startedMs = performance.now();
  using record = await beginCreation(engine, mounts, { name, profileBefore });
  const { creation } = record;
  const made = await withUndo(host, async (undo) => {
    undo.add(`unmake "${name}"`, (cleaner) => unmake(engineOn(engine, cleaner), mounts, creation));
    const made = await make(engine, request, creation);
    await record.remove();
    return made;
  }, {
    keep: request.keepFailed && (async () => {
      await record.remove();
      tellKept(engine, request.place);
    }),
  });
  await made.removeReplaced?.();
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  let exported: ExportedApp[] | undefined;
  try {
    if (request.exports) {
      const { withTypes, exports } = request;
      exported = await exportApps(engine, name, { mounts, withTypes, ...exports, opener: await findOpener() });
    }
  } catch (error) {
    throw afterChanges(error);
  } finally {
    // The container is there, exported or not.
    if (!host.dryRun) report(engine, request, { ...made, exported, seconds });
  }
}

/** What {@linkcode make} made. */
interface Made {
  /** The image that the container was made from. */
  image: string;
  /** The container's address; null without a network. */
  address: string | null;
  /** The container's user. */
  user: ContainerUser;
  /** That user's host uid; null where the container is on another machine. */
  uid: string | null;
  windowServers: WindowServer[];
  /** The member of the cluster that has it; null where there is no cluster. */
  member: string | null;
  /** Removes the cached images that a newer one replaces. */
  removeReplaced: (() => Promise<void>) | undefined;
}

/** The configuration key for what becomes of a container when its member of the cluster is evacuated. */
const evacuateKey = "cluster.evacuate";

/** The steps, in their order. The directories on the host are there already. */
async function make(engine: Engine, request: Request, creation: Creation): Promise<Made> {
  const { host } = engine;
  const { place: { name, mounts }, proxy, timeoutMs, target, user: wanted, bare } = request;
  const image = request.image ?? engine.defaultImage;
  const marks = { [markKey]: "1", [runKey]: creation.run };
  const profile = proxy ? withDevices(request.profile, { internet: proxyDevice(engine, proxy) }) : request.profile;
  const profileMarks = proxy ? { ...marks, [internetKey]: proxy.name } : marks;

  host.ui.progress(`Making the profile "${name}"`);
  const removable = withoutProtection(profile);
  const setup = profileForSetup(removable);
  if (creation.profileBefore === null) await createProfile(engine, name, profileMarks);
  await setProfile(engine, name, profileYaml(setup, profileMarks));
  if (proxy) await ensureProxy(engine, proxy, { image, timeoutMs });

  let removeReplaced: Made["removeReplaced"];
  if (request.cache) {
    const recipe = { image, profile: profileYaml(request.profile, {}) };
    removeReplaced = await provisionCached(engine, name, { ...recipe, marks, timeoutMs, user: wanted, target, bare });
  } else await provision(engine, name, { image, marks, timeoutMs, target });

  if (setup !== removable) {
    host.ui.progress("Removing the devices that the profile disables (type: none)");
    await setProfile(engine, name, profileYaml(removable, profileMarks));
  }

  if (proxy) {
    host.ui.progress("Having the container use its proxy");
    await useProxy(engine, name, proxy);
  }

  host.ui.progress("Sharing directories, keys and host keys");
  const authorizedKeys = request.keys.text;
  const { user, knownHosts } = await prepareContainer(engine, name, { authorizedKeys, wanted });
  const found = host.dryRun
    ? await planned(engine, name, { user, hasNetwork: setup === removable })
    : await look(engine, name, user);
  const { uid, member, hasNetwork } = found;
  if (proxy && hasNetwork) throw stillHasCard(name);
  if (uid !== null) await shareMounts(host, mounts, uid);
  else await removeEmpty([mounts.xpra, mounts.share].filter((path) => creation.directories.includes(path)));
  const devices = uid === null ? {} : mountDevices(mounts, user, { mayMove: member !== null });
  // By default, an evacuation stops a container with directories of its machine, and does not move it.
  const moves = member !== null && uid !== null && profile.config[evacuateKey] === undefined;
  const config = { [userKey]: formatUser(user), ...(moves ? { [evacuateKey]: "migrate" } : {}) };
  await addDevices(engine, name, devices, { config });
  await pinHostKeys(host, mounts, knownHosts);
  await writeIdentityFiles(host, mounts, identityFiles(mounts, request.keys.identities));
  const [connection] = await all([
    testConnection(engine, name, { mounts, user, ...found }),
    keepAsMade(engine, name),
  ]);
  // Last of all: until here, a failure removes the container.
  if (removable !== profile) await setProfile(engine, name, profileYaml(profile, profileMarks));
  return { image, user, uid, member, removeReplaced, ...connection };
}

function stillHasCard(name: string): UserError {
  return new UserError(`The container "${name}" still has a network card, so it would have more than the Internet`, {
    hint:
      "See what the cards of the engine's default profile are called, and give each a device of type none in PROFILE",
  });
}

/** What the engine knows of the container that was made. */
interface Found {
  /** Whether it is on another machine. */
  elsewhere: boolean;
  /** The member of the cluster that has it; null where there is no cluster. */
  member: string | null;
  /** The host uid of its user; null where it is elsewhere. */
  uid: string | null;
  hasNetwork: boolean;
  address: string | undefined;
}

async function look(engine: Engine, name: string, user: ContainerUser): Promise<Found> {
  const instance = await findOurs(engine, name, { withState: engine.server.isLocal });
  const { location, config, hasNetwork, address } = instance;
  const elsewhere = !await isHere(engine, instance);
  const uid = elsewhere ? null : String(hostUid(idMapOf({ config }), Number(user.uid)));
  return { elsewhere, member: location === "none" ? null : location, uid, hasNetwork, address };
}

/** The same in a dry run. */
async function planned(
  engine: Engine,
  name: string,
  { user, hasNetwork }: { user: ContainerUser; hasNetwork: boolean },
): Promise<Found> {
  const elsewhere = !engine.server.isLocal;
  const uid = elsewhere ? null : await instanceHostUid(engine, name, user.uid);
  return { elsewhere, member: null, uid, hasNetwork, address: undefined };
}

function tellKept(engine: Engine, { name, label }: Place): void {
  const { ui } = engine.host;
  const look = quoteWords(engineArgv(engine, ["exec", nameOn(engine, name), "--", "bash"]));
  ui.status(`What was made is kept. To look around: ${look}`);
  ui.status(`To remove it: ${scriptLine(engine, ["create.ts", "--delete", "--force", label])}`);
}

function report(
  engine: Engine,
  { place: { name, label, mounts }, proxy, bare }: Request,
  { image, address, user, uid, member, windowServers, exported, seconds }: Made & {
    exported: ExportedApp[] | undefined;
    seconds: number;
  },
): void {
  const { ui } = engine.host;
  ui.result(
    [
      `name:     ${label}`,
      `engine:   ${engine.product}`,
      ...(member === null ? [] : [`member:   ${member}`]),
      `image:    ${image}`,
      `address:  ${
        address ??
          (uid === null ? "none is needed" : proxy ? "none: the Internet comes by a proxy" : "none, without a network")
      }`,
      `user:     ${user.name}`,
      ...(uid === null ? ["share:    none with this machine: map.ts lends copies of files"] : []),
      `next:     ${scriptLine(engine, ["attach.ts", label, "APP"])}`,
      ...(exported?.map(({ name }) => `in menu:  ${name}`) ?? []),
    ].join("\n"),
    {
      name,
      engine: engine.cli,
      image,
      address,
      ipv4: address?.includes(":") ? null : address,
      user: { name: user.name, uid: Number(user.uid), gid: Number(user.gid), home: user.home },
      remote: engine.server.remote ?? null,
      project: engine.server.project ?? null,
      member,
      hostUid: uid === null ? null : Number(uid),
      mounts: uid === null ? null : { xpra: mounts.xpra, share: mounts.share },
      seconds,
      ...(exported ? { exported } : {}),
    },
  );
  if (windowServers.includes("xpra")) {
    if (windowServers.length === 1) ui.status(`There is no waypipe in "${label}": windows are shown by xpra alone`);
    return;
  }
  const again = quoteWords(engineArgv(engine, ["exec", nameOn(engine, name), "--", attachSoftwarePath]));
  ui.warn([
    windowServers.includes("waypipe")
      ? `There is no xpra in "${label}": attach.ts can show windows on a Wayland desktop, by waypipe, and on no other`
      : `There is neither xpra nor waypipe in "${label}": attach.ts will not work`,
    bare
      ? "Without --bare, create.ts installs what is missing"
      : `xpra.org could not be reached, or has nothing for its distribution. To try again: ${again}`,
  ].join(". "));
}

async function remove(host: Host, args: Arguments<Name>): Promise<void> {
  const { positionals, flags } = args;
  const [word, ...more] = positionals;
  if (word === undefined || more.length > 0) throw inputError("--delete takes one NAME", "See create.ts --help");
  const { name, label, mounts, ...place } = await placeOf(host, word, args);
  const engine = await place.engine;
  const recovered = await recoverCreation(engine, name, mounts);
  const removed = await removeContainer(engine, name, { mounts, force: flags.has("force"), recovered });
  if (!host.dryRun) host.ui.result(`Removed: ${removed.join(", ")}`, { name: label, removed });
}

async function exportExisting(host: Host, args: Arguments<Name>): Promise<void> {
  const { positionals, flags } = args;
  const [word, ...words] = positionals;
  if (word === undefined) throw inputError("--export takes the NAME of a container", "See create.ts --help");
  const { name, mounts, ...place } = await placeOf(host, word, args);
  const request = { ...exportWords(words), withTypes: flags.has("mime"), opener: await findOpener() };
  menuOf(host, hostNameOf(place.server, name));
  const exported = await exportApps(await place.engine, name, { ...request, mounts });
  if (host.dryRun) return;
  host.ui.result(exported.map(({ id, name, entry }) => [id, name, entry].join("\t")).join("\n"), exported);
}

async function unexport(host: Host, args: Arguments<Name>): Promise<void> {
  const [word, ...more] = args.positionals;
  if (word === undefined || more.length > 0) throw inputError("--unexport takes one NAME", "See create.ts --help");
  const { name, label, mounts, server } = await placeOf(host, word, args);
  const removed = await unexportApps(host, menuOf(host, hostNameOf(server, name)), mounts);
  if (removed.length === 0) {
    const { engine: option } = engineOptions(args);
    const target = { host, cli: wantedCli(host, option), byOption: option !== undefined, server };
    const put = scriptLine(target, ["create.ts", "--export", label]);
    throw new UserError(`Nothing of "${label}" is in the menu`, { hint: `${put} puts it there` });
  }
  if (!host.dryRun) host.ui.result(removed.join("\n"), { name: label, removed });
}

/** What `--doctor` checks. */
const checks: Check[] = [
  checkRuntime,
  checkEngine,
  checkProgram(programs.ssh),
  checkProgram(programs.setfacl),
  checkProgram(programs.getfacl),
  checkProgram(programs.cloudInit),
  checkProgram(programs.updateDesktopDatabase),
  checkAcls,
  checkContainers,
];

if (import.meta.main) {
  await runScript(spec, { main, doctor: (host, wanted) => diagnose(host, { wanted, checks }) });
}
