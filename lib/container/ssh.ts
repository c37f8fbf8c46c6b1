/** SSH to a container: only the pinned host keys count, the user's known_hosts is not used, nothing is forwarded. */

import { ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";
import type { Mounts } from "./mounts.ts";
import { containerUser } from "./ours.ts";
import { quoteWords, withValues } from "../base/shell_words.ts";

/** Where and how to reach a container. */
export interface SshTarget {
  /** The container's name. Its host keys are pinned under this name. */
  name: string;
  /** Its IPv4 address; its name when it has no network. */
  address: string;
  /** The command whose stdin and stdout lead to an sshd in a container without a network. */
  proxy?: readonly string[];
  /** Its directories on the host. `knownHosts` has the pinned host keys. */
  mounts: Mounts;
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

/** Writes what {@linkcode knownHostsLines} returns to the container's known_hosts file. */
export async function pinHostKeys(host: Host, mounts: Mounts, lines: string): Promise<void> {
  await host.change(
    `printf %s ${quoteWords([lines])} >${quoteWords([mounts.knownHosts])}`,
    () => Deno.writeTextFile(mounts.knownHosts, lines, { mode: 0o644 }),
  );
}

/**
 * The argument list that runs a program in a container as the container user.
 *
 * @param remote the program and its arguments. They are quoted for the remote shell here, and nowhere else
 * @param options `mayAsk`: ssh may ask the user, for a passphrase for example
 */
export function sshArgv(target: SshTarget, remote: readonly string[], options: { mayAsk: boolean }): string[] {
  return [
    "ssh",
    ...sshOptions(target, options),
    `${containerUser.name}@${target.address}`,
    "--",
    quoteWords(remote),
  ];
}

function sshOptions({ mounts, name, proxy }: SshTarget, { mayAsk }: { mayAsk: boolean }): string[] {
  const settings = {
    ...(proxy ? { ProxyCommand: quoteWords(proxy).replaceAll("%", "%%") } : {}),
    UserKnownHostsFile: `"${mounts.knownHosts.replaceAll("%", "%%")}"`,
    GlobalKnownHostsFile: "/dev/null",
    HostKeyAlias: name,
    StrictHostKeyChecking: "yes",
    UpdateHostKeys: "no",
    // The user's own configuration may say otherwise; the container gets neither the agent nor the X server.
    ForwardAgent: "no",
    ForwardX11: "no",
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    ConnectTimeout: "10",
    LogLevel: "ERROR",
    BatchMode: mayAsk ? "no" : "yes",
  };
  return ["-T", ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

/**
 * Runs a program in a container as the container user and captures what it prints.
 *
 * @throws {UserError} when ssh itself fails. Its exit status is 255 then, and it prints why; for a program that a signal has
 * ended its exit status is 255 too, and it prints nothing
 * @throws {ProcessError} when the program fails
 */
export async function sshRun(
  host: Host,
  target: SshTarget,
  remote: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  const mayAsk = !host.dryRun && Deno.stdin.isTerminal();
  try {
    return await host.run(sshArgv(target, remote, { mayAsk }), options);
  } catch (error) {
    throw error instanceof ProcessError && error.code === 255 && error.stderr !== "" ? sshError(target, error) : error;
  }
}

/**
 * Runs a script for sh in a container as the container user and captures what it prints.
 *
 * @param options `values` become variables of the script, `parameters` its positional parameters
 * @throws as {@linkcode sshRun}
 */
export async function sshScript(
  host: Host,
  target: SshTarget,
  { script, values = {}, parameters = [] }: {
    script: string;
    values?: Readonly<Record<string, string>>;
    parameters?: readonly string[];
  },
): Promise<ProcessResult> {
  return await sshRun(host, target, ["/bin/sh", "-c", withValues(script, values), "gui-container", ...parameters]);
}

function sshError({ name, address, mounts }: SshTarget, error: ProcessError): UserError {
  const { output } = error;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(output)) {
    return new UserError(`The SSH host key of "${name}" is not the one that was pinned`, {
      hint: `If you know why it changed, remove ${mounts.knownHosts} and make it anew from the container's own keys`,
      output,
      cause: error,
    });
  }
  if (/Permission denied/.test(output)) {
    return new UserError(`The container "${name}" does not accept your SSH keys`, {
      hint:
        "Let ssh find the private key of the public key given to create.ts: ssh-add FILE, or IdentityFile in ~/.ssh/config",
      output,
      cause: error,
    });
  }
  return new UserError(`Cannot reach "${name}" at ${address} by SSH`, {
    hint: "See whether a firewall blocks the engine's bridge, and whether sshd runs in the container",
    output,
    cause: error,
  });
}

/**
 * Checks an authorized_keys file (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
 *
 * @returns whether it holds a private key, and whether a public one
 */
export function inspectKeys(text: string): { privateKey: boolean; publicKey: boolean } {
  const keyType = "(?:sk-)?(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\\.com)?";
  return {
    privateKey: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/m.test(text),
    publicKey: text.split("\n").some((line) =>
      new RegExp(`^[^#]*(?:^|\\s)${keyType}\\s+[A-Za-z0-9+/]+=*(?:\\s|$)`).test(line)
    ),
  };
}
