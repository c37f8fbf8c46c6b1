/** JSON files that only the user can open. */

import { ifThere, naming, replaceFile, writeAll } from "./files.ts";

/** Writes a record to disk, whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, async (file) => await writeAll(file, bytesOf(value)));
}

/** Writes a record into an open file, and to disk. If the run is killed meanwhile, the record is damaged. */
export async function writeJsonInto(file: Deno.FsFile, path: string, value: unknown): Promise<void> {
  await naming(path, file.truncate().then(() => writeAll(file, bytesOf(value))).then(() => file.sync()));
}

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The content of a record; undefined when it is missing, null when it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await ifThere(Deno.readTextFile(path));
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Parses JSON that is an object or a list; undefined for any other text. */
export function parseTable(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value ?? undefined : undefined;
  } catch {
    return undefined;
  }
}
