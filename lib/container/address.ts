/** The address of a container: its server, and its names there, for the user, and on this host. */

import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import {
  chooseEngine,
  type Engine,
  engineAt,
  engineCalled,
  type EngineCli,
  engineClis,
  type Instance,
  labelOf,
  wantedCli,
} from "../engine/engine.ts";
import { parseInstancePath } from "../engine/instance_name.ts";
import { findServer, type Server, type ServerRecord, type ServerRequest } from "../engine/server.ts";
import { hostNameOf, type Mounts, mountsOf } from "./paths.ts";
import { readContainerRecord } from "./record.ts";
import { inputError } from "../base/errors.ts";

/** A container's server, and its names there, for the user, and on this host. */
export interface Address extends Instance {
  /** Its name for the user, `[REMOTE:]NAME`. */
  readonly label: string;
  /** Its name on this host: see {@linkcode hostNameOf}. */
  readonly hostName: string;
  readonly mounts: Mounts;
}

export function addressOf(host: Pick<Host, "env">, instance: Instance): Address {
  const { engine, name } = instance;
  const mounts = mountsOf(host, instance);
  return { engine, name, label: labelOf(instance), hostName: hostNameOf(instance), mounts };
}

/** The options of all scripts about a container. */
export interface EngineOptions {
  engine?: string | undefined;
  project?: string | undefined;
  /** Whether a history of what passes between the container and the host is kept. Default: true. */
  keepsHistory?: boolean | undefined;
}

/**
 * Finds a container by name. With both engines installed, the container's record decides, and no engine is asked.
 *
 * @param options `needsEngine`: if false, the result may name either engine where both have the same server
 * @throws {UserError} exit code 2 for a word that is not a container's name, and for an unknown remote; and as
 * `chooseEngine`
 */
export async function findAddress(
  host: Host,
  { word, needsEngine = true, ...options }: EngineOptions & { word: string; needsEngine?: boolean },
): Promise<Address> {
  const { remote, name } = parseInstancePath(word);
  const request = { ...options, remote };
  const server = wantedCli(host, options.engine) === undefined ? await sharedServer(host, request) : undefined;
  const record = server && await readContainerRecord(mountsOf(host, { engine: { server }, name }));
  const cli = record?.engine ?? (needsEngine ? undefined : engineClis[0]);
  const engine = server && cli ? { ...engineCalled(cli), server } : await chooseEngine(host, request);
  return addressOf(host, { engine, name });
}

/**
 * As {@linkcode findAddress}, for create.ts, which makes and removes a profile of the same name.
 *
 * @throws {UserError} exit code 2 for "default", and as {@linkcode findAddress}
 */
export async function addressCalled(host: Host, options: Parameters<typeof findAddress>[1]): Promise<Address> {
  const address = await findAddress(host, options);
  // Every container has the profile "default".
  if (address.name !== "default") return address;
  throw inputError('The name "default" is that of the engine\'s own profile', "Choose another");
}

/** The options that another run needs so that a label means the same container. */
export function engineArguments(
  { cli, byOption, server: { project } }: Pick<Engine, "cli" | "byOption" | "server">,
): string[] {
  return [...(byOption ? [`--engine=${cli}`] : []), ...(project === undefined ? [] : [`--project=${project}`])];
}

/**
 * The command line of a script, for a hint, with the options that it needs so that `NAME` means the same container as
 * in this run.
 *
 * @param words the script, its options, `[REMOTE:]NAME`
 */
export function scriptLine(
  engine: Pick<Engine, "cli" | "byOption" | "server">,
  [script, ...words]: readonly [string, ...string[]],
): string {
  return quoteWords([script, ...engineArguments(engine), ...words]);
}

/** The server of a request, if it is the same for both engines; undefined if not. */
async function sharedServer(host: Host, request: ServerRequest): Promise<Server | undefined> {
  if (request.remote !== undefined) return undefined;
  const [first, ...others] = await Promise.all(engineClis.map((cli) => findServer(host, { ...request, cli })));
  const isSame = ({ remote, project, isLocal }: Server): boolean =>
    remote === first!.remote && project === first!.project && isLocal === first!.isLocal;
  return others.every(isSame) ? first : undefined;
}

/**
 * The engine of a recorded server.
 *
 * @throws {UserError} when the CLI no longer has that remote
 */
export async function engineOfRecord(
  host: Host,
  { engine, server }: { engine: string; server: ServerRecord },
): Promise<Engine> {
  const cli = engine as EngineCli;
  const found = await engineAt(host, { cli, remote: server.remote });
  // The project is named only where it is not the CLI's default.
  if ((found.server.project ?? "default") === server.project) return found;
  return { ...found, server: { ...found.server, project: server.project } };
}
