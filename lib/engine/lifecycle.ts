/** The life of an instance: it is launched, started, stopped and removed. */

import { causedBy, isProcessError, orElse, orNothing, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { listIn, tableIn, textIn, textsIn } from "./answer.ts";
import { type Engine, engineLine, type Instance, labelOf, query, run } from "./engine.ts";
import { imageOn } from "./image.ts";
import { withRemote } from "./server.ts";
import { delay } from "@std/async";

export interface LaunchOptions {
  /** A local image, or one on a remote. */
  image: string;
  /** Profiles; a later one overrides an earlier one. */
  profiles: readonly string[];
  config: Readonly<Record<string, string>>;
  /** The member of the cluster, or `@GROUP`, that is to have it; by default, the engine chooses. */
  target?: string | undefined;
}

/** The longest wait for another run's launch, which may be downloading an image, in milliseconds. */
export const maxLaunchMs = 600_000;

/**
 * Makes an instance and starts it.
 *
 * @throws {UserError} when there is no such image
 */
export async function launch(host: Host, instance: Instance, options: LaunchOptions): Promise<void> {
  const { engine, name } = instance;
  const { profiles, config, target } = options;
  const args = [
    "launch",
    imageOn(engine, options.image),
    labelOf(instance),
    ...profiles.flatMap((profile) => ["--profile", profile]),
    ...Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
    ...(target === undefined ? [] : ["--target", target]),
  ];
  for (let tries = 1;; tries++) {
    const error = await orElse(run(host, engine, args), isProcessError, (error) => error);
    if (!isProcessError(error)) return;
    if (!isStartFailure(error)) {
      throw new UserError(`${engine.product} cannot make the container "${name}" from the image "${options.image}"`, {
        hint: launchHint(engine, error),
        ...causedBy(error),
      });
    }
    if (tries === maxStarts) {
      const log = engineLine(engine, ["info", "--show-log", labelOf(instance)]);
      throw new UserError(`${engine.product} has made the container "${name}", but cannot start it`, {
        hint: await twoRangesHint(engine) ?? `To see why, run this again with --keep-failed, and then: ${log}`,
        ...causedBy(error),
      });
    }
    await deleteInstance(host, instance);
    await delay(startPauseMs, { signal: host.signal });
  }
}

/** What to do when an instance cannot be made. */
function launchHint({ cli, product, init }: Engine, { stderr }: ProcessError): string {
  if (/No root device|No storage pool/.test(stderr)) return `${product} was never set up: ${init}`;
  // Fedora and Arch leave it to the user to give root the subordinate ids that containers need.
  if (/No uid\/gid allocation configured/.test(stderr)) {
    return `Give root subordinate ids: echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid; ` +
      `then sudo systemctl restart ${product.toLowerCase()}`;
  }
  return `See whether there is such an image (${cli} image list), and what ${product} says`;
}

/**
 * What to do when root has two ranges of subordinate ids, from the packages of Incus and of LXD: Incus 7.0.2 maps both
 * to 0, which the kernel refuses. Undefined otherwise.
 *
 * @param directory where the files are
 */
export async function twoRangesHint({ cli, server }: Engine, directory = "/etc"): Promise<string | undefined> {
  if (cli !== "incus" || !server.isLocal) return undefined;
  const texts = ["subuid", "subgid"].map((name) => Deno.readTextFile(`${directory}/${name}`).catch(() => ""));
  if (!(await Promise.all(texts)).some((text) => (text.match(/^root:/gm) ?? []).length > 1)) return undefined;
  return "Root has two lines in /etc/subuid or /etc/subgid, and Incus 7 cannot start containers. Keep the first ones: " +
    `sudo sed -i '0,/^root:/!{/^root:/d}' /etc/subuid /etc/subgid; then sudo systemctl restart incus`;
}

/**
 * Whether the engine made an instance and could not start it, so that making it again may help. While an isolated
 * container is being made, LXD 5.0.2 counts its ids as 0 to 65535. Another one that is made at that moment gets ids
 * that root does not have, or that are in use (`findIdmap()`, lxd/instance/drivers/driver_lxc.go).
 */
export function isStartFailure(error: unknown): boolean {
  return error instanceof ProcessError && /\bforkstart\b/.test(error.stderr);
}

/** How many times an instance that cannot start is made. */
export const maxStarts = 4;

/** The pause before it is made again, in which other runs remove theirs, in milliseconds. */
export const startPauseMs = 1_000;

export async function startInstance(host: Host, instance: Instance): Promise<void> {
  const { engine } = instance;
  await orElse(run(host, engine, ["start", labelOf(instance)]), isProcessError, async (error) => {
    // Somebody else has just started it.
    if (/already running/i.test(error.stderr)) return;
    const hint = isStartFailure(error) ? await twoRangesHint(engine) : undefined;
    if (hint) throw new UserError(`"${instance.name}" cannot start`, { hint, ...causedBy(error) });
    if (!/member is evacuated/i.test(error.stderr)) throw error;
    const on = engineLine(engine, ["cluster", "restore", withRemote(engine.server, "MEMBER")]);
    const move = engineLine(engine, ["move", labelOf(instance), "--target", "OTHER"]);
    throw new UserError(`"${instance.name}" cannot start: its member of the cluster is evacuated`, {
      hint: `Bring the member back (${on}), or move the container: ${move}`,
      ...causedBy(error),
    });
  });
}

/** How long an instance may take to stop before it is killed, in seconds. */
const stopSeconds = 60;

/** Stops a running instance, and kills one that does not stop in time. */
export async function stopInstance(host: Host, instance: Instance): Promise<void> {
  const stopping = run(host, instance.engine, ["stop", "--timeout", String(stopSeconds), labelOf(instance)]);
  if (!await orNothing(stopping, isProcessError)) await killInstance(host, instance);
}

export async function killInstance(host: Host, instance: Instance): Promise<void> {
  await run(host, instance.engine, ["stop", "--force", labelOf(instance)]);
}

/** How many times removing a busy instance is tried. */
const maxDeletions = 20;

/** The pause between two such tries, in milliseconds. */
const busyMs = 500;

/** Removes an instance, stopping it first if it runs. */
export async function deleteInstance(host: Host, instance: Instance): Promise<void> {
  const { engine } = instance;
  for (let tries = 1;; tries++) {
    const deleted = run(host, engine, ["delete", "--force", labelOf(instance)]);
    const error = await orElse(deleted, isProcessError, (error) => error);
    if (!isProcessError(error)) return;
    // A killed run may have left the engine updating it, and an update is no operation that one could wait for.
    if (!/Instance is busy running/.test(error.stderr) || tries === maxDeletions) throw error;
    await delay(busyMs, { signal: host.signal });
  }
}

/**
 * Waits until the engine's operations on an instance have ended, at most a minute for each.
 *
 * @param options `publishing`: also for images that are being made, since Incus does not say of which instance (6.0.4)
 */
export async function waitForOperations(
  host: Host,
  { engine, name }: Instance,
  { publishing = false }: { publishing?: boolean } = {},
): Promise<void> {
  const { running } = tableIn(await query(host, engine, "/1.0/operations?recursion=1"));
  for (const { id, class: kind, description, resources, metadata } of listIn(running).map(tableIn)) {
    // Programs that run in the instance are operations of the class "websocket".
    if (kind !== "task") continue;
    // While LXD 6.7 makes an instance, only "entity_url" names it.
    const paths = [...Object.values(tableIn(resources)), [tableIn(metadata).entity_url]].flatMap(textsIn);
    const isPublishing = publishing && paths.length === 0 && description === "Downloading image";
    if (isPublishing || paths.some((path) => path.split("?")[0]!.split("/").includes(name))) {
      await query(host, engine, `/1.0/operations/${textIn(id)}/wait?timeout=60`, { timeoutMs: 70_000 });
    }
  }
}
