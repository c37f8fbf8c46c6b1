/** JSON files that only the user can open. */

import { ifThere, replaceFile, writeAll } from "./files.ts";

/** Writes a record to disk, whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, (file) => writeJsonInto(file, value));
}

/** Writes a value into an open file. */
export async function writeJsonInto(file: Deno.FsFile, value: unknown): Promise<void> {
  await writeAll(file, new TextEncoder().encode(JSON.stringify(value)));
}

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
