/** What a dry run prints: the commands that lend files, and that take them back. */

import { quoteWord, quoteWords } from "../base/shell_words.ts";
import { plannedUserOf } from "../container/user.ts";
import { type CopyPlace, placeOf, readArgv, removeArgv, sendArgv } from "./copy_transfer.ts";
import { deviceOf } from "./devices.ts";
import type { Engine } from "../engine/engine.ts";
import { addDevices, exec, execArgv, instanceHostUid, removeDevices } from "../engine/instance.ts";
import { copyFiles, type LentCopy, type Mapping } from "./journal.ts";
import { newPlace } from "./source_file.ts";

/** Prints the commands that map the files at `paths` into a container, and unmap them again. */
export async function printMapping(
  engine: Engine,
  instance: string,
  { paths, readOnly }: { paths: readonly string[]; readOnly: boolean },
): Promise<void> {
  const { host } = engine;
  const user = await plannedUserOf(engine, instance);
  const uid = await instanceHostUid(engine, instance, user.uid);
  const devices = Object.fromEntries(paths.map((path) => {
    const { device, container } = newPlace(path, user);
    return [device, deviceOf({ host: path, container, readOnly })];
  }));
  await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", ...paths]);
  await addDevices(engine, instance, devices);
  await removeDevices(engine, instance, Object.keys(devices));
  await host.run(["setfacl", "-x", `u:${uid}`, "--", ...paths]);
}

/** Prints the commands that unmap files of one container. */
export async function printUnmapping(engine: Engine, mappings: readonly Mapping[]): Promise<void> {
  await removeDevices(engine, mappings[0]!.instance, mappings.map(({ device }) => device));
  for (const { host: path, uid } of mappings) {
    await engine.host.run(["setfacl", "-x", `u:${uid}`, "--", path]);
  }
}

/** Prints the commands that lend the files at `paths` to a container as copies, and take them back. */
export async function printLending(
  engine: Engine,
  instance: string,
  { paths, readOnly }: { paths: readonly string[]; readOnly: boolean },
): Promise<void> {
  const { host } = engine;
  const user = await plannedUserOf(engine, instance);
  const places = paths.map((path) => ({ path, ...newPlace(path, user), user }));
  for (const { path, ...place } of places) {
    const stdin = { bytes: new ReadableStream<Uint8Array>(), from: path };
    await exec(engine, instance, sendArgv(place, { readOnly }), { stdin });
  }
  for (const { path, device: id, ...place } of places) {
    const size = await host.value(["stat", "-c", "%s", "--", path], { variable: "SIZE", filter: "", parse: String });
    const sha256 = await host.value(["sha256sum", "--", path], {
      variable: "SHA256",
      filter: "| sed 's/^\\\\*\\([0-9a-f]*\\).*/\\1/;q'",
      parse: String,
    });
    await printReturn(engine, { instance, id, host: path, readOnly, place, lent: { size, sha256 } });
  }
}

/** Prints the commands that take copies back from one container. */
export async function printTakingBack(engine: Engine, copies: readonly LentCopy[]): Promise<void> {
  for (const { instance, id, host, readOnly, lent, ...copy } of copies) {
    const content = lent ? { ...lent, size: String(lent.size) } : undefined;
    await printReturn(engine, { instance, id, host, readOnly, place: placeOf(copy), lent: content });
  }
}

/** Prints how the container's version is written to the host's file if it has changed, and how it is removed. */
async function printReturn(
  engine: Engine,
  { instance, id, host: path, readOnly, place, lent }: {
    instance: string;
    id: string;
    host: string;
    readOnly: boolean;
    place: CopyPlace;
    lent: { size: string; sha256: string } | undefined;
  },
): Promise<void> {
  const { host } = engine;
  if (lent && !readOnly) {
    const { back } = copyFiles(host, { id });
    const read = quoteWords(execArgv(engine, instance, readArgv(place, lent)));
    const copy = quoteWords(["cp", "--no-target-directory", "--", back, path]);
    await host.change(
      `${read} </dev/null | { read -r KIND FOUND; test "$KIND" != data || { cat >${quoteWord(back)} && ${copy}; }; }`,
      () => Promise.resolve(),
    );
  }
  await exec(engine, instance, removeArgv(place, ""));
}
