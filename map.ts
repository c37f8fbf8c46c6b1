#!/bin/sh
//bin/true; exec deno run --quiet --no-prompt --allow-read --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" --allow-run=lxc,incus,setfacl,getfacl --allow-env=HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_* "$0" "$@"
/**
 * Lends files of the host to a running container, and takes them back exactly as they were.
 *
 * @module
 */

// @ts-types="./lib/types/std_path.d.ts"
import { resolve } from "@std/path";
import { type Arguments, runScript, type ScriptSpec } from "./lib/cli.ts";
import {
  addDevices,
  checkInstanceName,
  chooseEngine,
  type Engine,
  engineOn,
  findInstance,
  instanceHostUid,
  removeDevices,
} from "./lib/engine.ts";
import { inputError } from "./lib/errors.ts";
import type { Host } from "./lib/host.ts";
import { announcePresence, forgetPresence, isOrphan, type Mapping, readRecords } from "./lib/journal.ts";
import { checkFile, deviceOf, mapFiles, type MappableFile, newPlace, unmapFiles } from "./lib/mapping.ts";
import { containerUid } from "./lib/mounts.ts";
import { withUndo } from "./lib/undo.ts";

const spec = {
  name: "map.ts",
  summary: "Lends files of the host to a running container, and takes them back exactly as they were.",
  usage: ["[options] NAME FILE...", "--list", "--unmap [NAME [FILE...]]", "--recover"],
  options: {
    "read-only": { help: "The container may read the files, not write them" },
    "no-wait": { help: "Return at once; the files stay mapped until --unmap" },
    "list": { help: "Show the files that are mapped" },
    "recover": { help: "Take back what runs that were killed have left; each run does so first" },
    "unmap": { help: "Take files back: all, those of a container, or the named ones" },
  },
  epilogue: `
Example:
  map.ts my-container ~/Documents/letter.odt

What happens: the container user gets an entry in the ACL of each file (setfacl), and a disk device shows the file in the
container, below /home/ubuntu/maps (lxc query). Enter, the end of the input, Ctrl-C or a signal takes the files back: the
devices go, and the ACLs are what they were.`,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** Longest time that taking files back may take, in milliseconds. */
const unmapDeadlineMs = 60_000;

/** Runs the script. */
export async function main(host: Host, args: Arguments<Name>): Promise<void> {
  if (args.flags.has("list")) return showMappings(host, await readRecords(host));
  if (args.flags.has("unmap")) return await unmap(host, args);
  const recovered = await recover(host);
  if (args.flags.has("recover")) return tellTakenBack(host, recovered);
  const [name, ...paths] = args.positionals;
  if (name === undefined || paths.length === 0) {
    throw inputError("Arguments are missing: NAME FILE...", "See map.ts --help");
  }
  checkInstanceName(name);
  const files: MappableFile[] = [];
  for (const path of paths) files.push(await checkFile(path));
  const engine = await chooseEngine(host, args.values.get("engine"));
  const readOnly = args.flags.has("read-only");
  if (host.dryRun) return await printPlan(engine, name, { files, readOnly });
  const instance = await findInstance(engine, name);
  if (instance?.status !== "Running") {
    throw inputError(
      instance ? `The container "${name}" does not run` : `There is no container "${name}"`,
      instance ? `Start it: ${engine.cli} start ${name}` : `See ${engine.cli} list`,
    );
  }
  const uid = Number(await instanceHostUid(engine, name, containerUid));
  if (args.flags.has("no-wait")) {
    showMappings(
      host,
      await withUndo(host, (undo) => mapFiles(files, { engine, instance: name, uid, readOnly, owner: null }, undo)),
    );
    return;
  }
  const presence = await announcePresence(host);
  const options = { engine, instance: name, uid, readOnly, owner: presence.owner };
  let mappings: Mapping[] = [];
  try {
    mappings = await withUndo(host, (undo) => mapFiles(files, options, undo));
    showMappings(host, mappings);
    await host.ui.enter("Press Enter to take the files back: ");
  } finally {
    // Also when a signal ended the waiting: what is lent is taken back first.
    const cleaning = engineOn(engine, host.forCleanup(AbortSignal.timeout(unmapDeadlineMs)));
    if (mappings.length > 0) await unmapFiles(cleaning, mappings);
    await presence.end();
  }
  tellTakenBack(host, mappings);
}

/** What a dry run prints: an entry for the container user and the devices, then both taken away. */
async function printPlan(
  engine: Engine,
  name: string,
  { files, readOnly }: { files: readonly MappableFile[]; readOnly: boolean },
): Promise<void> {
  const { host } = engine;
  const uid = await instanceHostUid(engine, name, containerUid);
  const paths = files.map(({ path }) => path);
  const devices = Object.fromEntries(paths.map((path) => {
    const { device, container } = newPlace(path);
    return [device, deviceOf({ host: path, container, readOnly })];
  }));
  await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", ...paths], { stdin: "null" });
  await addDevices(engine, name, devices);
  await removeDevices(engine, name, Object.keys(devices));
  await host.run(["setfacl", "-x", `u:${uid}`, "--", ...paths], { stdin: "null" });
}

async function unmap(host: Host, { positionals: [name, ...paths] }: Arguments<Name>): Promise<void> {
  const real = await Promise.all(paths.map((path) => Deno.realPath(path).catch(() => resolve(path))));
  const wanted = (await readRecords(host)).filter((mapping) =>
    (name === undefined || mapping.instance === name) && (real.length === 0 || real.includes(mapping.host))
  );
  const missing = real.find((path) => !wanted.some((mapping) => mapping.host === path));
  if (missing !== undefined) throw inputError(`"${missing}" is not mapped into "${name}"`, "See map.ts --list");
  await takeBack(host, wanted);
  tellTakenBack(host, wanted);
}

/** Takes back what runs that were killed have lent. */
async function recover(host: Host): Promise<Mapping[]> {
  if (host.dryRun) return [];
  const records = await readRecords(host);
  const orphans: Mapping[] = [];
  for (const mapping of records) if (await isOrphan(host, mapping)) orphans.push(mapping);
  await takeBack(host, orphans);
  for (const { owner } of orphans) await forgetPresence(host, owner!);
  return orphans;
}

async function takeBack(host: Host, wanted: readonly Mapping[]): Promise<void> {
  for (const [key, mappings] of Map.groupBy(wanted, ({ engine, instance }) => `${engine} ${instance}`)) {
    await unmapFiles(await chooseEngine(host, key.split(" ")[0]), mappings);
  }
}

function showMappings(host: Host, mappings: readonly Mapping[]): void {
  const text = mappings.map(({ host, container }) => `${host}\t${container}`).join("\n");
  const data = mappings.map(({ host, container, device, readOnly }) => ({ host, container, device, readOnly }));
  host.ui.result(text, data);
}

function tellTakenBack(host: Host, mappings: readonly Mapping[]): void {
  const what = ["No file is mapped", "The file is taken back"][mappings.length] ??
    `${mappings.length} files are taken back`;
  host.ui.status(what);
}

if (import.meta.main) await runScript(spec, main);
