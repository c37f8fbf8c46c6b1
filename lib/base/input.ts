/** Text files that the user names on the command line. */

import { inputError } from "./errors.ts";

/**
 * Reads a text file.
 *
 * @throws {UserError} exit code 2 when it is missing, a directory, unreadable, empty, or not UTF-8 text
 */
export async function readInput(path: string, { hint = "Check its path" } = {}): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw inputError(`There is no file "${path}"`, hint);
    if (error instanceof Deno.errors.IsADirectory) throw inputError(`"${path}" is a directory`, "Name a file");
    if (error instanceof Deno.errors.PermissionDenied) {
      throw inputError(`The file "${path}" may not be read`, "Check its permissions");
    }
    throw inputError(`Cannot read "${path}": ${error instanceof Error ? error.message : error}`, "Check its path");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw inputError(`"${path}" is not UTF-8 text`, "Name a text file, or convert it with iconv");
  }
  if (text.includes("\0")) throw inputError(`"${path}" is not text but binary data`, "Name a text file");
  if (text.trim() === "") throw inputError(`The file "${path}" is empty`, "Name the file you meant");
  return text;
}
