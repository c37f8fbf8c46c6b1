/** Files of the host that a copy gets, for tests. */

import { join } from "@std/path";
import { mountsIn } from "../../lib/container/paths.ts";
import { recordingHost } from "./recording_host.ts";

/** Runs `test` with a directory of the user's, and one in which a container "box" shares a directory. */
export async function withFiles(
  test: (place: { home: string; shared: string; host: ReturnType<typeof recordingHost>["host"] }) => Promise<void>,
): Promise<void> {
  const base = await Deno.realPath(await Deno.makeTempDir());
  try {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: join(base, "mounts") } });
    const [home, shared] = [join(base, "home"), mountsIn(host, "box").share];
    for (const directory of [home, shared]) await Deno.mkdir(directory, { recursive: true });
    await test({ home, shared, host });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}
