/** What in a container uses what is lent to it: sessions that run there, and programs that have a lent file open. */

import type { Engine } from "../engine/engine.ts";
import { exec, removeFiles } from "../engine/instance.ts";
import { ProcessError } from "../base/errors.ts";
import type { InodeId } from "./held_file.ts";
import { containerPaths } from "../container/ours.ts";

/** Longest time that a look into the container may take, in milliseconds: one that is frozen does not answer. */
const lookTimeoutMs = 10_000;

/**
 * Removes the mount points that an engine may leave, then prints the open files of the container's processes that fit the
 * pattern: device and inode, program. Runs as root in the container, the pattern and the paths as arguments.
 */
const afterScript = `
pattern=$1
shift
for file; do
  if [ -f "$file" ] && ! [ -s "$file" ]; then rm -f -- "$file" 2>/dev/null; fi
done
stat -L -c '%d:%i %n' /proc/[0-9]*/fd/* 2>/dev/null | grep -E "$pattern" | while IFS=/ read -r inode _ pid _; do
  read -r program <"/proc/$pid/comm" && printf '%s%s\\n' "$inode" "$program"
done
true
`;

/** The names of the sessions that run in a container: sockets of xpra that a process listens at. */
export async function listeningSessions(engine: Engine, instance: string): Promise<string[]> {
  return parseListening(await look(engine, instance, ["cat", "/proc/net/unix"]) ?? "");
}

/** Reads `/proc/net/unix`, see proc(5) and `__SO_ACCEPTCON` in Linux's net.h. */
function parseListening(text: string): string[] {
  const pattern = new RegExp(`^\\S+: \\S+ \\S+ 00010000 .* ${RegExp.escape(containerPaths.xpra)}/([\\w.-]+)$`, "gm");
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))].sort();
}

/**
 * Looks after files that were taken back from a container: leaves no mount point, and tells which programs still have one
 * open, by the path that it had in there.
 */
export async function lookAfter(
  engine: Engine,
  instance: string,
  files: readonly (InodeId & { container: string })[],
): Promise<{ container: string; programs: string[] }[]> {
  const pattern = `^(${files.map(inodeText).join("|")}) `;
  const stdout = await look(engine, instance, [
    ...["/bin/sh", "-c", afterScript, "sh", pattern],
    ...files.map(({ container }) => container),
  ]);
  if (stdout === undefined) {
    await removeFiles(engine, instance, files.map(({ container }) => container), { timeoutMs: lookTimeoutMs });
    return [];
  }
  const lines = stdout.split("\n").map((line) => line.split(" "));
  return files.flatMap(({ container, dev, ino }) => {
    const own = lines.filter(([inode]) => inode === inodeText({ dev, ino }));
    const programs = [...new Set(own.map(([, ...program]) => program.join(" ")))];
    return programs.length === 0 ? [] : [{ container, programs }];
  });
}

function inodeText({ dev, ino }: Pick<InodeId, "dev" | "ino">): string {
  return `${dev}:${ino}`;
}

/** What a program prints in a container; undefined when it fails, as it does in one that does not run. */
async function look(engine: Engine, instance: string, argv: readonly string[]): Promise<string | undefined> {
  const options = { okCodes: "any", timeoutMs: lookTimeoutMs } as const;
  try {
    const { code, stdout } = await exec(engine, instance, argv, options);
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof ProcessError) return undefined;
    throw error;
  }
}
