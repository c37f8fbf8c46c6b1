/** Dialogs of a session whose agent and whose user are the test's. */

import { assert } from "@std/assert";
import type { ChannelName } from "../../lib/channels/table.ts";
import { servePortals } from "../../lib/attach/agent/serve.ts";
import { createPermissions, type Permissions } from "../../lib/attach/session/permissions.ts";
import type { ProcessOptions } from "../../lib/base/process.ts";
import type { SessionLoans } from "../../lib/container/lend/loan.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

/** Dialogs whose agent and whose user are the test's. */
export async function withDialogs(
  user: (argv: readonly string[], signal: AbortSignal | undefined) => Promise<{ code: number; stdout: string }>,
  test: (dialogs: {
    /** Says something as the agent. */
    say: (...lines: unknown[]) => Promise<void>;
    /** The same, in one piece. */
    sayAtOnce: (lines: unknown[]) => unknown;
    /** What the agent was told. */
    told: unknown[];
    lent: string[];
    said: string[];
    shown: string[][];
    /** Lets milliseconds pass: while a dialog is shown, if not of this one, of the next. */
    pass: (ms: number) => void;
    settled: () => Promise<void>;
    /** What lends; a test may replace it. */
    loans: SessionLoans;
    made: { loans: () => Promise<SessionLoans> };
    /** What was started as something recorded. */
    recorded: string[];
    /** What of that was ended. */
    stopped: string[];
    permissions: Permissions;
    /** Lends what is dropped on a window, or pasted there. */
    drop: (list: string) => Promise<string>;
    /** The same; undefined where nobody has answered. */
    paste: (list: string, how?: "pasted" | "again") => Promise<string | undefined>;
    /** Ends the serving. */
    end: () => PromiseLike<void>;
  }) => Promise<void>,
  { hasPortal = false, lendingMs = 60_000, channels = ["dialogs", "microphone"] as readonly ChannelName[] } = {},
): Promise<void> {
  const { host, said } = recordingHost({ env: { HOME: "/home/me", XDG_CURRENT_DESKTOP: "GNOME" } });
  const shown: string[][] = [];
  const told: unknown[] = [];
  const lent: string[] = [];
  const recorded: string[] = [];
  const stopped: string[] = [];
  let time = 0;
  let passing = 0;
  let running = 0;
  let hear: (line: string) => unknown = () => {};
  const agentEnded = Promise.withResolvers<void>();
  host.start = (argv, options: ProcessOptions = {}) => {
    const { output, stdin } = options;
    if (argv[0] === "setpriv") {
      recorded.push(argv[3]!);
      return { pid: 2, ended: new Promise(() => {}), kill: () => void stopped.push(argv[3]!) };
    }
    assert(typeof output === "object" && "line" in output && typeof stdin === "object" && "bytes" in stdin);
    hear = output.line;
    let isSource = true;
    const reading = stdin.bytes.pipeTo(
      new WritableStream({
        write(piece) {
          const lines = new TextDecoder().decode(piece).trim().split("\n");
          if (!isSource) told.push(...lines.map((line) => JSON.parse(line)));
          isSource = false;
        },
      }),
    );
    return {
      pid: 1,
      ended: agentEnded.promise.then(() => reading).then(() => ({
        argv,
        code: 0,
        signal: null,
        stdout: "",
        stderr: "",
      })),
      kill: () => agentEnded.resolve(),
    };
  };
  host.run = async (argv, options) => {
    if (argv[0] === "gdbus") {
      return { argv, code: hasPortal ? 0 : 1, signal: null, stdout: hasPortal ? "(<uint32 4>,)\n" : "", stderr: "" };
    }
    shown.push([...argv]);
    time += passing;
    passing = 0;
    running++;
    const { code, stdout } = await user(argv, options?.signal).finally(() => running--);
    options?.signal?.throwIfAborted();
    return { argv, code, signal: null, stdout, stderr: "" };
  };
  const loans: SessionLoans = {
    open: (paths) => {
      lent.push(...paths);
      return Promise.resolve(paths.map((path) => `/home/ubuntu/maps/1-${path.split("/").at(-1)}`));
    },
    save: (path) => {
      lent.push(path);
      return Promise.resolve("/home/ubuntu/maps/1-saved");
    },
    writeBack: () => Promise.resolve(),
    copies: () => [],
    end: () => Promise.resolve(),
  };
  const made = { loans: () => Promise.resolve(loans) };
  const permissions = createPermissions(localBox(host), { open: new Set(channels) });
  await using served = (await servePortals({ ...localBox(host), loans: () => made.loans() }, {
    session: "s",
    permissions,
    asks: new Set(),
    runsOn: () => Promise.resolve(false),
    now: () => time,
    lendingMs,
  }))!;
  // What is going on needs files, and on a busy machine they take longer than any time.
  const settled = async (): Promise<void> => {
    for (let step = 0; step < 10; step++) {
      await Deno.stat(".");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await settled();
  // It has found its session.
  await hear(encoded({ ask: "gone" }));
  await test({
    async say(...lines) {
      for (const line of lines) await hear(encoded(line));
      await settled();
    },
    async sayAtOnce(lines) {
      for (const line of lines) await hear(encoded(line));
    },
    told,
    lent,
    said,
    shown,
    pass: (ms) => void (running > 0 ? time += ms : passing += ms),
    settled,
    loans,
    made,
    recorded,
    stopped,
    permissions,
    drop: (list) => served.give!(list, "dropped").catch(() => ""),
    paste: (list, how = "pasted") => served.give!(list, how).catch(() => undefined),
    end: () => served[Symbol.asyncDispose](),
  });
}

/** Lines of the agent, which have an id. */
function encoded(line: unknown): string {
  return JSON.stringify({ id: 0, ...line as object });
}

export const open = (id: number): unknown => ({ ask: "open", id, path: "/etc/shadow" });
