/** Programs in a container that still have an unmapped file open. */

import type { Host } from "../../base/host.ts";
import { type Instance, labelOf } from "../../engine/engine.ts";
import { outputMs, outputOf } from "../../engine/exec.ts";
import { deleteFile } from "../../engine/instance_files.ts";
import { isProcessError, orNothing } from "../../base/errors.ts";
import { dirname } from "@std/path";
import { asUser, type ContainerUser } from "../user.ts";
import type { InodeId } from "./held_file.ts";
import { withValues } from "../../base/shell_words.ts";
import finishUnmapScript from "./finish_unmap.sh" with { type: "text" };

const maxPrograms = 10;

/** The maximum length of a program's name that is shown, in UTF-16 code units; the kernel itself keeps 15 bytes. */
const maxProgramName = 40;

/** A lent file in the container. */
export interface FileInside extends Pick<InodeId, "dev" | "ino"> {
  containerPath: string;
}

/**
 * Makes the directories for files before they are lent, as the container's user, who can then make files in them, such
 * as an app's lock. Otherwise the engine would make them as root.
 */
export async function makeDirectories(
  host: Host,
  instance: Instance,
  { user, paths }: { user: ContainerUser; paths: readonly string[] },
): Promise<void> {
  await outputOf(host, instance, asUser(user, ["mkdir", "-p", ...paths.map((path) => dirname(path))]));
}

/**
 * Finishes unmapping files in their container: removes leftover mount points, and their directories.
 *
 * @param options `effect`: the end of the sentence about a program that still has one of the files open
 * @returns a sentence about each such file; none if the container does not answer
 */
export async function finishUnmap(
  host: Host,
  instance: Instance,
  { files, effect }: { files: readonly FileInside[]; effect: string },
): Promise<string[]> {
  const paths = files.map(({ containerPath }) => containerPath);
  const script = withValues(finishUnmapScript, {
    open: files.map(({ dev, ino }) => `${dev}:${ino}`).join("|"),
    mapped: files.map(memoryText).join("|"),
  });
  const stdout = await outputOf(host, instance, ["/bin/sh", "-c", script, "sh", ...paths]);
  if (stdout === undefined) {
    for (const path of paths.flatMap((path) => [path, dirname(path)])) {
      await orNothing(deleteFile(host, instance, { path, timeoutMs: outputMs }), isProcessError);
    }
    return [];
  }
  const lines = stdout.split("\n");
  return files.flatMap((file) => {
    const starts = [`${file.dev}:${file.ino} `, `map ${memoryText(file)} `];
    const found = lines.flatMap((line) => {
      const start = starts.find((start) => line.startsWith(start));
      return start === undefined ? [] : [line.slice(start.length).slice(0, maxProgramName)];
    });
    // The container chooses the number and names of its programs, so only the first few are shown.
    const programs = [...new Set(found)].slice(0, maxPrograms).join(", ");
    const label = labelOf(instance);
    return programs === "" ? [] : [`${programs} in "${label}" still has "${file.containerPath}" open${effect}`];
  });
}

/** An inode in the format of /proc/PID/maps (proc_pid_maps(5)). Unpacks the device number like Linux's makedev(3). */
function memoryText({ dev, ino }: Pick<InodeId, "dev" | "ino">): string {
  const major = Math.floor(dev / 2 ** 8) & 0xfff;
  const minor = dev & 0xff | Math.floor(dev / 2 ** 12) & 0xfff00;
  return [major, minor].map((number) => number.toString(16).padStart(2, "0")).join(":") + ` ${ino}`;
}
