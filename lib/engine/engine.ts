/**
 * The container engine: LXD (`lxc`) or Incus (`incus`), driven by its CLI. One table, engines.json, holds what differs
 * between the two.
 */

import engines from "./engines.json" with { type: "json" };
import {
  causedBy,
  InputError,
  inputError,
  isFailure,
  isMissingProgram,
  NoEngine,
  orNothing,
  ProcessError,
  type ProcessResult,
  UserError,
} from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";
import {
  type EngineCli,
  findServer,
  hasRemote,
  kindOfLxc,
  type OnServer,
  ownServer,
  type Server,
  type ServerRequest,
  withRemote,
} from "./server.ts";
import { quoteWords } from "../base/shell_words.ts";
import { listIn, tableIn, textIn } from "./answer.ts";

export type { EngineCli };

/**
 * What differs between the engines. `defaultImage`: the image that is launched when none is named; `group`: its members
 * may use the engine; `init`: the command that sets it up; `snapshot`, `restoreSnapshot`: the words of its CLI that
 * take and restore a snapshot; `userDataHint`: what to do when an image gives cloud-init no user-data (cloud-init 25.1
 * looks for LXD's socket alone).
 */
type EngineKind = Readonly<typeof engines["lxc"]>;

/** The CLIs of the engines, in the order in which they are asked. */
export const engineClis = Object.keys(engines) as EngineCli[];

/** An engine and one of its servers. Callers pass the host on which the CLI runs. */
export interface Engine extends EngineKind {
  readonly cli: EngineCli;
  readonly server: Server;
  /** Whether the user chose it by an option: a later run without that may choose the other one. */
  readonly byOption: boolean;
}

/** The name of an instance on a server. The instance need not exist. */
export interface Instance extends OnServer {
  readonly engine: Engine;
}

/** An instance's name for the user, `[REMOTE:]NAME`: see {@linkcode withRemote}. */
export function labelOf({ engine, name }: OnServer): string {
  return withRemote(engine.server, name);
}

/**
 * Chooses the engine: the one of the option or of `$GUI_CONTAINER_ENGINE`, else the first of {@linkcode engineClis}
 * that answers, or that has the remote.
 *
 * @param request the engine and the server; by default, the server of the CLI's own configuration
 * @throws {UserError} exit code 125 when none answers, 2 for an unknown engine, remote or project
 */
export async function chooseEngine(
  host: Host,
  { engine: wanted, ...request }: ServerRequest & { engine?: string | undefined } = {},
): Promise<Engine> {
  const named = wantedCli(host, wanted);
  const byOption = wanted !== undefined && named !== host.env("GUI_CONTAINER_ENGINE");
  const failures: UserError[] = [];
  for (const cli of named === undefined ? await clisWith(host, request.remote) : [named]) {
    const engine = { ...await engineAt(host, { ...request, cli }), byOption };
    try {
      if (named === undefined) await query(host, engine, "/1.0");
      await checkProject(host, engine, request.project);
      return engine;
    } catch (error) {
      if (named !== undefined || !isFailure(error)) throw error;
      failures.push(error instanceof ProcessError ? oddError(engine, error) : error);
    }
  }
  const failure = failures.find((error) => error instanceof InputError) ??
    failures.find(({ output }) => output !== "");
  throw failure ?? noEngineError();
}

/** The error for a machine without an engine. */
export function noEngineError(): UserError {
  return new NoEngine("Neither LXD nor Incus is installed", {
    hint:
      `Install one of them: the package incus and "${engines.incus.init}", or "sudo snap install lxd" and "${engines.lxc.init}"`,
  });
}

/**
 * Checks that a server has a project: for one that it does not have, it would return empty lists.
 *
 * @throws {UserError} exit code 2
 */
async function checkProject(host: Host, engine: Engine, project: string | undefined): Promise<void> {
  if (project === undefined || project === "default") return;
  if (await host.look<unknown>(project, () => query(host, engine, `/1.0/projects/${project}`)) !== undefined) return;
  const list = `${engine.cli} project list ${withRemote(engine.server, "")}`.trim();
  throw inputError(`${engine.product} has no project "${project}"`, `See which there are: ${list}`);
}

/** The error for a CLI that fails before it asks a server, such as when snapd refuses a home outside of /home. */
function oddError(engine: Engine, error: ProcessError): NoEngine {
  return new NoEngine(`${engine.product} cannot be queried: ${error.message}`, {
    hint: `Fix what it says, or ${otherEngineHint(engine)}`,
    ...causedBy(error),
  });
}

