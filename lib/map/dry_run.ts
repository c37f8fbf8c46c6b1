/** What a dry run prints: the commands that lend files, and that take them back. */

import type { Host } from "../base/host.ts";
import { findPlace } from "../container/place.ts";
import { sharedByMounts } from "../container/source_path.ts";
import { plannedUser as user } from "../container/user.ts";
import type { Engine } from "../engine/engine.ts";
import { exec, instanceHostUid, removeDevices, updateInstance } from "../engine/instance.ts";
import { placeOf, readArgv, removeArgv, sendArgv } from "./copy_transfer.ts";
import { deviceOf } from "./devices.ts";
import { copyFiles } from "./journal.ts";
import { isCopy, isMapping, type LentCopy, type Loan, type Mapping } from "./loan.ts";
import type { LendRequest } from "./lend.ts";
import { missingArgument } from "./prompter.ts";
import { checkFiles, newPlace } from "./source_file.ts";

/**
 * Prints the commands that lend files to a container, and take them back.
 *
 * @throws {UserError} exit code 2 for a file that cannot be lent, and where one of the words is missing
 */
export async function planLending(
  host: Host,
  { words: [word, ...files], readOnly, ...options }: LendRequest,
): Promise<void> {
  if (word === undefined) throw missingArgument("NAME");
  if (files.length === 0) throw missingArgument("FILE...");
  const { name: instance, ...place } = await findPlace(host, word, options);
  // As for root, who may lend anybody's files: to find out who the user is makes a directory.
  const rules = { user: { uid: 0, gid: 0 }, shared: await sharedByMounts(host) };
  const paths = (await checkFiles(files, rules)).map(({ path }) => path);
  const engine = await place.engine;
  const { server } = engine;
  const loans = paths.map((hostPath) => ({ ...newPlace(hostPath, user), hostPath, readOnly, instance }));
  if (server.isLocal) {
    const uid = await instanceHostUid({ engine, name: instance }, user);
    await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", ...paths]);
    const devices = Object.fromEntries(loans.map((loan) => [loan.id, deviceOf(loan)]));
    await updateInstance({ engine, name: instance }, { devices });
    await planUnmapping(engine, loans.map((loan) => ({ ...loan, uid })));
    return;
  }
  for (const loan of loans) {
    const stdin = { bytes: new ReadableStream<Uint8Array>(), from: loan.hostPath };
    await exec({ engine, name: instance }, sendArgv({ ...loan, user }, loan), { stdin });
  }
  for (const loan of loans) await planFetching(engine, { ...loan, user });
}

/** Prints the commands that take files back from one container. */
export async function planTakingBack(engine: Engine, loans: readonly Loan[]): Promise<void> {
  const mappings = loans.filter(isMapping);
  if (mappings.length > 0) await planUnmapping(engine, mappings);
  for (const copy of loans.filter(isCopy)) {
    await planFetching(engine, { ...copy, ...placeOf(copy), readOnly: copy.readOnly || !copy.lent });
  }
}

async function planUnmapping(
  engine: Engine,
  mappings: readonly (Pick<Mapping, "id" | "instance" | "hostPath"> & { uid: number | string })[],
): Promise<void> {
  await removeDevices({ engine, name: mappings[0]!.instance }, mappings.map(({ id }) => id));
  for (const { hostPath, uid } of mappings) await engine.host.run(["setfacl", "-x", `u:${uid}`, "--", hostPath]);
}

/** Prints how the container's version is written to the host's file if it has changed, and how it is removed. */
async function planFetching(
  engine: Engine,
  copy: Pick<LentCopy, "id" | "instance" | "hostPath" | "readOnly"> & ReturnType<typeof placeOf>,
): Promise<void> {
  const { host } = engine;
  const { instance, hostPath } = copy;
  if (!copy.readOnly) {
    await exec({ engine, name: instance }, readArgv(copy, { size: "<SIZE>", sha256: "<SHA256>" }));
    await host.run(["cp", "--no-target-directory", "--", copyFiles(host, copy).back, hostPath]);
  }
  await exec({ engine, name: instance }, removeArgv(copy, ""));
}
