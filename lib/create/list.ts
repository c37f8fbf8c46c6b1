/** `create.ts --list`: this user's containers, with engine, state, sessions, preset and software. */

import { sessionsOf } from "../container/sessions.ts";
import { inputError, isFailure, lineOf, orNothing } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/promises.ts";
import { showTable } from "../cli/table.ts";
import { findOrigin } from "../container/origin.ts";
import { copyOfKey, listOwn } from "../container/managed.ts";
import type { EngineOptions } from "../container/address.ts";
import { labelOf } from "../engine/engine.ts";
import { presetFor } from "../settings/apply.ts";
import { findInstance, type InstanceInfo } from "../engine/instance.ts";

/** A container, as docs/reference.md describes it. */
interface Listed {
  /** `[REMOTE:]NAME`. */
  name: string;
  engine: string;
  /** The cluster member that it is on; null without a cluster. */
  member: string | null;
  /** Its status in the engine, in lower case: `running`, `stopped`. */
  state: string;
  sessions: string[];
  /** The preset of the settings, else `desktop`. */
  preset: string;
  /** When its software was installed or last updated, ISO 8601; null without a snapshot. */
  software: string | null;
  /** Whether attach.ts can make disposable copies of it. */
  disposable: boolean;
}

/**
 * Prints this user's containers.
 *
 * @param options `word`: `REMOTE:` for the containers of that remote only
 */
export async function listContainers(
  host: Host,
  { word, ...options }: EngineOptions & { word: string | undefined },
): Promise<void> {
  const [, remote] = /^([^:]+):$/.exec(word ?? "") ?? [];
  if (word !== undefined && remote === undefined) {
    throw inputError("--list takes no NAME", "For those of a remote: create.ts --list REMOTE:");
  }
  const own = (await listOwn(host, { ...options, remote })).filter(({ config }) => config[copyOfKey] === undefined);
  const listed = (await all(own.map((instance) => describe(host, instance)))).filter((one) => one !== undefined);
  const rows = listed.map(({ name, engine, member, state, sessions, preset, software, disposable }) => {
    const where = member === null ? engine : `${engine} ${member}`;
    const date = software?.slice(0, 10) ?? "-";
    return [name, where, state, sessions.join(" ") || "-", preset, date, disposable ? "yes" : "no"];
  });
  showTable(host.ui, rows, {
    heading: ["CONTAINER", "ENGINE", "STATE", "SESSIONS", "PRESET", "SOFTWARE OF", "DISPOSABLE"],
    none: "You have no containers",
    data: listed,
  });
}

/** A container as it is listed; undefined if it was removed meanwhile. */
async function describe(host: Host, instance: InstanceInfo): Promise<Listed | undefined> {
  const { engine, location, status } = instance;
  const label = labelOf(instance);
  const member = location === "none" ? null : location;
  const preset = await presetFor(host, label);
  const about = { name: label, engine: engine.cli, member, state: status.toLowerCase(), preset };
  try {
    const [origin, sessions] = await all([
      findOrigin(host, instance),
      status === "Stopped" ? Promise.resolve([]) : sessionsOf(host, instance),
    ]);
    return { ...about, sessions, software: origin?.created_at ?? null, disposable: origin !== undefined };
  } catch (error) {
    if (!isFailure(error)) throw error;
    // Another run has just removed it.
    const isGone = findInstance(host, instance).then((found) => found === undefined);
    if (await orNothing(isGone, isFailure)) return undefined;
    host.ui.warn(`"${label}" is listed without its details: ${lineOf(error)}`);
    return { ...about, sessions: [], software: null, disposable: false };
  }
}
