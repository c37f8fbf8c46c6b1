/** `create.ts --doctor`. */

import { dirname, join } from "@std/path";
import { checksOf } from "../cli/checks.ts";
import { broken, diagnose, type Finding, ok, risk } from "../cli/doctor.ts";
import { findOnPath } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import type { Engine } from "../engine/engine.ts";
import { bridgeOf, findFirewalls } from "../engine/firewalls.ts";
import { rootIdsHint } from "../engine/instance.ts";
import { findProfile } from "../engine/profile.ts";
import { checkAclSupport } from "../container/mounts.ts";
import { mountsIn } from "../container/paths.ts";

/** Checks what create.ts needs. Returns the exit code. */
export async function diagnoseCreate(host: Host, wanted: string | undefined): Promise<number> {
  return await diagnose(host, { wanted, checks: checksOf("create", [checkAcls, checkRootIds, checkFirewalls]) });
}

/**
 * Checks that ACLs can be set where create.ts makes its directories.
 *
 * @throws {UserError} when they cannot
 */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsIn(host, "doctor");
  await checkAclSupport(host, mounts);
  return [ok(`ACLs can be set in ${dirname(mounts.directory)}`)];
}

/**
 * Checks that root has ids for containers. Incus takes them from `/etc/subuid` and `/etc/subgid` wherever newuidmap is
 * installed; LXD makes do without.
 *
 * @param directory where these files are
 */
export async function checkRootIds(
  host: Host,
  engine: Engine | undefined,
  directory = "/etc",
): Promise<Finding[]> {
  if (engine?.cli !== "incus" || !engine.server.isLocal || !await findOnPath(host, "newuidmap")) return [];
  const texts = await Promise.all(["subuid", "subgid"].map((name) => Deno.readTextFile(join(directory, name))))
    .catch(() => []);
  if (texts.every((text) => /^(?:root|0):/m.test(text))) return [];
  return [broken("Root has no ids for containers: Incus can make none", rootIdsHint(engine.product))];
}

/** Checks whether a firewall may keep containers from getting an address, or from the Internet. */
export async function checkFirewalls(host: Host, engine: Engine | undefined): Promise<Finding[]> {
  if (!engine?.server.isLocal) return [];
  const bridge = bridgeOf((await findProfile(host, { engine, name: "default" }))?.devices ?? {});
  if (bridge === undefined) return [];
  return (await findFirewalls(host, bridge)).map(({ what, command }) => risk(what, command));
}
