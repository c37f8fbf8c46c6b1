/** What to type next, for a script that is started without arguments: by the directories on the host, no engine is asked. */

import { delay } from "@std/async";
import { calledName } from "../base/script_names.ts";
import { containerNames } from "../container/names.ts";
import { sessionNames } from "../container/sessions.ts";
import { mountsIn, mountsRoot } from "../container/paths.ts";
import type { Host } from "../base/host.ts";

/** How long the directories may take, in milliseconds: a container can fill those that it shares. */
const lookMs = 3_000;

/** Says what to type next: to show a session that runs, else to run an app in a container, else to make one. */
export async function nextLine(host: Pick<Host, "env">): Promise<string> {
  const create = calledName("create.ts", host.env);
  const first = `Next, make a container: ${create} my-container ~/.ssh/id_ed25519.pub gui firefox`;
  return await Promise.race([lineFor(host, first), delay(lookMs).then(() => first)]).catch(() => first);
}

async function lineFor(host: Pick<Host, "env">, first: string): Promise<string> {
  const attach = calledName("attach.ts", host.env);
  const names = await containerNames(mountsRoot(host));
  for (const name of names) {
    const [session, ...more] = await sessionNames(mountsIn(host, name).sockets);
    if (session === undefined) continue;
    return `Next, show "${session}" again: ${attach} ${more.length > 0 ? `--session=${session} ` : ""}${name}`;
  }
  const [name] = names;
  return name === undefined ? first : `Next, run an app in "${name}": ${attach} ${name} APP`;
}
