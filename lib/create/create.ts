/** `create.ts NAME AUTHORIZED_KEYS PROFILE CLOUD_INIT...`: makes a container, or leaves everything as it was. */

import ignoredLimits from "./ignored_limits.json" with { type: "json" };
import { calledName } from "../base/script_names.ts";
import { afterChanges } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/promises.ts";
import { withUndo } from "../base/undo.ts";
import type { Arguments } from "../cli/options.ts";
import { checkAclSupport } from "../container/mounts.ts";
import { type EngineOptions, scriptLine } from "../container/address.ts";
import { checkTarget, type Engine, engineLine, environmentOf, warningsOf } from "../engine/engine.ts";
import { attachSoftwarePath } from "./bundled.ts";
import { checkExisting } from "./existing.ts";
import type { ExportedApp } from "./export/export.ts";
import { refuseCluster } from "./internet/proxy.ts";
import { beginCreation, recoverCreation, unmake } from "./creation.ts";
import { findProfile } from "../engine/profile.ts";
import { defaultRisks } from "../engine/profile_risks.ts";
import { type Made, make } from "./make.ts";
import { ownKey } from "./own_key.ts";
import { readCreateRequest, type Request } from "./read_request.ts";

/** Makes a container, or undoes everything it did. */
export async function createContainer(host: Host, args: Arguments<string> & EngineOptions): Promise<void> {
  const request = await readCreateRequest(host, args);
  const { container } = request;
  const { engine, name, label, mounts } = container;
  await all([
    host.run(["ssh", "-V"], { okCodes: "any", looksOnly: true }),
    host.look(undefined, () => checkAclSupport(host, mounts)),
  ]);
  const { target } = request;
  if (target !== undefined) await host.look(undefined, () => checkTarget(host, engine, target));
  if (request.proxy) await refuseCluster(host, engine);
  await all([warnOfLimits(host, engine, request.profile.config), warnOfDefault(host, engine)]);
  await recoverCreation(host, container);
  const profileBefore = await checkExisting(host, container);
  const startedMs = performance.now();
  const keys = request.keys ?? await ownKey(host);
  using record = await beginCreation(host, container, profileBefore);
  const { creation } = record;
  const made = await withUndo(host, async (undo) => {
    undo.add(`unmake "${name}"`, (cleaner) => unmake(cleaner, container, creation));
    const made = await make(host, container, { request: { ...request, keys }, creation });
    await record.remove();
    return made;
  }, {
    keep: request.keepFailed && (async () => {
      await record.remove();
      const look = engineLine(engine, ["exec", label, "--", "bash"]);
      host.ui.status(`What was made is kept. To look around: ${look}`);
      host.ui.status(`To remove it: ${scriptLine(engine, ["create.ts", "--delete", "--force", label])}`);
    }),
  });
  await made.removeReplaced?.();
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  let exported: ExportedApp[] | undefined;
  try {
    if (request.exports) {
      exported = await (await import("./export/export.ts")).exportApps(host, container, request.exports);
    }
  } catch (error) {
    throw afterChanges(error);
  } finally {
    // The container is complete, even if the export failed.
    report(host, request, { ...made, exported, seconds });
  }
}

function report(
  { ui, env }: Host,
  { container: { engine, name, label, mounts }, proxy, software }: Request,
  made: Made & { exported: ExportedApp[] | undefined; seconds: number },
): void {
  const { image, address, user, uid, member, windowServers, exported, seconds } = made;
  const noAddress = uid === null
    ? "none is needed"
    : proxy
    ? "none: the Internet comes by a proxy"
    : "none: no network";
  ui.result(
    [
      `name:     ${label}`,
      `engine:   ${engine.product}`,
      ...(member === null ? [] : [`member:   ${member}`]),
      `image:    ${image}`,
      `address:  ${address ?? noAddress}`,
      `user:     ${user.name}`,
      ...(uid === null ? ["share:    none with this machine: map.ts lends copies of files"] : []),
      `took:     ${Math.round(seconds)} s`,
      `next:     ${scriptLine(engine, [calledName("attach.ts", env), label, "APP"])}`,
      ...(exported?.map(({ name }) => `in menu:  ${name}`) ??
        [`menu:     ${scriptLine(engine, [calledName("create.ts", env), "--export", label])}`]),
    ].join("\n"),
    {
      name,
      engine: engine.cli,
      image,
      address,
      ipv4: address?.includes(":") ? null : address,
      user: { name: user.name, uid: Number(user.uid), gid: Number(user.gid), home: user.home },
      remote: engine.server.remote ?? null,
      project: engine.server.project ?? null,
      member,
      hostUid: uid === null ? null : Number(uid),
      mounts: uid === null ? null : { xpra: mounts.sockets, share: mounts.share },
      seconds,
      ...(exported ? { exported } : {}),
    },
  );
  if (windowServers.includes("xpra") || software === "wayland" && windowServers.length > 0) return;
  const again = engineLine(engine, ["exec", label, "--", attachSoftwarePath]);
  ui.warn([
    windowServers.includes("waypipe")
      ? `There is no xpra in "${label}": attach.ts can show windows on a Wayland desktop, by waypipe, and on no other`
      : `There is neither xpra nor waypipe in "${label}": attach.ts will not work`,
    software === "none"
      ? "Without --bare, create.ts installs what is missing"
      : `xpra.org could not be reached, or has nothing for its distribution. To try again: ${again}`,
  ].join(". "));
}

/** Warns of what the engine's default profile gives containers access to. */
export async function warnOfDefault(host: Host, engine: Engine): Promise<void> {
  const profile = await findProfile(host, { engine, name: "default" });
  for (const risk of defaultRisks(engine, profile)) host.ui.warn(risk, { security: true });
}

/**
 * Warns of each limit in a profile's `config` that has no effect: Incus 7.0.2 accepts limits on a host with cgroup v1,
 * but ignores them. There is no warning for a user without permission to read the engine's warnings.
 */
export async function warnOfLimits(
  host: Host,
  engine: Engine,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const limits = Object.entries(ignoredLimits).filter(([key]) => Object.hasOwn(config, key));
  if (limits.length === 0) return;
  const asked = environmentOf(host, engine).then((environment) => warningsOf(host, engine, environment));
  const warnings = await asked.catch(() => undefined);
  for (const [key, words] of limits) {
    const warning = warnings?.find((warning) => warning.includes(words));
    if (warning) host.ui.warn(`"${key}" has no effect on this host: ${engine.product} says "${warning}"`);
  }
}
