/** The process of xpra's guard. It serves the clients of a run, one after the other, and ends with the run. */

import { startDeadline } from "../deadline.ts";
import { Violation } from "../faults.ts";
import { beginGuard } from "../process.ts";
import { guardWords, windowsLine } from "../process_interface.ts";
import { type Guard, startGuard } from "./guard.ts";
import { createMemory } from "./memory.ts";
import { guardLines, type GuardRequest, type RunWord } from "./process_interface.ts";

/** Guards the clients of a run until its input ends. */
export function runGuardProcess(argument: string | undefined): Promise<never> {
  const { history, connect, open: channels, times, ...request }: GuardRequest = JSON.parse(argument ?? "");
  const open = new Set(channels);
  const memory = createMemory();
  let fullHour: number | undefined;
  let guard: Guard | undefined;
  let session = Promise.withResolvers<string>();
  let shared = Promise.withResolvers<void>();
  const obey: Readonly<Record<RunWord, (about: string) => unknown>> = {
    client() {
      session = Promise.withResolvers();
      shared = Promise.withResolvers();
      guard = startGuard({
        ...request,
        open,
        memory,
        crossings,
        connect: session.promise,
        report: print,
        onClientHello: () => (print(guardLines.client), shared.promise),
        onServerHello: () => void print(guardLines.server),
      });
      print(guardLines.answer);
    },
    session() {
      // The container may have taken long to start. Later clients get no more time.
      for (const [channel, afterMs] of times.splice(0)) startDeadline(afterMs, () => open.delete(channel));
      session.resolve(connect);
    },
    shared: () => shared.resolve(),
    refuse: (reason) => session.reject(new Violation(reason)),
    async over() {
      await guard?.[Symbol.asyncDispose]();
      print(windowsLine(memory.closing.end()));
      print(`${guardLines.answer}${await guard?.ended ?? ""}`);
    },
    close: (channel) => open.delete(channel as string),
    full: () => fullHour = thisHour(),
  };
  const { print, crossings } = beginGuard({
    closing: memory.closing,
    history,
    mayReport: () => fullHour !== thisHour(),
    take(line) {
      const [word] = line.split(" ", 1);
      obey[word as RunWord](line.slice(word!.length + 1));
      return false;
    },
  });
  return new Promise(() => {});
}

/** The hour, counted from 1970: a history has so many lines for each. */
function thisHour(): number {
  return Math.floor(Date.now() / 3_600_000);
}

if (import.meta.main && Deno.args[0] === guardWords.xpra) await runGuardProcess(Deno.args[1]);
