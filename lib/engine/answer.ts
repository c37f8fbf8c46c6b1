/**
 * Values in an engine's answers. A remote's engine may answer anything: a value of another type counts as missing, and
 * whoever uses a text checks what is in it.
 */

export type Device = Readonly<Record<string, string>>;

/** A table; an empty one for anything else. */
export function tableIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

/** The items of a list; none for anything else. */
export function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text; an empty one for anything else. */
export function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function textsIn(value: unknown): string[] {
  return listIn(value).filter((item) => typeof item === "string");
}

/** The texts of a table, such as a configuration, by their keys. */
export function configIn(value: unknown): Record<string, string> {
  const entries = Object.entries(tableIn(value));
  return Object.fromEntries(entries.flatMap(([key, text]) => typeof text === "string" ? [[key, text]] : []));
}

/** The devices of a table, by their names. */
export function devicesIn(value: unknown): Record<string, Device> {
  return Object.fromEntries(Object.entries(tableIn(value)).map(([name, device]) => [name, configIn(device)]));
}
