/** Waiting for cloud-init in an instance, and its errors and warnings. */

import type { Host } from "../base/host.ts";
import { delay } from "@std/async";
import awaitScript from "./await_cloud_init.sh" with { type: "text" };
import { tableIn, textsIn } from "../engine/answer.ts";
import type { Instance } from "../engine/engine.ts";
import { networkHint } from "../engine/bridge.ts";
import { exec, execArgv } from "../engine/exec.ts";
import { findInstance, noAddressError } from "../engine/instance.ts";
import { ProcessError, UserError } from "../base/errors.ts";
import { packageProgress } from "./package_progress.ts";
import { parseTable } from "../base/json_file.ts";

/** The maximum number of cloud-init's messages and of their characters: a hostile container may have written them. */
const messageLimits = { messages: 50, characters: 1_000 };

/**
 * Parses the output and the exit status of `cloud-init status --format json`: 0 is success, 1 an error, 2 success with
 * recoverable errors, which are warnings here (cloud-init documentation, "Failure states").
 */
export function parseStatus(stdout: string, code: number): { errors: string[]; warnings: string[] } {
  if (code === 0) return { errors: [], warnings: [] };
  const { errors, recoverable_errors: recoverable, detail } = parseTable(stdout) ?? { errors: [stdout.trim()] };
  if (code === 2) return { errors: [], warnings: messagesIn(Object.values(tableIn(recoverable)).flat()) };
  const reasons = [messagesIn(errors), messagesIn([detail]), ["cloud-init gave no reason"]];
  return { errors: reasons.find((messages) => messages.length > 0)!, warnings: [] };
}

/** The messages in a value that should be a list of texts. */
function messagesIn(list: unknown): string[] {
  return textsIn(list).filter(Boolean).slice(0, messageLimits.messages)
    .map((message) => message.slice(0, messageLimits.characters));
}

/** How long cloud-init runs before its output is shown, in milliseconds. */
const showOutputAfterMs = 2_000;

/** The time limit for an instance to boot and get an address, in milliseconds. After that, it will not get one. */
const maxAddressMs = 120_000;

/** The shell's exit status for a missing program. */
const noCloudInit = 127;

/**
 * Waits until cloud-init has ended in a running instance. Meanwhile, shows its stage, the time, and its last line of
 * output.
 *
 * @param options `timeoutMs`: the time limit, in milliseconds
 * @returns its warnings
 * @throws {UserError} when cloud-init failed or is missing, after `timeoutMs`, or when the instance gets no user-data
 * or no address
 */
export async function waitForCloudInit(
  host: Host,
  instance: Instance,
  { timeoutMs }: { timeoutMs: number },
): Promise<string[]> {
  host.ui.progress("Waiting for cloud-init");
  const over = new AbortController();
  // allSettled handles rejections at once: these may fail before the wait ends.
  const beside = host.look<unknown>(undefined, () =>
    Promise.allSettled([
      showOutput(host, instance, over.signal),
      requireAddress(host, instance, over),
    ]));
  try {
    const options = { timeoutMs, signal: over.signal };
    const { stdout } = await exec(host, instance, ["/bin/sh", "-c", awaitScript], options);
    return await host.look([], () => warningsIn(host, instance, stdout));
  } catch (error) {
    if (!(error instanceof ProcessError && error.timedOut)) throw error;
    throw new UserError(`cloud-init still runs after ${timeoutMs / 1000} s in "${instance.name}"`, {
      hint: "Wait longer with --timeout, or see at the end of its output what it waits for",
      output: await outputLogTail(host, instance),
      cause: error,
    });
  } finally {
    over.abort();
    await beside;
  }
}

/**
 * The warnings of cloud-init, from the output of await_cloud_init.sh.
 *
 * @throws {UserError} when cloud-init failed, is missing, or was given no user-data
 */
async function warningsIn(host: Host, instance: Instance, answer: string): Promise<string[]> {
  const { name } = instance;
  const [, json = "", code = "1", bytes] = /^(?:(.*)\n)?(\d+) (\d+)\n?$/s.exec(answer) ?? [, answer];
  if (Number(code) === noCloudInit) {
    throw new UserError(`There is no cloud-init in the image of "${name}"`, {
      hint: "Choose an image with cloud-init by --image: ubuntu:24.04, or a cloud variant from images:",
    });
  }
  const { errors: [error, ...more], warnings } = parseStatus(json, Number(code));
  if (error !== undefined) {
    const output = [...more, await outputLogTail(host, instance)].join("\n");
    throw new UserError(`cloud-init failed in "${name}": ${error}`, {
      hint: (unreached.test(output) ? await unreachedHint(host, instance) : undefined) ??
        "Fix the cloud-config; to look around in the container, run create.ts again with --keep-failed",
      output,
    });
  }
  if (Number(bytes) > 0) return warnings;
  throw new UserError(`cloud-init was given no user-data in "${name}"`, { hint: instance.engine.userDataHint });
}

/** Errors of apt, curl and Python when there is no way to the Internet. */
const unreached =
  /Temporary failure (?:in name resolution|resolving)|Could not (?:connect to|resolve)|Unable to connect|Network is unreachable|timed out/;

/** The hint for a container that cannot reach the Internet; undefined if no cause is known. */
async function unreachedHint(host: Host, instance: Instance): Promise<string | undefined> {
  const { server } = instance.engine;
  const found = server.isLocal ? await findInstance(host, instance) : undefined;
  const hint = found && await networkHint(host, { engine: instance.engine, devices: found.expanded_devices });
  return hint && `It may have no Internet access. ${hint}`;
}

/** Shows cloud-init's output as it appears, after {@linkcode showOutputAfterMs}. */
async function showOutput(host: Host, instance: Instance, over: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  if (!await waited(showOutputAfterMs, over)) return;
  let stage = "";
  const show = packageProgress();
  const process = host.start(
    execArgv(instance, ["tail", "-n", "+1", "-F", "/var/log/cloud-init-output.log"]),
    {
      output: {
        line(line) {
          // tail says that it waits for the file.
          if (line.startsWith("tail: ")) return;
          const found = /^Cloud-init v\. \S+ running '([\w:-]+)'/.exec(line)?.[1];
          if (found) stage = found;
          const seconds = Math.round((performance.now() - startedMs) / 1000);
          host.ui.progress(`cloud-init ${stage} ${seconds} s: ${show(line)}`, {
            plain: found ? `cloud-init: ${stage}` : "",
          });
        },
      },
    },
  );
  // Not SIGTERM: the engine's CLI would forward it to the container's program, which may ignore it.
  over.addEventListener("abort", () => process.kill("SIGKILL"), { once: true });
  await process.ended;
}

/** Ends the wait if the instance gets no address. */
async function requireAddress(host: Host, instance: Instance, over: AbortController): Promise<void> {
  const startedMs = performance.now();
  while (await waited(2_000, over.signal)) {
    const found = await findInstance(host, instance, { withState: true });
    if (!found || found.address !== undefined) return;
    if (performance.now() - startedMs > maxAddressMs) return over.abort(await noAddressError(host, found));
  }
}

/** Waits. Returns false if `over` aborts before the time is up. */
function waited(ms: number, over: AbortSignal): Promise<boolean> {
  return delay(ms, { signal: over }).then(() => true, () => false);
}

async function outputLogTail(host: Host, instance: Instance): Promise<string> {
  return (await exec(host, instance, ["tail", "-n", "60", "/var/log/cloud-init-output.log"], { okCodes: "any" }))
    .stdout;
}
