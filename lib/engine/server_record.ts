/** A server of an engine as it is put on record: by names that mean the same whatever the CLI's defaults are later. */

import type { Host } from "../base/host.ts";
import { type Engine, engineAt, type EngineCli } from "./engine.ts";
import type { Server } from "./server.ts";

export interface ServerRecord {
  remote: string;
  project: string;
}

export function serverRecord({ remote = "local", project = "default" }: Partial<Server>): ServerRecord {
  return { remote, project };
}

/** Whether two records name the same server, and the same project of it. */
export function isSameServer(a: ServerRecord, b: ServerRecord): boolean {
  return a.remote === b.remote && a.project === b.project;
}

/**
 * The engine of a server on record.
 *
 * @throws {UserError} when the CLI has no such remote any more
 */
export async function engineOfRecord(
  host: Host,
  { engine, server }: { engine: string; server: ServerRecord },
): Promise<Engine> {
  const cli = engine as EngineCli;
  const found = await engineAt(host, { cli, remote: server.remote });
  // A project is named where it is not the CLI's own choice.
  if ((found.server.project ?? "default") === server.project) return found;
  return { ...found, server: { ...found.server, project: server.project } };
}
