/**
 * A container as the user names it, `[REMOTE:]NAME`: on which server it is, and where its directories are on the host.
 */

import { chooseEngine, type Engine, engineCalled, type EngineCli, engineClis, wantedCli } from "../engine/engine.ts";
import { parseInstancePath } from "../engine/instance.ts";
import { findServer, type Server, type ServerRequest, withRemote } from "../engine/server.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { type Mounts, mountsOf } from "./mounts.ts";
import { type ContainerRecord, readContainerRecord } from "./record.ts";

/** A container that the user names. */
export interface Place {
  /** Its name on its server. */
  name: string;
  /** Its name for the user: `[REMOTE:]NAME`. */
  label: string;
  /** Its directories on the host. */
  mounts: Mounts;
  /** The server that has it. */
  server: Server;
  /** The engine with that server, once it is known which one answers. */
  engine: Promise<Engine>;
  /** What create.ts has put on record of it; undefined where there is no record. */
  record: ContainerRecord | undefined;
}

/** The values of the options that all scripts have for the choice of a server. */
export interface EngineOptions {
  /** `--engine`. */
  engine?: string | undefined;
  /** `--project`. */
  project?: string | undefined;
}

/**
 * Finds out what a name means. Waits for an engine to answer only where that decides it. Of two engines, the one on
 * record is meant.
 *
 * @throws {UserError} exit code 2 for a word that names no container, and for a remote that there is not; else as
 * `chooseEngine`
 */
export async function findPlace(host: Host, word: string, { engine: wanted, project }: EngineOptions): Promise<Place> {
  const { remote, name } = parseInstancePath(word);
  const request = { remote, project };
  const sure = await sureServer(host, wanted, request);
  const placeOn = async (server: Server): Promise<Omit<Place, "engine">> => {
    const mounts = mountsOf(host, name, server);
    return { name, label: withRemote(server, name), mounts, server, record: await readContainerRecord(mounts) };
  };
  if (sure) {
    const place = await placeOn(sure);
    const { record } = place;
    const engine = record && wantedCli(host, wanted) === undefined
      ? Promise.resolve(engineCalled(host, record.engine, sure))
      : chooseEngine(host, wanted, request);
    // Whoever needs the engine awaits it.
    engine.catch(() => {});
    return { ...place, engine };
  }
  const engine = await chooseEngine(host, wanted, request);
  return { ...await placeOn(engine.server), engine: Promise.resolve(engine) };
}

/** What advice is about: an engine, as far as it is known. */
export interface AdviceTarget extends Pick<Engine, "byOption" | "server"> {
  /** The host of this run. */
  host: Pick<Host, "env">;
  /** The CLI of the engine; undefined when nobody has named one. */
  cli: EngineCli | undefined;
}

/** The options that a run needs so that a name means the same container as in this one. */
export function adviceOptions({ host, cli, byOption, server: { project } }: AdviceTarget): string[] {
  return [
    ...(byOption && cli !== host.env("GUI_CONTAINER_ENGINE") ? [`--engine=${cli}`] : []),
    ...(project === undefined ? [] : [`--project=${project}`]),
  ];
}

/**
 * The command line of one of the scripts, as advice to the user: with the options that it needs so that its `NAME`
 * means the same container as in this run.
 *
 * @param words the script, its options, `[REMOTE:]NAME`
 */
export function scriptLine(target: AdviceTarget, [script, ...words]: readonly [string, ...string[]]): string {
  return quoteWords([script, ...adviceOptions(target), ...words]);
}

/** The server that is meant whichever engine answers; undefined when that makes a difference. */
async function sureServer(host: Host, wanted: string | undefined, request: ServerRequest): Promise<Server | undefined> {
  const cli = wantedCli(host, wanted);
  if (cli !== undefined) return await findServer(host, cli, request);
  if (request.remote !== undefined) return undefined;
  const [first, ...others] = await Promise.all(engineClis.map((cli) => findServer(host, cli, request)));
  const isSame = ({ remote, project, isLocal }: Server): boolean =>
    remote === first!.remote && project === first!.project && isLocal === first!.isLocal;
  return others.every(isSame) ? first : undefined;
}
