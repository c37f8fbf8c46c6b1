/** SSH to a container: pinned host keys, nobody's own known_hosts touched, nothing forwarded. */

import { ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";
import type { Mounts } from "./mounts.ts";
import { containerUser } from "./ours.ts";
import { quoteWords } from "../base/shell_words.ts";

/** Where and how to reach a container. */
export interface SshTarget {
  /** The container's name: what its host keys are pinned under. */
  name: string;
  /** Its IPv4 address, or for one without a network its name. */
  address: string;
  /** For one without a network: the command that speaks to an sshd in it by its stdin and stdout. */
  proxy?: readonly string[];
  /** Where its host keys are pinned. */
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

/** Writes the lines of {@linkcode knownHostsLines}. */
export async function pinHostKeys(host: Host, mounts: Mounts, lines: string): Promise<void> {
  await host.change(
    `printf %s ${quoteWords([lines])} >${quoteWords([mounts.knownHosts])}`,
    () => Deno.writeTextFile(mounts.knownHosts, lines, { mode: 0o644 }),
  );
}

/**
 * The argument list that runs `remote` in a container. The words are quoted for the remote shell here, and nowhere else.
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
    // Whatever the user's own configuration says, the container gets neither the agent nor the X server.
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
 * Runs a program in a container and captures what it prints.
 *
 * @throws {UserError} when SSH itself failed: exit status 255, with a message. Without one, a signal ended the program
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
    throw error instanceof ProcessError && error.code === 255 && error.stderr !== "" ? explain(target, error) : error;
  }
}

function explain({ name, address, mounts }: SshTarget, error: ProcessError): UserError {
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
