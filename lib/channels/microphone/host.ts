/**
 * The host's microphone for the apps of a session. It is on while something in the container records, and its samples
 * go to the session's agent, which writes them into the FIFO of a PulseAudio source. The container says when it
 * records, and could say so at any time: so nothing is recorded unless the channel is open, with `--ask` not before the
 * user has agreed each time, and never without a mark that the user sees.
 */

import { notificationArgv } from "../../base/desktop.ts";
import { ExitCode } from "../../base/errors.ts";
import { onceEach } from "../../base/ui.ts";
import type { RunningProcess } from "../../base/process.ts";
import type { Container } from "../../container/container.ts";
import type { Consent } from "../../guard/consent.ts";
import { historyIsFull } from "../../container/history.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import type { Channel } from "../interface.ts";
import pulseSh from "../pulse.sh" with { type: "text" };
import { describeSamples, noPacat, pacatArgv, type Samples } from "../samples.ts";
import microphonePy from "./agent.py" with { type: "text" };
import microphoneSh from "./session.sh" with { type: "text" };

/** How the microphone is sampled, on one machine and over a network. */
const localVoice: Samples = { format: "s16le", rate: 48_000, channels: 1, latencyMs: 30 };
const remoteVoice: Samples = { ...localVoice, format: "ulaw", rate: 16_000 };

/** How often recording may begin: an app that tries its devices does so several times in a row. */
const bearable = { burst: 10, perSecond: 0.2 };

const question = { channel: "microphone", what: "listen to your microphone", details: [] } as const;

export const channel: Channel<boolean> = {
  agent: { parts: [microphonePy] },
  session: { parts: [microphoneSh, pulseSh], values: (container) => ({ source: sourceSamples(container) }) },
  asks: { record: ({ on }) => on === true },
  serve(container, { consent, asks, closing, now, sendSamples }) {
    const microphone = createMicrophone(container, { consent: asks ? consent : undefined, closing, now });
    const stop = (): void => microphone.listen(undefined);
    return { take: (on) => closing.aborted || microphone.listen(on ? sendSamples : undefined), gone: stop, end: stop };
  },
};

/** The arguments of PulseAudio's module-pipe-source that describe the samples. */
export function sourceSamples({ crossesNetwork }: Pick<Container, "crossesNetwork">): string {
  return describeSamples(crossesNetwork ? remoteVoice : localVoice);
}

/** The microphone of a run. It is off at the end of this value's scope. */
export interface Microphone extends Disposable {
  /**
   * To be called when something in the container begins to record, with what takes the samples; with undefined when
   * nothing records any more.
   */
  listen(send: ((samples: Uint8Array) => void) | undefined): void;
}

/**
 * Makes the microphone of a run, which is off.
 *
 * @param options `consent`: asks the user each time; undefined when the channel is open without a question. `closing`
 * aborts when the channel closes
 */
export function createMicrophone(
  container: Pick<Container, "host" | "label" | "crossesNetwork" | "history">,
  { consent, closing, now = () => performance.now() }: {
    consent: Consent | undefined;
    closing: AbortSignal;
    now?: () => number;
  },
): Microphone {
  const { host, label, history } = container;
  const mayBegin = rate(bearable, now);
  let current: AbortController | undefined;
  const warn = onceEach(host.ui.warn);

  const record = (send: (samples: Uint8Array) => void, signal: AbortSignal): void => {
    if (!history.add({ kind: "microphone", what: "on" })) {
      host.ui.warn(`The microphone stays off: ${historyIsFull}`);
      return;
    }
    const startMs = now();
    // Nothing records where this fails.
    const mark = showMark(container, signal);
    signal.addEventListener("abort", () => mark.kill("SIGINT"), { once: true });
    // For no longer than this run lasts, even if that is killed.
    const argv = pacatArgv("record", container.crossesNetwork ? remoteVoice : localVoice);
    const recorder = host.start(["setpriv", "--pdeathsig", "TERM", ...argv], { output: { bytes: send } });
    signal.addEventListener("abort", () => recorder.kill("SIGTERM"), { once: true });
    recorder.ended.then(({ code }) => {
      history.note({ kind: "microphone", what: "off", seconds: Math.round((now() - startMs) / 1_000) });
      if (signal.aborted) {
        host.ui.status(`"${label}" does not listen to your microphone any more`);
        return;
      }
      mark.kill("SIGINT");
      const why = code === ExitCode.missingProgram
        ? noPacat
        : `pacat has ended with exit status ${code}: try it in a terminal`;
      host.ui.warn(`The microphone is off. ${why}`);
    });
  };

  const begin = async (send: (samples: Uint8Array) => void, signal: AbortSignal): Promise<void> => {
    if (!mayBegin()) {
      warn(`"${label}" begins to record too often: the microphone stays off`);
      return;
    }
    if (await consent?.request(question, signal) === false || signal.aborted) return;
    const hour = consent?.hourOf("microphone");
    if (!hour) return record(send, signal);
    record(send, AbortSignal.any([signal, hour]));
    // What goes on to record is asked for again.
    hour.addEventListener("abort", () => start(send, signal), { once: true, signal });
  };

  const start = (send: (samples: Uint8Array) => void, signal: AbortSignal): void => {
    begin(send, signal).catch((error) => {
      if (!signal.aborted && !(error instanceof Refusal)) {
        host.ui.warn(`The microphone stays off. ${(error as Error).message}`);
      }
    });
  };

  const listen: Microphone["listen"] = (send) => {
    if ((send !== undefined) === (current !== undefined)) return;
    current?.abort();
    current = send && new AbortController();
    if (!send || !current) return;
    start(send, AbortSignal.any([host.signal, closing, current.signal]));
  };
  return { listen, [Symbol.dispose]: () => listen(undefined) };
}

/**
 * Tells the user that the microphone is on: in a line, and in a notification that stays as long as it is. SIGINT takes
 * it away (notify-send 0.8.6). An older notify-send knows no `--wait`, and shows it for its usual time.
 */
function showMark({ host, label }: Pick<Container, "host" | "label">, signal: AbortSignal): RunningProcess {
  host.ui.warn(`"${label}" listens to your microphone`, { security: true });
  const [program, ...words] = notificationArgv(
    { title: `gui-container: ${label} listens to your microphone`, body: "It is on until this goes away." },
    { icon: "audio-input-microphone" },
  );
  const options = { output: "discard", detached: true } as const;
  const until = ["setpriv", "--pdeathsig", "INT", program!, "--wait", "--urgency=critical", ...words];
  const mark = host.start(until, options);
  mark.ended.then(({ code }) => {
    if (code !== 0 && code !== ExitCode.missingProgram && !signal.aborted) host.start([program!, ...words], options);
  });
  return mark;
}
