#!/bin/sh
/*bin/true 2>/dev/null # A comment for TypeScript, commands for sh: $PATH without relative directories, the path of this file, one
# permission a line, Deno's version, and Deno.
set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
GUI_CALLED=$0; [ "$(command -v "${0##*"/"}")" != "$0" ] || GUI_CALLED=${0##*"/"}; export GUI_CALLED
set -- "$(command -p readlink -f -- "$0" 2>/dev/null || readlink -f -- "$0")" "$@"
set -- --allow-read "$@"
set -- --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" "$@"
d=${XDG_DATA_HOME:-$HOME/.local/share}; case $d in [!/]* | *,*) d=$HOME/.local/share ;; esac
set -- --allow-write="$d/applications,$d/gui-container" "$@"
c=${XDG_CONFIG_HOME:-}; case $c in /*,* | [!/]* | '') c=$HOME/.config ;; esac; set -- --allow-write="$c/gui-container,$c/mimeapps.list,$c/mimeapps.list.gui-container" "$@"
set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
set -- --allow-run=lxc,incus,ssh,ssh-keygen,setfacl,getfacl,stat,cp,mv,rm,find,firewall-cmd,ss,update-desktop-database "$@"
set -- --allow-env='HOME,PATH,XDG_DATA_HOME,XDG_STATE_HOME,GUI_CALLED,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_*,XDG_CONFIG_HOME,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
v=$(deno -V 2>&1); case $v in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' "Deno 2.9.0 or newer is needed. \`deno -V\` says: $v" 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
exec deno run --quiet --no-prompt "$@" # */
/**
 * Makes a container for a graphical application: its profile, the directories shared with the host, the container
 * itself, its software, and the SSH access that attach.ts uses.
 *
 * @module
 */