/**
 * The CLI that the option or `$GUI_CONTAINER_ENGINE` names; undefined without either.
 *
 * @throws {UserError} exit code 2 for a name that is not an engine's
 */
export function wantedCli(host: Pick<Host, "env">, wanted: string | undefined): EngineCli | undefined {
  const choice = wanted ?? host.env("GUI_CONTAINER_ENGINE");
  // The product's name will do, too.
  const cli = choice === "lxd" ? "lxc" : engineClis.find((name) => name === choice);
  if (cli !== undefined || choice === undefined) return cli;
  throw inputError(`There is no engine "${choice}"`, `Use ${engineClis.join(" or ")}`);
}

/**
 * The CLIs that have a remote. All of them when no remote is named, or when none has it, so that each can report that.
 */
async function clisWith(host: Host, remote: string | undefined): Promise<EngineCli[]> {
  if (remote === undefined) return engineClis;
  const have = await Promise.all(engineClis.map((cli) => hasRemote(host, cli, remote)));
  const clis = engineClis.filter((_, index) => have[index]);
  return clis.length > 0 ? clis : engineClis;
}

/** The engine of this machine that a CLI drives, whether it answers or not. */
export function engineCalled(cli: EngineCli): Engine {
  return { cli, server: ownServer, byOption: false, ...engines[cli] };
}

/** The engine that a CLI drives, with a server of the user's choice: see {@linkcode findServer}. */
export async function engineAt(...given: Parameters<typeof findServer>): Promise<Engine> {
  return { ...engineCalled(given[1].cli), server: await findServer(...given) };
}

export function otherEngine({ cli }: Engine): Engine {
  return engineCalled(engineClis.find((name) => name !== cli)!);
}

export interface Environment {
  /** Such as `5.0.2`. */
  server_version: string;
  /** The project in which it was asked. */
  project: string;
  server_clustered: boolean;
  server_name: string;
}

/**
 * Asks a server for its version, its project and its cluster.
 *
 * @throws {UserError} with exit code 125 when it does not answer
 */
export async function environmentOf(host: Host, engine: Engine): Promise<Environment> {
  const environment = tableIn(tableIn(await query(host, engine, "/1.0")).environment);
  return {
    server_version: textIn(environment.server_version),
    project: textIn(environment.project),
    server_clustered: environment.server_clustered === true,
    server_name: textIn(environment.server_name),
  };
}

/**
 * The engine's own warnings about this host, one line each.
 *
 * @returns undefined where the user may use one project of their own, and nothing else
 */
export async function warningsOf(host: Host, engine: Engine, { project }: Environment): Promise<string[] | undefined> {
  // Incus gives a user who is only in the group "incus" a project called "user-UID", where there are no warnings.
  if (project.startsWith("user-")) return undefined;
  return listIn(await query(host, engine, "/1.0/warnings?recursion=1")).map(tableIn)
    // A resolved warning is about an earlier start of the engine, on another kernel.
    .filter(({ status }) => status !== "resolved")
    .map(({ type, last_message: message }) => `${textIn(type)}: ${textIn(message)}`);
}

/** The command line of the engine's CLI, in the right project. */
export function engineArgv({ cli, server: { project } }: Engine, args: readonly string[]): string[] {
  // "query" refuses the option: there, the path names the project.
  return [cli, ...(project === undefined || args[0] === "query" ? [] : ["--project", project]), ...args];
}

/** A command line of the engine's CLI as the user is to type it. */
export function engineLine(engine: Engine, args: readonly string[]): string {
  return quoteWords(engineArgv(engine, args));
}

/** A path of the API for the CLI: with the remote in front, and the project at its end. */
export function apiPath(engine: Engine, path: string): string {
  const { project } = engine.server;
  const rest = project === undefined ? "" : `${path.includes("?") ? "&" : "?"}project=${encodeURIComponent(project)}`;
  return withRemote(engine.server, path + rest);
}

/** The CLIs' messages are read here, and some distributions have translations of them. */
const inEnglish = { LC_ALL: "C.UTF-8", LANGUAGE: "" };

/**
 * Runs the engine's CLI, unless that would install the engine.
 *
 * @throws {UserError} exit code 125 when the engine cannot be reached
 */
