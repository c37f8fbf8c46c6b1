/** The devices that show mapped files in a container. */

import { delay } from "@std/async";
import { isFailure, orNothing } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { Instance } from "../../engine/engine.ts";
import { findInstance, removeDevices } from "../../engine/instance.ts";
import type { Device } from "../../engine/answer.ts";
import type { LoanRecord } from "./loan.ts";

/** The longest that the engine may take for a change that a signal must not interrupt, in milliseconds. */
const changeTimeoutMs = 60_000;

/** How often the removal of devices is tried while others change the same instance. */
const removeTries = 8;

/** The device that shows a file. It is not required: the container must start also when the file is gone. */
export function deviceOf(
  { hostPath: source, containerPath: path, readOnly }: Pick<LoanRecord, "hostPath" | "containerPath" | "readOnly">,
): Device {
  return { type: "disk", source, path, required: "false", ...(readOnly ? { readonly: "true" } : {}) };
}

/**
 * Removes devices from a container. Devices that are not there are ignored, and so is a container that is not there.
 * The engines' clients refuse a change when somebody else has changed the same instance just before: then the
 * removal is tried again.
 */
export async function removeMapDevices(host: Host, instance: Instance, devices: readonly string[]): Promise<void> {
  let left = devices;
  for (let tries = 1;; tries++) {
    try {
      return await removeDevices(host, instance, left);
    } catch (error) {
      if (!isFailure(error) || tries === removeTries) throw error;
      host.signal.throwIfAborted();
    }
    await delay(20 * tries);
    const there = (await findInstance(host, instance))?.devices ?? {};
    left = devices.filter((device) => device in there);
    if (left.length === 0) return;
  }
}

/**
 * Whether a container has all of these devices; true for a container that is not there, false where the engine does not
 * answer.
 */
export async function hasDevices(host: Host, instance: Instance, devices: readonly string[]): Promise<boolean> {
  const asked = findInstance(host, instance);
  const has = asked.then((found) => found === undefined || devices.every((device) => device in found.devices));
  return await orNothing(has, isFailure) ?? false;
}

/**
 * A host for calls of an engine that a signal does not interrupt. An engine carries out a change also when its client
 * was ended meanwhile: then nobody would know when the change is made, and can be undone.
 */
export function uninterruptible(host: Host): Host {
  return host.forCleanup(AbortSignal.timeout(changeTimeoutMs));
}
