/** The container engine: LXD (`lxc`) or Incus (`incus`), driven by its CLI. One table holds what differs between the two. */

import { ExitCode, inputError, ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";

/** The name of an engine's CLI. */
export type EngineCli = "lxc" | "incus";

/** What differs between LXD and Incus. */
export interface EngineKind {
  /** "LXD" or "Incus". */
  readonly product: string;
  /** The image that is launched when none is named. */
  readonly defaultImage: string;
  /** The group whose members may use the engine. */
  readonly group: string;
  /** The command that sets the engine up. */
  readonly init: string;
  /** The words of its CLI that take a snapshot. */
  readonly snapshot: string;
  /** What to do when an image gives cloud-init no user-data. */
  readonly userDataHint: string;
}

const engines: Readonly<Record<EngineCli, EngineKind>> = {
  lxc: {
    product: "LXD",
    defaultImage: "ubuntu:",
    group: "lxd",
    init: "sudo lxd init --auto",
    snapshot: "snapshot",
    userDataHint:
      'If its image reads it from LXD\'s socket, take security.devlxd: "false" out of the profile; else choose another by --image',
  },
  incus: {
    product: "Incus",
    defaultImage: "images:ubuntu/24.04/cloud",
    group: "incus-admin",
    init: "sudo incus admin init --auto",
    snapshot: "snapshot create",
    // cloud-init 25.1 looks for LXD's socket alone.
    userDataHint: "With --image, choose one whose templates make files for cloud-init: a cloud variant from images:",
  },
};

/** The CLIs of the engines, in the order in which they are asked. */
export const engineClis = Object.keys(engines) as EngineCli[];

/** An engine, and the host that runs its CLI. */
export interface Engine extends EngineKind {
  /** Runs the CLI. */
  readonly host: Host;
  /** The CLI. */
  readonly cli: EngineCli;
}

/**
 * Which engine to use: the one that is asked for by option or by `$GUI_CONTAINER_ENGINE`, else the first of
 * {@linkcode engineClis} that answers.
 *
 * @throws {UserError} exit code 125 when none answers, 2 for a name that is neither
 */
export async function chooseEngine(host: Host, wanted: string | undefined): Promise<Engine> {
  const choice = wanted ?? host.env("GUI_CONTAINER_ENGINE");
  if (choice !== undefined) {
    const cli = engineClis.find((name) => name === choice);
    if (cli !== undefined) return engineCalled(host, cli);
    const names = engineClis.join(" or ");
    throw inputError(`There is no engine "${choice}"`, `Use ${names}, with --engine or $GUI_CONTAINER_ENGINE`);
  }
  if (host.dryRun) return engineCalled(host, engineClis[0]!);
  const failures: UserError[] = [];
  for (const cli of engineClis) {
    const engine = engineCalled(host, cli);
    try {
      await query(engine, "/1.0");
      return engine;
    } catch (error) {
      if (error instanceof UserError) failures.push(error);
      else if (!(error instanceof ProcessError)) throw error;
    }
  }
  throw failures.find(({ output }) => output !== "") ?? new UserError("Neither LXD nor Incus is installed", {
    hint: `Install one of them: "sudo snap install lxd" and "${engines.lxc.init}", or the package incus`,
    exitCode: ExitCode.noEngine,
  });
}

/** The engine that a CLI drives. Does not ask whether it answers. */
export function engineCalled(host: Host, cli: EngineCli): Engine {
  return { host, cli, ...engines[cli] };
}

/** The other engine. */
export function otherEngine({ host, cli }: Engine): Engine {
  return engineCalled(host, engineClis.find((name) => name !== cli)!);
}

/** The same engine on another host, such as the one for cleaning up. */
export function engineOn(engine: Engine, host: Host): Engine {
  return { ...engine, host };
}

/** What an engine reports about itself. */
export interface ServerState {
  /** Such as `5.0.2`. */
  version: string;
  /** The user may use one project of their own, and nothing else. */
  restricted: boolean;
  /** What the engine misses on this host, one line each. */
  warnings: string[];
}

/**
 * Asks an engine for its version and its warnings.
 *
 * @throws {UserError} with exit code 125 when it does not answer
 */
export async function serverState(engine: Engine): Promise<ServerState> {
  const { environment } = await query(engine, "/1.0") as { environment: { server_version: string; project: string } };
  // Incus gives a user who is only in the group "incus" a project called "user-UID", where there are no warnings.
  const restricted = environment.project.startsWith("user-");
  const warnings = restricted ? [] : await query(engine, "/1.0/warnings?recursion=1") as {
    type: string;
    last_message: string;
  }[];
  return {
    version: environment.server_version,
    restricted,
    warnings: warnings.map(({ type, last_message: message }) => `${type}: ${message}`),
  };
}

/**
 * Runs the engine's CLI.
 *
 * @throws {UserError} exit code 125 when the engine cannot be reached
 */
export async function run(engine: Engine, args: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  try {
    return await engine.host.run([engine.cli, ...args], options);
  } catch (error) {
    throw engineError(engine, error);
  }
}

/** Changes something by the engine's API, and waits until that is done. */
export async function request(engine: Engine, method: "PATCH" | "POST", path: string, data: unknown): Promise<void> {
  const body = JSON.stringify(data);
  await run(engine, ["query", "--request", method, "--wait", "--data", body, path]);
}

/** Reads one path of the engine's API. Returns undefined when there is nothing at it, and in a dry run. */
export async function query(engine: Engine, path: string): Promise<unknown> {
  try {
    const { stdout } = await run(engine, ["query", path], { looksOnly: true });
    return stdout === "" ? undefined : JSON.parse(stdout);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether the engine answers. */
export async function answers(engine: Engine): Promise<boolean> {
  return await query(engine, "/1.0").then(() => true, () => false);
}

/** Whether an error is the engine's answer that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ProcessError && /not found/i.test(error.stderr);
}

/**
 * The error for a call of the CLI that failed: exit code 125 when the engine cannot be reached, else the same error.
 */
function engineError({ cli, product, group, init }: Engine, error: unknown): unknown {
  if (error instanceof UserError && error.exitCode === ExitCode.missingProgram) {
    return new UserError(`The engine's program "${cli}" is not installed`, {
      hint: `Install ${product}, or choose the other engine with --engine`,
      exitCode: ExitCode.noEngine,
      cause: error,
    });
  }
  if (!(error instanceof ProcessError)) return error;
  if (/permission denied/i.test(error.stderr) && /unix\.socket/.test(error.stderr)) {
    return new UserError(`You may not use ${product}`, {
      hint: `Join its group, then log in again: sudo usermod --append --groups ${group} "$USER"`,
      exitCode: ExitCode.noEngine,
      output: error.output,
      cause: error,
    });
  }
  if (/unix\.socket|doesn't appear to be (started|running)/i.test(error.stderr)) {
    return new UserError(`${product} does not answer`, {
      hint: `Start it; if it was never set up: ${init}`,
      exitCode: ExitCode.noEngine,
      output: error.output,
      cause: error,
    });
  }
  return error;
}
