/** Runs of attach.ts that show sessions, for tests. */

import { join } from "@std/path";
import { createPermissions, type Permissions } from "../../lib/attach/session/permissions.ts";
import { openToCommands } from "../../lib/attach/session/runs.ts";
import type { Container } from "../../lib/container/container.ts";
import { type Happening, openHistory } from "../../lib/container/history.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { obeyCommands } from "../../lib/guard/commands.ts";
import type { CarryRequest } from "../../lib/guard/wayland/carrying.ts";
import { localBox } from "./containers.ts";
import { type Answer, recordingHost } from "./recording_host.ts";

/** Makes the private directory of a run or a guard, which is in use until the end of this value's scope. */
export async function lockedDirectory(path: string): Promise<Disposable> {
  await Deno.mkdir(path, { mode: 0o700 });
  const lock = await Deno.open(join(path, "lock"), { write: true, create: true });
  await lock.lock(false);
  return lock;
}

/** Runs of attach.ts that serve sessions of a container, and the process that closes their channels. */
export async function withRuns(
  sessions: readonly string[],
  test: (world: {
    /** That process's own view of the container. */
    box: Container;
    runs: Permissions[];
    said: string[];
    history: Happening[];
    /** Makes the private directory of a guard, whose commands are obeyed if there is somebody who does. */
    guard: (session: string, obey?: (request: CarryRequest) => unknown) => Promise<void>;
    root: string;
    env: Record<string, string>;
  }) => Promise<void>,
  answer: (argv: readonly string[]) => Answer = () => ({}),
): Promise<void> {
  const root = await Deno.makeTempDir();
  const env = { GUI_CONTAINER_MOUNTS: root };
  const { host, said } = recordingHost({ env, answer });
  const mounts = mountsIn(host, "box");
  const directoryOf = async (name: string): Promise<string> => {
    const directory = join(root, `.attach-${name}`);
    scope.use(await lockedDirectory(directory));
    return directory;
  };
  await using scope = new AsyncDisposableStack();
  try {
    const runs: Permissions[] = [];
    for (const [index, session] of sessions.entries()) {
      const own = localBox(recordingHost({ env }).host, { mounts, directory: await directoryOf(`${index}`) });
      const permissions = createPermissions(own, {
        open: new Set(["microphone", "links", "sound"]),
        times: new Map([["microphone", 60_000]]),
      });
      permissions.begin();
      scope.use(await openToCommands(own, { session, permissions, asks: new Set() }));
      runs.push(permissions);
    }
    const history: Happening[] = [];
    const box = localBox(host, {
      mounts,
      directory: await directoryOf("own"),
      history: { ...openHistory(host, undefined), add: (happening) => history.push(happening) > 0 },
    });
    const guard = async (session: string, obey?: (request: CarryRequest) => unknown): Promise<void> => {
      const directory = await directoryOf("1w");
      await Deno.writeTextFile(join(directory, "session.json"), JSON.stringify({ mounts: mounts.directory, session }));
      if (!obey) return;
      await Deno.mkdir(join(directory, "commands"), { mode: 0o700 });
      const watcher = obeyCommands(directory, obey);
      scope.defer(() => watcher.close());
    };
    await test({ box, runs, said, history, guard, root, env });
  } finally {
    await scope.disposeAsync();
    await Deno.remove(root, { recursive: true });
  }
}
