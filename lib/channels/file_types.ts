/**
 * The types of files, by the endings of their names alone: by its content, a file could be a program, which the app for
 * that type would run. No ending has a program's type.
 */

import { extname } from "@std/path";
import { inputError, type UserError } from "../base/errors.ts";
import types from "./file_types.json" with { type: "json" };

/** The type of a file with this name; undefined if the name does not tell. */
export function typeOf(name: string): string | undefined {
  const end = extname(name).slice(1).toLowerCase();
  return Object.hasOwn(types, end) ? types[end as keyof typeof types] : undefined;
}

/** The error for a file whose name does not tell its type: exit code 2. */
export function noType(): UserError {
  return inputError(
    "A file's name does not have the ending of a document, picture, sound, film or archive",
    "Containers open no others: save it on this host, or lend it by map.ts and choose an app",
  );
}
