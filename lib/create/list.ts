/** `create.ts --list`: this user's containers, each with where it is, what runs in it, and what attach.ts opens for it. */

import { sessionsOf } from "../container/sessions.ts";
import { inputError, isFailure } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/promises.ts";
import { showTable } from "../cli/table.ts";
import { copyOfKey } from "../container/disposables.ts";
import { findOrigin } from "../container/origin.ts";
import { listManaged } from "../container/managed.ts";
import { mountsOf } from "../container/paths.ts";
import type { EngineOptions } from "../container/address.ts";
import { chooseEngine, engineClis, labelOf, wantedCli } from "../engine/engine.ts";
import type { InstanceInfo } from "../engine/instance.ts";

/** A container, as docs/reference.md describes it. */
interface Listed {
  /** `[REMOTE:]NAME`. */
  name: string;
  engine: string;
  /** The member of a cluster that has it; null where there is no cluster. */
  member: string | null;
  /** In lower case, as the engine has it: `running`, `stopped`. */
  state: string;
  sessions: string[];
  /** The preset of the settings, else `desktop`. */
  preset: string;
  /** When its software was installed or brought up to date, ISO 8601; null where no snapshot tells. */
  software: string | null;
  /** Whether attach.ts can make disposable copies of it. */
  disposable: boolean;
}

/**
 * Prints this user's containers.
 *
 * @param options `word`: `REMOTE:` for those that are there; `presetOf`: the preset that is set for a container
 */
export async function listContainers(
  host: Host,
  { word, presetOf, ...options }: EngineOptions & {
    word: string | undefined;
    presetOf(label: string): Promise<string>;
  },
): Promise<void> {
  const [, remote] = /^([^:]+):$/.exec(word ?? "") ?? [];
  if (word !== undefined && remote === undefined) {
    throw inputError("--list takes no NAME", "For those of a remote: create.ts --list REMOTE:");
  }
  const found = await managedOf(host, { ...options, remote });
  const own = await all(
    found.map(async (instance) =>
      instance.config[copyOfKey] === undefined && await exists(mountsOf(host, instance).directory) ? [instance] : []
    ),
  );
  const listed = (await all(own.flat().map((instance) => describe(host, instance, presetOf)))).filter((one) =>
    one !== undefined
  );
  const rows = listed.map(({ name, engine, member, state, sessions, preset, software, disposable }) => [
    ...[name, member === null ? engine : `${engine} ${member}`, state, sessions.join(" ") || "-", preset],
    ...[software?.slice(0, 10) ?? "-", disposable ? "yes" : "no"],
  ]);
  showTable(host.ui, rows, {
    heading: ["CONTAINER", "ENGINE", "STATE", "SESSIONS", "PRESET", "SOFTWARE OF", "DISPOSABLE"],
    none: "There is no container of yours",
    data: listed,
  });
}

/** The managed containers of the engine that is asked for, else of all that answer. */
async function managedOf(host: Host, options: EngineOptions & { remote: string | undefined }): Promise<InstanceInfo[]> {
  const list = async (request: typeof options): Promise<InstanceInfo[]> =>
    await listManaged(host, await chooseEngine(host, request));
  if (options.remote !== undefined || wantedCli(host, options.engine) !== undefined) return await list(options);
  const tried = await Promise.allSettled(engineClis.map((engine) => list({ ...options, engine })));
  const found = tried.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  if (found.length === 0) return await list(options);
  for (const result of tried) {
    if (result.status === "fulfilled") continue;
    if (!isFailure(result.reason)) throw result.reason;
    // One that is not installed says nothing.
    if (result.reason.output !== "") host.ui.warn(result.reason.message);
  }
  return found.flat();
}

/** What is to be known of a container; undefined for one that is gone meanwhile. */
async function describe(
  host: Host,
  instance: InstanceInfo,
  presetOf: (label: string) => Promise<string>,
): Promise<Listed | undefined> {
  const { engine, location, status } = instance;
  const label = labelOf(instance);
  const preset = await presetOf(label);
  try {
    const [origin, sessions] = await all([
      findOrigin(host, instance),
      status === "Stopped" ? Promise.resolve([]) : sessionsOf(host, instance),
    ]);
    const member = location === "none" ? null : location;
    const software = origin?.created_at ?? null;
    const about = { name: label, engine: engine.cli, member, state: status.toLowerCase() };
    return { ...about, sessions, preset, software, disposable: origin !== undefined };
  } catch (error) {
    // Another run has just removed it.
    if (!isFailure(error)) throw error;
    return undefined;
  }
}
