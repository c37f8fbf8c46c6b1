/**
 * SSH to a container. The container may have replaced its sshd, so: only pinned host keys are accepted, login is by
 * public key only, ssh offers only the keys given to create.ts, forwards only what `link.ts` asks for, and ignores the
 * user's own ssh_config.
 */

import sshConf from "./ssh.conf" with { type: "text" };
import { basename, join } from "@std/path";

import { causedBy, isProcessError, orElse, ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import { answerLimits, hasNoAnswer } from "../engine/exec.ts";
import type { Host, RunOptions } from "../base/host.ts";
import type { Mounts } from "./paths.ts";
import type { ContainerUser } from "./user.ts";
import { quoteWords, withValues } from "../base/shell_words.ts";

export interface SshTarget {
  /** The container's name for the user, `[REMOTE:]NAME`. */
  name: string;
  /** Its address, by IPv4 or IPv6; its name when it is reached through the engine. */
  address: string;
  user: ContainerUser;
  /** The engine's command whose stdin and stdout connect to an sshd in the container. */
  proxy?: readonly string[];
  /** Its directories on the host. `knownHosts` pins its host keys under the name of the directory. */
  mounts: Mounts;
  /** The file with ssh's settings; undefined for a container that an older create.ts made without it. */
  config?: string | undefined;
  /** The socket of this run's shared connection, see `link.ts`. Without one, ssh opens a connection of its own. */
  control?: string;
}

/** ssh itself has failed: the container cannot be reached now, but perhaps later. */
export class Unreachable extends UserError {
  override name = "Unreachable";
}

/** The container accepts none of the keys that ssh can use without asking for a passphrase. */
export class KeysRefused extends UserError {
  override name = "KeysRefused";
}

/** A public key that may log in, with the path of its private key. */
export interface Identity {
  /** The type and the key, as {@linkcode publicKeysIn} returns them. */
  publicKey: string;
  /** Undefined if no file with it is known: an SSH agent may hold it. */
  privateKeyPath: string | undefined;
}

/** The file with ssh's settings for a container: it names the keys that ssh offers. */
export function sshConfigPath({ ssh }: Pick<Mounts, "ssh">): string {
  return join(ssh, "config");
}

/**
 * The files that name the keys which ssh offers to a container: `config`, and, for each key without a known private key
 * file, a file with the public key, by which ssh finds the private key in an agent.
 *
 * @returns texts by file name
 */
export function identityFiles(mounts: Pick<Mounts, "ssh">, identities: readonly Identity[]): Record<string, string> {
  const files: Record<string, string> = {};
  const lines = identities.map(({ publicKey, privateKeyPath }, index) => {
    const name = `${index + 1}.pub`;
    if (privateKeyPath === undefined) files[name] = `${publicKey}\n`;
    return `IdentityFile "${(privateKeyPath ?? join(mounts.ssh, name)).replaceAll("%", "%%")}"\n`;
  });
  const comment = "# The keys that ssh offers to this container, and no others. Add your own as IdentityFile.\n";
  return { ...files, config: comment + lines.join("") };
}

/**
 * The lines of a known_hosts file that pin the host keys of a container under its name.
 *
 * @param publicKeys the contents of its `/etc/ssh/ssh_host_*_key.pub`
 */
export function knownHostsLines(name: string, publicKeys: string): string {
  return publicKeys.split("\n").filter((line) => /^(ssh|ecdsa|sk)-\S+ \S+/.test(line))
    .map((line) => `${name} ${line.split(" ").slice(0, 2).join(" ")}\n`).join("");
}

/**
 * The argument list that runs a program in a container as the container user.
 *
 * @param remote the program and its arguments, unquoted: this function quotes them for the remote shell
 * @param options `mayAsk`: ssh may ask the user, for a passphrase for example
 */
export function sshArgv(target: SshTarget, remote: readonly string[], options: { mayAsk: boolean }): string[] {
  return ["ssh", ...sshOptions(target, options), sshDestination(target), "--", quoteWords(remote)];
}

/** The destination for ssh: user and address. */
export function sshDestination({ user, address }: Pick<SshTarget, "user" | "address">): string {
  return `${user.name}@${address}`;
}

/** The option that names the socket of a shared connection. ssh expands `%` in it. */
export function controlOption(control: string): string[] {
  return ["-S", control.replaceAll("%", "%%")];
}

/** The settings in a file such as ssh.conf, as `KEY=VALUE`. */
export function settingsIn(conf: string): string[] {
  return conf.trimEnd().split("\n").filter((line) => !line.startsWith("#")).map((line) => line.replace(" ", "="));
}

export function sshOptions({ mounts, proxy, config, control }: SshTarget, { mayAsk }: { mayAsk: boolean }): string[] {
  const settings = [
    // The engine's CLI would live on after ssh has given up, if the network is down or the container does not end it.
    ...(proxy ? [`ProxyCommand=setpriv --pdeathsig KILL ${quoteWords(proxy).replaceAll("%", "%%")}`] : []),
    `UserKnownHostsFile="${mounts.knownHosts.replaceAll("%", "%%")}"`,
    `HostKeyAlias=${basename(mounts.directory)}`,
    ...settingsIn(sshConf),
    `BatchMode=${mayAsk ? "no" : "yes"}`,
  ];
  const connection = control === undefined ? [] : controlOption(control);
  return ["-F", config ?? "none", "-T", ...connection, ...settings.flatMap((setting) => ["-o", setting])];
}

export interface ScriptOptions extends RunOptions {
  /** Whether ssh may ask the user, for a passphrase for example, if there is a terminal. Default: true. */
  mayAsk?: boolean;
  /** The host for cleaning up, where the container's own has ended. A script that it runs does not wait for a boot. */
  host?: Host;
  /** The sh script. */
  script: string;
  /** Variables set before the script. */
  values?: Readonly<Record<string, string>>;
  /** Its positional parameters. */
  parameters?: readonly string[];
}

export function canAsk(): boolean {
  return Deno.stdin.isTerminal();
}

/**
 * Runs an sh script in a container as the container user and captures its output. The container is not trusted: by
 * default, it has a minute to answer, with at most 1 MiB.
 *
 * @throws {UserError} when the answer is too long or too late, or when ssh itself fails: ssh then prints why and exits
 * with status 255. (If a signal ends the script, the status is 255 too, but ssh prints nothing.)
 * @throws {ProcessError} when the script fails
 */
export async function sshScript(
  host: Host,
  target: SshTarget,
  { script, values = {}, parameters = [], mayAsk = true, ...options }: ScriptOptions,
): Promise<ProcessResult> {
  const remote = ["/bin/sh", "-c", withValues(script, values), "gui-container", ...parameters];
  const argv = sshArgv(target, remote, { mayAsk: mayAsk && canAsk() });
  const run = (): Promise<ProcessResult> => host.run(argv, { ...answerLimits, ...options });
  const ran = target.proxy ? orElse(run(), hasNoAnswer, run) : run();
  return await orElse(ran, isProcessError, (error) => {
    if (error.timedOut || error.overflowed) throw noAnswerError(target, error);
    throw error.code === 255 && error.stderr !== "" ? sshError(target, error) : error;
  });
}

function noAnswerError({ name }: SshTarget, error: ProcessError): UserError {
  return new (error.timedOut ? Unreachable : UserError)(
    error.timedOut ? `The container "${name}" does not answer` : `The answer of the container "${name}" is too long`,
    { hint: "Its sshd or its programs may hang, or may have been replaced", cause: error },
  );
}

/** The error for an ssh that has failed itself, depending on its output. */
export function sshError({ name, address, mounts, proxy }: SshTarget, error: ProcessError): UserError {
  const { output } = error;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(output)) {
    return new UserError(`The SSH host key of "${name}" is not the one that was pinned`, {
      hint:
        `If you know why it changed, remove ${mounts.knownHosts} and run this again: it says how to pin the new one`,
      ...causedBy(error),
    });
  }
  if (/Permission denied/.test(output)) {
    return new KeysRefused(`The container "${name}" does not accept your SSH keys`, {
      hint: "ssh offers only the keys given to create.ts. Load the private key with ssh-add FILE, or name it in " +
        sshConfigPath(mounts),
      ...causedBy(error),
    });
  }
  const look = proxy
    ? "whether its server answers, and whether sshd is installed in the container"
    : "whether a firewall blocks the engine's bridge, and whether sshd runs in the container";
  return new Unreachable(`Cannot reach "${name}" ${proxy ? "through the engine" : `at ${address}`} by SSH`, {
    hint: `If it has just been started, try again in a few seconds. Else see ${look}`,
    ...causedBy(error),
  });
}

/**
 * The public keys in an authorized_keys file (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): type and key of each, without
 * options and comment.
 */
export function publicKeysIn(text: string): string[] {
  return [...text.matchAll(publicKeyLine)].map(([, key]) => key!.replace(/[ \t]+/, " "));
}

/** Whether a text contains a private key of OpenSSH, OpenSSL or PuTTY. */
export function hasPrivateKey(text: string): boolean {
  return /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/m.test(text);
}

/** A line with a public key: options of any kind, its type, and the key itself. */
const publicKeyLine = new RegExp(
  "^[^#\\n]*?(?<!\\S)((?:sk-)?(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\\.com)?" +
    "[ \\t]+[A-Za-z0-9+/]+=*)(?!\\S)",
  "gm",
);
