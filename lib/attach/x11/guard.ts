/** The guard of a run's xpra clients: a separate process, to which the run sends lines, and whose lines it reads. */

import { UserError } from "../../base/errors.ts";
import { shortLine } from "../../base/text.ts";
import type { Container } from "../../container/container.ts";
import { socketPath } from "../../container/session_socket.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { crossingIn } from "../../guard/process_interface.ts";
import { guardLines, type RunWord, xpraGuardArgv } from "../../guard/xpra/process_interface.ts";
import type { WindowsOptions } from "../display/display.ts";
import { guardHistory, hearGuard, launchGuard, whyEnded } from "../display/guard.ts";

/** A running guard. It ends with this value's scope, and with the run. */
export interface ClientGuard extends AsyncDisposable {
  /** The path of its socket. */
  socket: string;
  /** Makes it listen for the next client, and resolves when it does. Calls `on` before the hello of each end passes. */
  expect(on: { clientHello(): void; serverHello(): void }): Promise<void>;
  say(word: RunWord, about?: string): void;
  /**
   * Tells it that the client has ended. Resolves to why the guard disconnected it, in one line; undefined if it did
   * not.
   */
  over(): Promise<string | undefined>;
  /** How the windows ended, as of the last client's end. */
  windows(): WindowsEnd;
}

/** Starts a guard. */
export async function startClientGuard(
  container: Container,
  { open, times, closing }: Pick<WindowsOptions, "open" | "times" | "closing">,
): Promise<ClientGuard> {
  const { host, label, history, crossesNetwork } = container;
  const directory = await container.directory();
  const [listen, connect] = [socketPath(directory, "guard"), socketPath(directory, "session")];
  const { windows, line: hear } = hearGuard(container);
  const answers: ((why: string) => void)[] = [];
  let on: Parameters<ClientGuard["expect"]>[0] | undefined;
  const words = new TextEncoderStream();
  const input = words.writable.getWriter();
  // Errors mean that the guard has ended.
  const say = (word: RunWord, about = ""): void =>
    void input.write(`${word} ${shortLine(about, 200)}\n`).catch(() => {});
  const line = (line: string): void => {
    if (line.startsWith(guardLines.answer)) answers.shift()?.(line.slice(guardLines.answer.length));
    else if (line === guardLines.server) on?.serverHello();
    else if (line === guardLines.client) {
      on?.clientHello();
      say("shared");
    } else hear(line);
    // Once the line is written, or could not be.
    if (crossingIn(line)) history.written().then(() => history.isFull("clipboard") && say("full"));
  };
  const argv = xpraGuardArgv({
    container: label,
    remote: crossesNetwork,
    open: [...open],
    times: [...times ?? []],
    listen,
    connect,
    history: guardHistory(container, directory),
  });
  for (const channel of open) closing?.(channel).addEventListener("abort", () => say("close", channel), { once: true });
  const gone = launchGuard(host, argv, { stdin: { bytes: words.readable }, output: { line } }).ended
    .then(whyEnded, (error: Error) => error.message);
  const ask = async (word: RunWord): Promise<string> => {
    say(word);
    const answer = new Promise<string>((resolve) => answers.push(resolve));
    return await host.look("", () => Promise.race([answer, gone]));
  };
  return {
    socket: listen,
    say,
    windows,
    async expect(given) {
      on = given;
      const why = await ask("client");
      if (why) throw new UserError(why, { hint: "Start the app again" });
    },
    over: async () => await ask("over") || undefined,
    async [Symbol.asyncDispose]() {
      input.close().catch(() => {});
      await gone;
    },
  };
}