export async function run(
  host: Host,
  engine: Engine,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  if (engine.cli === "lxc" && await host.look("other", () => kindOfLxc(host)) === "installer") {
    throw notInstalledError(engine);
  }
  try {
    return await host.run(engineArgv(engine, args), { ...options, env: { ...inEnglish, ...options.env } });
  } catch (error) {
    throw engineError(engine, error);
  }
}

/** Changes something by the engine's API, and waits until that is done. */
export async function request(
  host: Host,
  engine: Engine,
  { method, path, data }: { method: "PATCH" | "POST"; path: string; data: unknown },
): Promise<void> {
  const body = JSON.stringify(data);
  await run(host, engine, ["query", "--request", method, "--wait", "--data", body, apiPath(engine, path)]);
}

/**
 * How long another machine's server may take to answer a question, in milliseconds. A cluster takes 10 s to notice that
 * a member is gone (Incus 6.0.4), and longer when it is busy.
 */
const remoteTimeoutMs = 20_000;

/** What ends the wait for an answer: a time, 20 s by default for another machine's server, or a signal. */
export type QueryLimits = Pick<RunOptions, "timeoutMs" | "signal">;

/**
 * Reads one path of the engine's API. Returns undefined when there is nothing at it, and in a dry run.
 *
 * @returns what the server has answered, which may be anything: see answer.ts
 * @throws {UserError} for an answer that is not JSON
 */
export async function query(host: Host, engine: Engine, path: string, limits?: QueryLimits): Promise<unknown> {
  const options = { looksOnly: true, ...(engine.server.isLocal ? {} : { timeoutMs: remoteTimeoutMs }), ...limits };
  const ask = async (): Promise<ProcessResult> => await run(host, engine, ["query", apiPath(engine, path)], options);
  const answer = await ifFound(ask().catch((error) => mayBeOtherName(error) ? ask() : Promise.reject(error)));
  try {
    return answer === undefined || answer.stdout === "" ? undefined : JSON.parse(answer.stdout);
  } catch (error) {
    throw new UserError(`${engine.product} answers "${path}" with something that is not JSON`, {
      hint: `See what it says: ${engineLine(engine, ["query", apiPath(engine, path)])}`,
      cause: error,
    });
  }
}

/**
 * Whether the CLI refused a certificate for the name by which it has called the server: Incus 7.0.2 tries another name
 * when it cannot connect, and fails with that when the network has come back meanwhile.
 */
function mayBeOtherName(error: unknown): boolean {
  return error instanceof UserError && /x509: certificate is valid for/.test(error.output);
}

export async function answers(host: Host, engine: Engine): Promise<boolean> {
  return await query(host, engine, "/1.0").then(() => true, () => false);
}

/**
 * Checks that the server can place an instance: on a member of its cluster, or in a group of members.
 *
 * @param target a member, or a group as `@GROUP`
 * @throws {UserError} exit code 2
 */
export async function checkTarget(host: Host, engine: Engine, target: string): Promise<void> {
  if (!(await environmentOf(host, engine)).server_clustered) {
    throw inputError("A target needs a cluster, and this server is in none", "Leave it out");
  }
  const [kind, what] = target.startsWith("@") ? ["groups", "group"] : ["members", "member"];
  if (await query(host, engine, `/1.0/cluster/${kind}/${target.replace(/^@/, "")}`) !== undefined) return;
  throw inputError(`The cluster has no ${what} "${target}"`, `See ${listMembers(engine, kind)}`);
}

/** The engine's answer; undefined when it answers that there is no such thing. */
export function ifFound<T>(asked: Promise<T>): Promise<T | undefined> {
  return orNothing(asked, (error) => error instanceof ProcessError && notFound.test(error.stderr));
}

/** The second is Incus 7.0.2's answer for a file; older engines say "Not Found". */
const notFound = /not found|^Error: remove .*: file does not exist$/im;

/**
 * The message of a server that is starting, or that cannot reach the member of its cluster with the instance (Incus
 * 6.0.4).
 */
