/** What in a container uses mapped files: sessions that run, and programs that have an unmapped file still open. */

import type { Engine } from "../engine/engine.ts";
import { exec, removeFiles } from "../engine/instance.ts";
import { ProcessError } from "../base/errors.ts";
import type { InodeId } from "./held_file.ts";
import { withValues } from "../base/shell_words.ts";
import { containerPaths } from "../container/ours.ts";
import finishUnmapScript from "./finish_unmap.sh" with { type: "text" };

/** The longest that a program in the container may take, in milliseconds: in a frozen container none ever ends. */
const execTimeoutMs = 10_000;

/** The names of the sessions that run in a container: those whose socket of xpra a process listens on. */
export async function listeningSessions(engine: Engine, instance: string): Promise<string[]> {
  return parseListening(await outputOf(engine, instance, ["cat", "/proc/net/unix"]) ?? "");
}

/** Reads `/proc/net/unix`, see proc(5) and `__SO_ACCEPTCON` in Linux's net.h. */
function parseListening(text: string): string[] {
  const pattern = new RegExp(`^\\S+: \\S+ \\S+ 00010000 .* ${RegExp.escape(containerPaths.xpra)}/([\\w.-]+)$`, "gm");
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))].sort();
}

/** An unmapped file that programs in the container still have open. */
export interface OpenFile {
  /** The path that it had in the container. */
  container: string;
  /** The names of the programs, each once. */
  programs: string[];
}

/**
 * Finishes the unmapping of files in their container: removes the mount points that are left.
 *
 * @returns those of the files that programs there still have open; none when the container does not answer
 */
export async function finishUnmap(
  engine: Engine,
  instance: string,
  files: readonly (InodeId & { container: string })[],
): Promise<OpenFile[]> {
  const paths = files.map(({ container }) => container);
  const script = withValues(finishUnmapScript, { pattern: `^(${files.map(inodeText).join("|")}) ` });
  const stdout = await outputOf(engine, instance, ["/bin/sh", "-c", script, "sh", ...paths]);
  if (stdout === undefined) {
    await removeFiles(engine, instance, paths, { timeoutMs: execTimeoutMs });
    return [];
  }
  const lines = stdout.split("\n").map((line) => line.split(" "));
  return files.flatMap(({ container, dev, ino }) => {
    const own = lines.filter(([inode]) => inode === inodeText({ dev, ino }));
    const programs = [...new Set(own.map(([, ...program]) => program.join(" ")))];
    return programs.length === 0 ? [] : [{ container, programs }];
  });
}

/** An inode as the script prints it. */
function inodeText({ dev, ino }: Pick<InodeId, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/** What a program prints in a container; undefined when it fails, as it does in a container that does not run. */
async function outputOf(engine: Engine, instance: string, argv: readonly string[]): Promise<string | undefined> {
  const options = { okCodes: "any", timeoutMs: execTimeoutMs } as const;
  try {
    const { code, stdout } = await exec(engine, instance, argv, options);
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof ProcessError) return undefined;
    throw error;
  }
}
