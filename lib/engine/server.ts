/**
 * The choice of a server: a remote of the engine's CLI, and a project there. Where the user names neither, the CLI's
 * own configuration decides (`incus remote switch`, `incus project switch`).
 */

import clients from "./clients.json" with { type: "json" };
import { tableIn, textIn } from "./answer.ts";
import { dirname, join } from "@std/path";
import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { exists, findOnPath } from "../base/files.ts";

export type EngineCli = "lxc" | "incus";

/** The host on which a CLI runs: its environment sets the CLI's directories and defaults. */
type CliHost = Pick<Host, "env">;

export interface Server {
  /** The CLI's remote; undefined for its own default, the engine of this machine. */
  readonly remote: string | undefined;
  /** The project; undefined for "default", which every server has, where that is the CLI's own default. */
  readonly project: string | undefined;
  /** Whether it is reached by a Unix socket: it is this machine's server, or its member of a cluster. */
  readonly isLocal: boolean;
}

/** How a user names a server. */
export interface ServerRequest {
  remote?: string | undefined;
  project?: string | undefined;
}

/** The engine of this machine, and its default project. */
export const ownServer: Server = { remote: undefined, project: undefined, isLocal: true };

/** A named object on a server: an instance, or a profile. */
export interface OnServer {
  /** The engine of the server. */
  readonly engine: { readonly server: Server };
  /** Unique within the server's project. */
  readonly name: string;
}

/** A name as the engines' CLIs and the scripts take it: with its remote in front, unless that is the CLI's default. */
export function withRemote({ remote }: Pick<Server, "remote">, name: string): string {
  return remote === undefined ? name : `${remote}:${name}`;
}

/** The remote that every CLI has: the engine of this machine. */
const ownRemote = "local";

/**
 * What a CLI's configuration says about remotes: the default one, and each as it is in the file. The table clients.json
 * has the environment variables of each CLI that set its default remote and the directories of its configuration, and
 * where these are by default.
 */
interface ClientConfig {
  default: string;
  remotes: ReadonlyMap<string, unknown>;
}

/**
 * The server that the user means.
 *
 * @throws {UserError} exit code 2 when the CLI has no such remote
 */
export async function findServer(
  host: CliHost,
  { cli, ...request }: ServerRequest & { cli: EngineCli },
): Promise<Server> {
  const chosen = host.env(clients[cli].remote) || undefined;
  const config = await readClientConfig(host, cli, { whole: (request.remote ?? chosen) !== undefined });
  const remote = request.remote ?? chosen ?? config.default;
  const isConfigured = config.remotes.has(remote);
  const { addr, project: ofRemote } = tableIn(config.remotes.get(remote));
  if (!isConfigured && remote !== ownRemote) {
    const other = cli === "lxc" ? "incus" : "lxc";
    if (await hasRemote(host, other, remote)) {
      throw inputError(`${other}, not ${cli}, has the remote "${remote}"`, `Add --engine ${other}`);
    }
    throw inputError(`There is no remote "${remote}" of ${cli}`, `Add it: ${cli} remote add ${remote} ADDRESS`);
  }
  if (remote !== ownRemote && !isPlainName(remote)) {
    throw inputError(
      `The remote "${remote}" cannot be used here`,
      `Rename it: letters, digits, "-" and "." are allowed`,
    );
  }
  const standard = (cli === "incus" ? host.env("INCUS_PROJECT") : undefined) ?? (textIn(ofRemote) || "default");
  const project = request.project ?? standard;
  if (!isPlainName(project)) {
    throw inputError(`"${project}" cannot be the name of a project`, 'Use letters, digits, "-" and "."');
  }
  // LXD's snap may drop the variable: the remote is left out only where variable and configuration agree.
  const isDefault = [remote, chosen ?? ownRemote, config.default].every((name) => name === ownRemote);
  return {
    remote: isDefault ? undefined : remote,
    project: project === "default" && standard === "default" ? undefined : project,
    isLocal: !isConfigured || textIn(addr).startsWith("unix:"),
  };
}

export async function hasRemote(host: CliHost, cli: EngineCli, remote: string): Promise<boolean> {
  return remote === ownRemote || (await readClientConfig(host, cli, { whole: true })).remotes.has(remote);
}

/** Whether a text can be the name of a remote or of a project here: it becomes a part of paths. */
export function isPlainName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(text);
}

/**
 * The files in which a CLI's configuration may be, in the order of search: the user's, and the system's, whose remotes
 * the user's override.
 */
async function configFiles(host: CliHost, cli: EngineCli): Promise<{ user: string[]; system: string[] }> {
  const client = clients[cli];
  const given = host.env(client.directory);
  // The snap's wrapper sets this variable itself.
  const own = cli === "lxc" && given && await kindOfLxc(host) === "snap" ? undefined : given;
  const system = host.env(client.systemDirectory);
  const user = client.directories.map((path) =>
    path.replace(/^\$(\w+)/, (_, variable: string) => host.env(variable) ?? "/nonexistent")
  );
  const filesIn = (directories: readonly string[]): string[] => directories.map((one) => join(one, "config.yml"));
  return { user: filesIn(own ? [own] : user), system: filesIn(system ? [system] : client.systemDirectories) };
}

/**
 * Reads a CLI's configuration (`config.yml`). What cannot be read is left out: the CLI reports it.
 *
 * @param options `whole`: all remotes are needed. Otherwise a file that sets neither a default remote nor a project is
 * not parsed
 */
async function readClientConfig(host: CliHost, cli: EngineCli, { whole }: { whole: boolean }): Promise<ClientConfig> {
  const { user, system } = await configFiles(host, cli);
  const texts = [await readFirst(system), await readFirst(user)].filter((text) => text !== undefined);
  if (!whole && !texts.some((text) => changesSomething.test(text))) return { default: ownRemote, remotes: new Map() };
  // Loaded only where it is needed: most runs are in a hurry and need no YAML.
  const { parseYaml } = await import("../base/yaml.ts");
  const configs = texts.map((text) => {
    try {
      return tableIn(parseYaml("config.yml", text));
    } catch {
      return {};
    }
  });
  return {
    default: configs.map((config) => textIn(config["default-remote"])).findLast(Boolean) ?? ownRemote,
    remotes: new Map(configs.flatMap(({ remotes }) => Object.entries(tableIn(remotes)))),
  };
}

/** A line that names another default remote, or a project of one. */
const changesSomething = /^default-remote: (?!local\s*$)|^\s+project: (?!default\s*$)./m;

/** The text of the first of some files that exists. */
async function readFirst(paths: readonly string[]): Promise<string | undefined> {
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path).catch(() => undefined)));
  return texts.find((text) => text !== undefined);
}

/**
 * What `lxc` is on this host. `snap`: the snap's wrapper. `installer`: Ubuntu's lxd-installer, whose `/usr/sbin/lxc`
 * installs the snap whenever it is called.
 */
export async function kindOfLxc(host: Pick<Host, "env">): Promise<"snap" | "installer" | "other"> {
  const path = await findOnPath(host, "lxc");
  if (path === undefined) return "other";
  if (path.endsWith("/snap/bin/lxc")) return "snap";
  // Where /usr/sbin is a link to /usr/bin, the directory's name says nothing.
  if (!path.endsWith("/usr/sbin/lxc") || !(await Deno.realPath(dirname(path))).endsWith("/sbin")) return "other";
  return await exists(path.replace(/usr\/sbin\/lxc$/, "snap/bin/lxc")) ? "snap" : "installer";
}

/** A server in a record: by names that mean the same when the CLI's defaults change. */
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
