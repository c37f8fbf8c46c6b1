/**
 * A container as the user names it, `[REMOTE:]NAME`: on which server it is, and where its directories are on the host.
 */

import {
  chooseEngine,
  type Engine,
  engineCalled,
  type EngineCli,
  engineClis,
  isByOption,
  wantedCli,
} from "../engine/engine.ts";
import { parseInstancePath } from "../engine/instance.ts";
import { findServer, type Server, type ServerRequest, withRemote } from "../engine/server.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { type Mounts, mountsOf } from "./paths.ts";
import { type ContainerRecord, readContainerRecord } from "./record.ts";

export interface Place {
  /** What runs its programs. */
  readonly host: Host;
  /** Its name on its server. */
  readonly name: string;
  /** Its name for the user, `[REMOTE:]NAME`. */
  readonly label: string;
  /** The options with which the label means this container in another run. */
  readonly options: readonly string[];
  /** Its directories on the host. */
  readonly mounts: Mounts;
  /** Its engine, once it is known which one. */
  readonly engine: Promise<Engine>;
}

/** What a word of the command line means. */
export interface NamedPlace extends Place {
  server: Server;
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
 * @throws {UserError} exit code 2 for a word that is not a container's name, and for an unknown remote; else as
 * `chooseEngine`
 */
export async function findPlace(
  host: Host,
  { word, engine: wanted, project }: EngineOptions & { word: string },
): Promise<NamedPlace> {
  const { remote, name } = parseInstancePath(word);
  const request = { engine: wanted, remote, project };
  const cli = wantedCli(host, wanted);
  const sure = await sureServer({ host, cli }, request);
  const chosen = sure ? undefined : await chooseEngine(host, request);
  const server = (sure ?? chosen?.server)!;
  const mounts = mountsOf(host, { engine: { server }, name });
  const record = await readContainerRecord(mounts);
  const onRecord = record && cli === undefined ? { ...engineCalled(record.engine), server } : undefined;
  const known = chosen ?? onRecord;
  const engine = known ? Promise.resolve(known) : chooseEngine(host, request);
  // Whoever needs the engine awaits it.
  engine.catch(() => {});
  const options = adviceOptions({ cli, byOption: isByOption(host, { cli, wanted }), server });
  return { host, name, label: withRemote(server, name), options, mounts, engine, server, record };
}

/** The options that a run needs so that a name means the same container as in this one. */
export function adviceOptions(
  { cli, byOption, server: { project } }: Pick<Engine, "byOption" | "server"> & { cli: EngineCli | undefined },
): string[] {
  return [
    ...(byOption ? [`--engine=${cli}`] : []),
    ...(project === undefined ? [] : [`--project=${project}`]),
  ];
}

/**
 * The command line of one of the scripts, as advice to the user: with the options that it needs so that its `NAME`
 * means the same container as in this run.
 *
 * @param words the script, its options, `[REMOTE:]NAME`
 */
export function scriptLine(
  engine: Parameters<typeof adviceOptions>[0],
  [script, ...words]: readonly [string, ...string[]],
): string {
  return quoteWords([script, ...adviceOptions(engine), ...words]);
}

/** The server that is meant whichever engine answers; undefined when that makes a difference. */
async function sureServer(
  { host, cli }: { host: Host; cli: EngineCli | undefined },
  request: ServerRequest,
): Promise<Server | undefined> {
  if (cli !== undefined) return await findServer({ host, cli }, request);
  if (request.remote !== undefined) return undefined;
  const [first, ...others] = await Promise.all(engineClis.map((cli) => findServer({ host, cli }, request)));
  const isSame = ({ remote, project, isLocal }: Server): boolean =>
    remote === first!.remote && project === first!.project && isLocal === first!.isLocal;
  return others.every(isSame) ? first : undefined;
}
