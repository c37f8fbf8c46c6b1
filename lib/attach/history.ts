/** `attach.ts --history`: what passed between a container and this host, by day. */

import type { Host } from "../base/host.ts";
import { inputError } from "../base/errors.ts";
import { localTime } from "../base/time.ts";
import { type EngineOptions, findAddress } from "../container/address.ts";
import { type HistoryLine, keptHistories, readHistory } from "../container/history.ts";
import { takeAllLeftLines } from "../container/private_directory.ts";

/**
 * Prints the history of a container, or of all.
 *
 * @returns the exit code
 */
export async function showHistory(host: Host, word: string | undefined, options: EngineOptions): Promise<number> {
  await host.look(undefined, () => takeAllLeftLines(host)).catch(({ message }) =>
    host.ui.warn(`The clipboard of windows whose run has ended may be missing: ${message}`)
  );
  const kept = await keptHistories(host);
  const name = word === undefined ? undefined : (await findAddress(host, { word, ...options })).hostName;
  if (word !== undefined && !kept.includes(name!)) {
    throw inputError(`No history is kept of "${word}"`, "To see which containers have one: attach.ts --history");
  }
  const names = name === undefined ? kept : [name];
  const histories = await Promise.all(
    names.map(async (container) => ({ container, lines: await readHistory(host, container) })),
  );
  const all = histories.flatMap(({ container, lines }) => withoutRepeats(lines).map((line) => ({ container, ...line })))
    .sort((one, other) => one.time < other.time ? -1 : one.time > other.time ? 1 : 0);
  if (all.length === 0) host.ui.status("The history is empty");
  const shown = all.map((line) => ({ ...line, ...localTime(Date.parse(line.time), { to: "second" }) }));
  const days = Map.groupBy(shown, ({ date }) => date);
  const text = [...days].flatMap(([day, lines]) => [
    day,
    ...lines.map((line) => {
      const whose = line.copy ?? (name === undefined ? line.container : undefined);
      return `  ${line.time}  ${whose === undefined ? "" : `${whose}: `}${describe(line)}`;
    }),
  ]);
  host.ui.result(text.join("\n"), all);
  return 0;
}

/** Removes repeated lines: two runs on one session both record that it has ended, or goes on with fewer channels. */
function withoutRepeats(lines: readonly HistoryLine[]): HistoryLine[] {
  const last = new Map<string, string>();
  return lines.filter((line) => {
    if (line.kind !== "session") return true;
    const { what, session, channels = "", copy = "" } = line;
    const [key, said] = [`${copy} ${session}`, `${what} ${channels}`];
    const isSaid = last.get(key) === said && (what === "ends" || what === "goes on with less");
    last.set(key, said);
    return !isSaid;
  });
}

/** Describes a line. Its texts are already printable. */
function describe(line: HistoryLine): string {
  switch (line.kind) {
    case "session": {
      const open = line.channels === undefined ? "" : `; open: ${line.channels || "none"}`;
      return `session ${line.session} ${line.what}${open}`;
    }
    case "clipboard": {
      const times = line.times === 1 ? "" : `, ${line.times} times`;
      return `clipboard ${line.direction}: ${bytesOf(line)} of ${line.type}${times}`;
    }
    case "file":
      return line.what === "lent"
        ? `file lent${line.readOnly ? ", to read" : ""}: "${line.path}"`
        : line.what === "saved"
        ? `new version of a file saved, changed ${line.where}: "${line.path}", ${bytesOf(line)}`
        : `file back, ${line.changed ? "changed" : "as it was"}: "${line.path}"`;
    case "download":
      return line.where === undefined
        ? `file received: "${line.name}", ${bytesOf(line)}`
        : `file opened ${line.where}: "${line.name}", ${bytesOf(line)}`;
    case "link":
      return `link to ${line.host} ${line.failed ? "could not be opened" : "opened"} ${line.where}`;
    case "print":
      return `printed on ${line.printer}: "${line.name}", ${bytesOf(line)}`;
    case "microphone":
      return line.what === "on" ? "microphone on" : `microphone off, after ${line.seconds} s`;
    case "signature":
      return `${line.failed ? "not signed" : "signed"}: ${line.what}`;
    case "question":
      return `asked for ${line.channel}${line.about === "" ? "" : `, "${line.about}"`}: ${line.answer}`;
  }
}

function bytesOf({ bytes }: { bytes: number }): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}
