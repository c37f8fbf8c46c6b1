/** The interface between a guard's process and its run: how it is started, and what it prints. */

import type { WindowsEnd } from "./closing.ts";
import { type CrossingLine, dataTypes } from "./crossings.ts";

/** The first argument of such a process, by the protocol that it guards. Its second argument is a request, in JSON. */
export const guardWords = { wayland: "--guard-wayland", xpra: "--guard-x11" } as const;

/** The container whose history is kept, and a file for lines that the run does not take. */
export interface GuardHistory {
  name: string;
  copy?: string;
  /** For lines after the end of the run that has started the guard: the next run reads them. */
  file: string;
}

/** The line that a guard prints when it listens. */
export const readyLine = "ready";

/** The line in which a guard prints how its windows have ended. */
export function windowsLine(end: WindowsEnd): string {
  return `windows: ${end}`;
}

/** How the windows have ended, by a line of a guard; undefined for another line. */
export function windowsIn(line: string): WindowsEnd | undefined {
  return (["none", "closed", "other"] as const).find((end) => windowsLine(end) === line);
}

/** The line in which a guard prints what has crossed the clipboard. */
export function crossingText({ direction, type, times, bytes, time }: CrossingLine): string {
  return `crossing: ${direction} ${type} ${times} ${bytes} ${time}`;
}

/** What has crossed the clipboard, by a line of a guard; undefined for another line. */
export function crossingIn(line: string): CrossingLine | undefined {
  const [, direction, type, times, bytes, time] =
    /^crossing: (in|out) (\S+) (\d{1,15}) (\d{1,15}) (\d{4}-\d\d-\d\dT[\d:.]{8,12}Z)$/.exec(line) ?? [];
  if (time === undefined || !type!.split(",").every((each) => dataTypes.has(each))) return undefined;
  return { direction: direction as "in" | "out", type: type!, times: Number(times), bytes: Number(bytes), time };
}

/**
 * The command line of a guard's process.
 *
 * @param options `paths`: the files and directories that it may read and write; `sockets`: the sockets that it may
 * listen at or connect to. It may do nothing else
 */
export function guardArgv(
  wire: keyof typeof guardWords,
  { request, paths, sockets }: { request: unknown; paths: readonly string[]; sockets: readonly string[] },
): string[] {
  const words = [guardWords[wire], JSON.stringify(request)];
  if (Deno.build.standalone) return [Deno.execPath(), ...words];
  // In a checkout it loads only its own modules. With other flags, V8 could not use its cached code of a single file.
  const isSingleFile = import.meta.url === Deno.mainModule;
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--v8-flags=--max-old-space-size=512"],
    ...[`--allow-read=${paths.join()}`, `--allow-write=${paths.join()}`],
    `--allow-net=${sockets.map((path) => `unix:${path}`).join()}`,
    isSingleFile ? Deno.mainModule : import.meta.resolve(`./${wire}/process.ts`),
    ...words,
  ];
}
