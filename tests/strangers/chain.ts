/** waypipe's two ends, and the guard between, as processes of this machine: an app connects to one, the other to a compositor. */

import { fromFileUrl, join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually } from "../e2e/run.ts";
import { exists } from "../lab/files.ts";

export interface Chain extends AsyncDisposable {
  /** Where apps connect. */
  display: string;
  /** Where to connect for the guard to begin a session anew. */
  session: string;
  /** The process of the guard. */
  guard: number;
  /** What the guard tells the user. */
  told: string[];
  /** For how long the guard was busy at a stretch since the last call, in milliseconds of the processor's time. */
  standstillMs(): Promise<number>;
}

/**
 * Starts a chain.
 *
 * @param directory an empty one
 * @param options `host`: the compositor's socket; `isUsed`: the user counts as working in the windows at all times
 */
export async function startChain(
  directory: string,
  { host, isUsed }: { host: string; isUsed: boolean },
): Promise<Chain> {
  await using stack = new AsyncDisposableStack();
  const path = (name: string): string => join(directory, name);
  const told: string[] = [];
  const start = async (argv: string[], made: string): Promise<number> => {
    const env = { XDG_RUNTIME_DIR: directory, WAYLAND_DISPLAY: host };
    const line = (line: string): void => void (line.startsWith("guard: ") && told.push(line.slice(7)));
    const process = startProcess(argv, { env, output: { line } });
    stack.defer(async () => {
      process.kill("SIGTERM");
      await process.ended;
    });
    await eventually(`${argv[0]} listens`, () => Promise.resolve(exists(path(made))));
    return process.pid;
  };
  const waypipe = ["waypipe", "--no-gpu", "-c", "none", "--socket"];
  await start([...waypipe, path("client"), "client"], "client");
  const script = fromFileUrl(new URL("chain_guard.ts", import.meta.url));
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const guard = await start([...deno, script, directory, ...isUsed ? ["used"] : []], "session");
  await start(
    [...waypipe, path("guard"), "--display", path("display"), "server", "--", "sleep", "infinity"],
    "display",
  );
  const resources = stack.move();
  return {
    display: path("display"),
    session: path("session"),
    guard,
    told,
    async standstillMs() {
      using asked = await Deno.connect({ transport: "unix", path: path("standstill") });
      return Number(await new Response(asked.readable).text());
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
