/** A container with a border, which a test finds as it was. */

import { assertEquals } from "@std/assert";
import type { StartRequest } from "../../lib/settings/request.ts";
import { borderOf } from "../../lib/container/border.ts";
import type { Container } from "../../lib/container/container.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { type Answer, recordingHost } from "./recording_host.ts";

const red = { colour: "#ff0000", width: 5, isAlways: true };

/** A request for a red border. */
export function request(options: Partial<StartRequest> = {}): StartRequest {
  const show = {
    session: undefined,
    display: "auto",
    open: new Set<never>(),
    asks: new Set<never>(),
    border: red,
  } as const;
  const app = { app: ["foot"], detached: false, files: [] };
  return { ...show, ...app, userOptions: [], box: true, ...options };
}

/** Runs `test` with a container that has a border already, and fails if it has another one then. */
export async function keepsBorder(
  test: (container: Container) => Promise<unknown>,
  { env = {}, answer, session = "" }: {
    env?: Record<string, string>;
    answer?: (argv: readonly string[]) => Answer;
    /** The display of a session. */
    session?: string;
  } = {},
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const all = { GUI_CONTAINER_MOUNTS: root, HOME: root, ...env };
    const { host } = recordingHost({ env: all, ...answer ? { answer } : {} });
    const mounts = mountsIn(host, "box");
    await Deno.mkdir(mounts.sockets, { recursive: true });
    const before = await borderOf({ host, mounts });
    const list = session && `foot\t${session}\t7\t0\t1700000000\t\t\t"foot"`;
    await test({
      host,
      mounts,
      name: "box",
      label: "box",
      crossesNetwork: false,
      engine: engineCalled("incus"),
      status: () => Promise.resolve("Running"),
      connect: () => Promise.resolve({}),
      seenSessions: () => Promise.resolve(session ? ["foot"] : []),
      script: () => Promise.resolve({ code: 0, stdout: list }),
    } as unknown as Container);
    assertEquals(await borderOf({ host, mounts }), before);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
