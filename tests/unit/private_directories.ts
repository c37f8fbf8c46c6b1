/** A host with private directories, for tests. */

import { assertEquals } from "@std/assert";
import type { ClientOptions } from "../../lib/attach/x11/client.ts";
import { fallbackScreen } from "../../lib/attach/x11/screen.ts";
import type { Host } from "../../lib/base/host.ts";
import { startProcess } from "../../lib/base/process.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

/** The options of a client but for its guard. */
type Unguarded = Omit<ClientOptions, "guard">;

/**
 * A host with directories of a container, on which guards are real, clients run until they are ended; and what becomes of
 * these.
 */
export async function withHost(
  work: (world: { host: Host; events: string[]; options: Unguarded; directory: string }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const events: string[] = [];
  const { host: recording } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory, DISPLAY: ":7" } });
  const host: Host = {
    ...recording,
    start(argv, options) {
      if (argv.includes("--guard-x11")) return startProcess(argv, options);
      events.push(argv[0]!);
      const ended = Promise.withResolvers<
        { argv: typeof argv; code: number; signal: null; stdout: ""; stderr: "" }
      >();
      return {
        pid: 1,
        ended: ended.promise,
        kill(signal) {
          events.push(signal);
          ended.resolve({ argv, code: 1, signal: null, stdout: "", stderr: "" });
        },
      };
    },
  };
  const mounts = mountsIn(host, "box");
  const container = localBox(host, { mounts });
  await Deno.mkdir(mounts.sockets, { recursive: true });
  const options: Unguarded = {
    container,
    open: new Set(["sound"]),
    border: { colour: "#e60000", width: 4, isAlways: false },
    userOptions: [],
    screen: fallbackScreen,
    box: true,
  };
  try {
    await work({ host, events, options, directory });
    await container[Symbol.asyncDispose]();
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
    assertEquals(left.filter((name) => name !== ".seccomp"), [".lock", "box"], "nothing is left");
    assertEquals([...Deno.readDirSync(mounts.sockets)].map(({ name }) => name), [], "nothing is left");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