import { bundledCloudConfigs, bundledProfiles } from "./lib/create/bundled.ts";
import type { Arguments, ScriptSpec } from "./lib/cli/options.ts";
import { borderWords } from "./lib/settings/border_option.ts";
import { askableNames } from "./lib/channels/table.ts";
import { channelNames, presetNames } from "./lib/settings/channels.ts";
import { engineOptionsFor } from "./lib/settings/apply.ts";
import { ownEntries } from "./lib/settings/file.ts";
import { runScript } from "./lib/cli/script.ts";
import { inputError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";

const channelList = { words: ["clipboard", ...channelNames], list: true };

const spec = {
  name: "create.ts",
  summary: "Make a container for a graphical app, isolated from the desktop that shows it.",
  usage: [
    "[options] NAME [AUTHORIZED_KEYS] [PROFILE] [APP...]",
    "--install NAME APP...",
    "--list",
    "--export [--mime] NAME [APP...] [ATTACH_OPTION...]",
    "--unexport NAME",
    "--update [NAME...]",
    "--delete [--force] NAME",
  ],
  examples: [
    ["web firefox", "Make a container with Firefox"],
    ["art apt:inkscape apt:krita", "Make one with two apps of the archive"],
    ["my-container key.pub profile.yaml ./app.yaml", "Make one of files: a public key, a profile, a cloud-config"],
    ["--install art apt:gimp", "Install another app in it"],
    ["--export my-container", "Put its apps into the desktop's menu"],
    ["--export --default=http,https my-container firefox", "Open links with its browser"],
    ["--update", "Install the newest software in all of your containers"],
    ["--delete my-container", "Remove it, and all that belongs to it"],
  ],
  options: {
    "list": { group: "Other commands", help: "Show your containers" },
    "export": {
      help: "Put the apps of a container, or some of them, into the desktop's menu",
    },
    "mime": {
      needs: "export",
      help: "With --export: also offer the apps for the types of files and addresses that they open",
    },
    "default": {
      value: "TYPE,…",
      needs: "export",
      help:
        "With --export: have the desktop open these with the apps: application/pdf, http, https; --unexport undoes it",
      completion: { words: ["http", "https", "mailto", "application/pdf", "text/html"], list: true },
    },
    "unexport": { help: "Take the apps of a container out of the menu" },
    "install": { help: "Install more apps in a container, and for its new disposable copies" },
    "update": { help: "Install the newest software in containers, and for new disposable copies of them" },
    "delete": { help: "Remove what create made: sessions, container, profile, mount directories, menu entries" },
    "force": {
      needs: "delete",
      help: "With --delete: despite a live session, files in the share or in copies, or a container not made by create",
    },
    "image": {
      group: "Container",
      value: "IMAGE",
      help: 'What to launch (default: "ubuntu:", with Incus "images:ubuntu/24.04/cloud")',
    },
    "user": { value: "NAME", help: "The container's user (default: the image's own ordinary one, else ubuntu)" },
    "cache": { help: "Keep the provisioned container as an image, and start from it next time" },
    "without-xpra": { help: "Do not install xpra: windows are then shown on Wayland only" },
    "bare": { help: "Install only what the APPs say, without what attach.ts needs" },
    "allow-hosts": {
      value: "HOST,...",
      help: "With gui-internet: the only hosts that may be reached; .example.org is all below (default: any)",
    },
    "trust-profile": { help: "Accept a PROFILE whose keys give the container access to the host, and warn of each" },
    "target": { value: "MEMBER|@GROUP", help: "The cluster's member to make it on (default: the engine chooses)" },
    "timeout": { value: "DURATION", help: "Longest wait for cloud-init, such as 90s, 20m, 1h (default: 20m)" },
    "keep-failed": { help: "On failure, leave everything in place for inspection" },
    "preset": {
      group: "Settings for attach.ts, kept; with --export: in the menu",
      value: "PRESET",
      help: `${presetNames.join(", ")}; see attach.ts --help`,
      completion: { words: presetNames },
    },
    "allow": { value: "CHANNEL,…", help: "Open these channels as well", completion: channelList },
    "deny": { value: "CHANNEL,…", help: "Close these channels", completion: channelList },
    "ask": {
      value: "CHANNEL,…",
      help: "Ask at each use of these",
      completion: { words: askableNames, list: true },
    },
    "border": { value: "COLOUR", help: "The colour of its border", completion: { words: borderWords } },
  },
  leaves: {
    "list": [],
    "unexport": [],
    "install": [],
    "update": [],
    "delete": ["force"],
    "export": ["mime", "default", "preset", "allow", "deny", "ask", "border"],
  },
  passesOn: "export",
  operands: {
    first: [null],
    rest: {
      words: [bundledProfiles, bundledCloudConfigs].flatMap((files) => Object.keys(files)),
      files: true,
    },
  },
  operandsWith: {
    "list": { first: [null] },
    "export": { first: ["container"], rest: null },
    "unexport": { first: ["container"] },
    "install": { first: ["container"], rest: null },
    "update": { first: ["container"], rest: "container" },
    "delete": { first: ["container"] },
  },
  notes:
    "Words after NAME are told apart by form and content. AUTHORIZED_KEYS is a file, such as ~/.ssh/id_ed25519.pub (default: a " +
    "key of the scripts' own). PROFILE is a file or one of " + Object.keys(bundledProfiles).join(", ") +
    " (default: gui). An APP is a cloud-config, given as a file or one of " +
    Object.keys(bundledCloudConfigs).filter((name) => name !== "xpra").join(", ") +
    "; or apt:PACKAGE, from the image's archive; snap:NAME; deb:FILE. A file is given with its directory, or ends in " +
    ".pub, .yaml or .yml. After these, --export [APP...] [ATTACH_OPTION...] puts the new container's apps into the menu.",
  manual: [
    "A profile called NAME gets PROFILE, and the cloud-configs as its user-data. Two directories are made below " +
    "$GUI_CONTAINER_MOUNTS, by default ~/container_mounts.",
    "A container called NAME is made with that profile. cloud-init installs the software, and what attach.ts needs, " +
    "unless the image has it: xpra (from xpra.org), waypipe, an SSH server and more; then apt-get or dnf installs the other " +
    "APPs. After that, devices of the type " +
    "none in PROFILE take effect: this is how gui-offline removes the network. gui-internet then has a proxy as its only " +
    "way out, in a container that is made before if it is missing.",
    "The container's user, who runs the apps, is found or made. The directories are shared with that user (setfacl, disk " +
    "devices), who may log in with AUTHORIZED_KEYS, and the container's SSH host keys are pinned on the host. A snapshot " +
    "keeps the container as it is then, for attach.ts --disposable. If a step fails, all of it is undone.",
    "REMOTE:NAME makes it on another server, a remote of the engine's CLI. Such a container shares no directories with " +
    "this machine: attach.ts reaches it through the engine, and map.ts lends it copies of files.",
    "--install runs apt-get or dnf in NAME, --update in the NAMEs or in all containers of yours, and in a copy of that snapshot, of which " +
    "attach.ts --disposable makes its copies from then on. A stopped container is started meanwhile.",
    "--export reads the desktop entries in the container, and writes one into ~/.local/share/applications for each APP, " +
    "given by its id or name, or for all apps. ATTACH_OPTIONs are the options of attach.ts and xpra that the apps are " +
    "started with, such as --border=red --preset=isolated.",
  ],
  needsArguments: true,
} satisfies ScriptSpec<string>;

/**
 * The specification of the command line, for the man page.
 *
 * @ignore For `tools/package.ts` and tests.
 */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** Runs the command that the command line asks for, and loads only its modules. */
async function main(host: Host, args: Arguments<Name>): Promise<number | void> {
  const { flags } = args;
  const { givenSettings, checkSaving, saveSettings } = await import("./lib/settings/save.ts");
  // With --export, these become options of attach.ts in the menu's entries.
  const given = givenSettings(new Map([...args.values].filter(([name]) => Object.hasOwn(spec.options, name))));
  const words = flags.has("export")
    ? [...args.positionals, ...[...given].map(([key, value]) => `--${key}=${value}`)]
    : args.positionals;
  const [word = ""] = words;
  const options = await engineOptionsFor(host, words[0], args.values);
  const verb = (["delete", "export", "unexport", "install"] as const).find((name) => flags.has(name));
  if (verb && args.positionals.length === 0) {
    throw inputError(`--${verb} takes the NAME of a container`, `For example: create.ts --${verb} my-container`);
  }
  if (flags.has("list")) {
    const { listContainers } = await import("./lib/create/list.ts");
    return await listContainers(host, { word: words[0], ...options });
  }
  if (flags.has("delete")) {
    const { deleteNamed } = await import("./lib/create/remove.ts");
    await deleteNamed(host, { word, ...options, force: flags.has("force") });
    const entries = await ownEntries(host, word);
    if (entries.length > 0) host.ui.status(`The next container of this name has its settings: ${entries.join(", ")}`);
    return;
  }
  if (flags.has("update")) {
    const { updateNamed } = await import("./lib/create/update.ts");
    return await updateNamed(host, { words, engineOptionsOf: (word) => engineOptionsFor(host, word, args.values) });
  }
  if (flags.has("install")) {
    const { readAppWords } = await import("./lib/create/apps.ts");
    const { installNamed } = await import("./lib/create/update.ts");
    return await installNamed(host, { word, apps: await readAppWords(words.slice(1)), ...options });
  }
  if (flags.has("unexport")) {
    const { unexportNamed } = await import("./lib/create/export/unexport.ts");
    return await unexportNamed(host, { word, ...options });
  }
  // Directly after NAME, --export is for an existing container.
  if ((flags.get("export") ?? Infinity) <= 1) {
    const { exportNamed, readExport } = await import("./lib/create/export/export.ts");
    return await exportNamed(host, { word, ...options, request: readExport(words.slice(1), args) });
  }
  const { createContainer } = await import("./lib/create/create.ts");
  const isKept = word !== "" && given.size > 0 && !flags.has("export");
  if (isKept) await checkSaving(host, word, given);
  await createContainer(host, { ...args, ...options, positionals: words });
  if (isKept) await saveSettings(host, word, given);
}

if (import.meta.main) {
  await runScript(spec, {
    main,
    diagnosis: async () => (await import("./lib/cli/doctor_checks.ts")).createDiagnosis,
  });
}