const notReady = /^Error: (.*: )?(Server isn't ready yet|Missing event connection with target cluster member)$/m;

/**
 * Whether a server is starting, or a member of its cluster does not answer. About a member that it does not know to be
 * lost, a server says what the CLI says about a server that refuses the connection (Incus 6.0.4).
 */
export function isNotReady(error: unknown): boolean {
  const { cause } = error instanceof UserError ? error : { cause: error };
  return cause instanceof ProcessError &&
    (notReady.test(cause.stderr) || cause.stderr.includes("connect: connection refused"));
}

/** The command that lists the members of the cluster, or its groups of members. */
export function listMembers(engine: Engine, kind = "members"): string {
  const words = ["cluster", ...(kind === "groups" ? ["group"] : []), "list", withRemote(engine.server, "")];
  return engineLine(engine, words).trim();
}

/**
 * The CLI's messages when it gets no answer, as patterns, and the error for each. A program in a container may print
 * the same, and much more: each pattern must take linear time.
 */
const noAnswers: readonly {
  says: RegExp | readonly RegExp[];
  /** Whether only local servers are meant, or only remote ones; undefined for both. */
  isLocal?: boolean;
  message(engine: Engine): string;
  hint(engine: Engine): string;
}[] = [
  {
    says: notReady,
    message: ({ product }) => `${product} is not ready: it is starting, or a member of its cluster does not answer`,
    hint: (engine) => `In a cluster, see which one: ${listMembers(engine)}`,
  },
  {
    says: /\bx509: |failed to verify certificate/,
    isLocal: false,
    message: ({ server: { remote } }) => `The certificate of the remote "${remote}" is not the one that was trusted`,
    hint: ({ cli, server: { remote } }) =>
      `If you know why it changed, add the remote again: ${cli} remote remove ${remote}, then ${cli} remote add`,
  },
  {
    says: /^Error: not (authorized|trusted)/im,
    isLocal: false,
    message: ({ server: { remote } }) => `The remote "${remote}" does not trust this machine's certificate`,
    hint: ({ cli, server: { remote } }) =>
      `Ask its administrator for a token (${cli} config trust add), then add the remote again: ${cli} remote add ${remote}`,
  },
  {
    says: /\bdial tcp\b|\bconnect: |i\/o timeout|TLS handshake timeout|deadline exceeded/,
    isLocal: false,
    message: ({ server: { remote } }) => `The remote "${remote}" does not answer`,
    hint: () => "Check that its machine runs, and that this one has a network",
  },
  {
    // A message of snapd, with LXD 6.9.
    says: /cannot track application process/,
    message: () => "LXD's snap runs only where a systemd user session does",
    hint: () => 'Log in instead of su or sudo; for cron and the like: sudo loginctl enable-linger "$USER"',
  },
  {
    // Debian 13's Incus words it differently.
    says: [/unix\.socket/i, /permission denied|needed permissions/i],
    isLocal: true,
    message: ({ product }) => `Permission denied on ${product}'s socket`,
    hint: ({ group }) => `Join its group, then log in again: sudo usermod --append --groups ${group} "$USER"`,
  },
  {
    says: /unix\.socket|doesn't appear to be (started|running)/i,
    isLocal: true,
    message: ({ product }) => `${product} does not answer`,
    hint: ({ init }) => `Start it; if it was never set up: ${init}`,
  },
];

/**
 * The error for a call of the CLI that failed: exit code 125 when the engine cannot be reached, else the same error.
 */
function engineError(engine: Engine, error: unknown): unknown {
  const { server } = engine;
  if (isMissingProgram(error)) return notInstalledError(engine, error);
  if (!(error instanceof ProcessError)) return error;
  // An image server may be down while the remote is up.
  if (!server.isLocal && error.stderr.includes("/streams/v1/")) return error;
  const message = error.timedOut ? `${error.stderr}\ni/o timeout` : error.stderr;
  const known = noAnswers.find(({ says, isLocal = server.isLocal }) =>
    isLocal === server.isLocal && [says].flat().every((pattern) => pattern.test(message))
  );
  return known ? new NoEngine(known.message(engine), { hint: known.hint(engine), ...causedBy(error) }) : error;
}

function notInstalledError(engine: Engine, cause?: unknown): NoEngine {
  return new NoEngine(`The engine's program "${engine.cli}" is not installed`, {
    hint: `Install ${engine.product}, or ${otherEngineHint(engine)}`,
    cause,
  });
}

function otherEngineHint(engine: Engine): string {
  const { cli } = otherEngine(engine);
  return `choose the other engine: ${engine.byOption ? `--engine=${cli}` : `GUI_CONTAINER_ENGINE=${cli}`}`;
}
