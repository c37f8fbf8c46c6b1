/**
 * When a link or a file was last opened in a container from outside. What its apps open right after that may be the
 * same, on its way round from container to container.
 */

import { join } from "@std/path";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import type { Mounts } from "./paths.ts";

/** For how long that counts, in milliseconds: an app has started by then, also on a slow host. */
const recentMs = 30_000;

function path({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "link-opened");
}

export async function noteOpened(host: Host, mounts: Pick<Mounts, "directory">): Promise<void> {
  await host.change(`touch ${quoteWords([path(mounts)])}`, () => Deno.writeTextFile(path(mounts), "", { mode: 0o600 }));
}

/** Whether something was opened there a moment ago. */
export async function wasOpened(mounts: Pick<Mounts, "directory">): Promise<boolean> {
  const { mtime } = await Deno.stat(path(mounts)).catch(() => ({ mtime: null }));
  return mtime !== null && Math.abs(Date.now() - mtime.getTime()) < recentMs;
}
