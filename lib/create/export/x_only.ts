/** Apps that know X only: a Wayland desktop shows them by xpra, else in one window of Xwayland's, or not at all. */

import { basename } from "@std/path";
import findXOnly from "./find_x_only.sh" with { type: "text" };
import { isFailure } from "../../base/errors.ts";
import { findOnPath } from "../../base/files.ts";
import type { Container } from "../../container/container.ts";
import type { App } from "./app.ts";

/** How long a container may take to say it, in milliseconds, and how much it may say, in bytes. */
const answerMs = 30_000;
const answerBytes = 64 * 1024;

/** Apps that know X only. */
export interface XOnly {
  /** Which of those that were asked about. What a container says of its apps decides over their entries alone. */
  apps: ReadonlySet<App>;
  /** The options of attach.ts that show them best. */
  options: readonly string[];
  /** Why nothing can show them, as the end of a sentence; undefined: something can. */
  why: string | undefined;
}

/** Finds out which apps know X only, and what can show them. Where the container does not say it, none do. */
export async function readXOnly(container: Container, apps: readonly App[]): Promise<XOnly> {
  const programs = apps.map(({ command, program }) => command.find((word) => basename(word) === program) ?? program);
  const limits = { timeoutMs: answerMs, maxOutputBytes: answerBytes };
  let answer: string;
  try {
    answer = (await container.script({ script: findXOnly, parameters: programs, ...limits })).stdout;
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { apps: new Set(), options: [], why: undefined };
  }
  const [first = "", ...names] = answer.split("\n");
  const servers = first.split(" ");
  const lacks = !servers.includes("xpra")
    ? `there is no xpra in "${container.label}"`
    : await findOnPath(container.host, "xpra")
    ? undefined
    : "there is no xpra on this host";
  return {
    apps: new Set(apps.filter((_, index) => names.includes(programs[index]!))),
    options: lacks === undefined ? ["--display=x11"] : [],
    why: servers.includes("Xwayland") ? undefined : lacks,
  };
}
