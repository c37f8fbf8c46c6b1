/**
 * The channel `microphone`. The host's microphone is on while an app in the container records; its samples go to the
 * session's agent, which writes them into the FIFO of a PulseAudio source. The container may claim at any time that it
 * records: so the microphone is on only while the channel is open, with `--ask` only once the user has agreed each
 * time, and never without a mark that the user sees.
 */

import { notificationArgv } from "../../base/desktop.ts";
import { ExitCode } from "../../base/errors.ts";
import { onceEach } from "../../base/ui.ts";
import type { RunningProcess } from "../../base/process.ts";
import type { Container } from "../../container/container.ts";
import { historyIsFull } from "../../container/history.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import type { Channel } from "../interface.ts";
import type { ChannelIo, Served } from "../io.ts";
import pulseSh from "../pulse.sh" with { type: "text" };
import { describeSamples, noPacat, pacatArgv, type Samples } from "../samples.ts";
import microphonePy from "./agent.py" with { type: "text" };
import microphoneSh from "./session.sh" with { type: "text" };

/** The formats of the microphone's samples, on one machine and over a network. */
const localVoice: Samples = { format: "s16le", rate: 48_000, channels: 1, latencyMs: 30 };
const remoteVoice: Samples = { ...localVoice, format: "ulaw", rate: 16_000 };

/** How often recording may begin: an app that tries its devices begins several times in a row. */
const bearable = { burst: 10, perSecond: 0.2 };

const question = { channel: "microphone", what: "listen to your microphone", details: [] } as const;

export const channel: Channel<boolean> = {
  agent: { parts: [microphonePy] },
  session: {
    parts: [microphoneSh, pulseSh],
    values: ({ crossesNetwork }) => ({ source: describeSamples(crossesNetwork ? remoteVoice : localVoice) }),
  },
  asks: { record: ({ on }) => on === true },
  serve: serveMicrophone,
};

type MicrophoneIo = Pick<ChannelIo, "consent" | "asks" | "closing" | "now" | "sendSamples">;

/** Serves the microphone, which is off until an app in the container records. */
export function serveMicrophone(
  container: Pick<Container, "host" | "label" | "crossesNetwork" | "history">,
  { consent, asks, closing, now, sendSamples }: MicrophoneIo,
): Served<boolean> {
  const { host, label, history } = container;
  const mayBegin = rate(bearable, now);
  let current: AbortController | undefined;
  const warn = onceEach(host.ui.warn);

  const record = (signal: AbortSignal): void => {
    if (!history.add({ kind: "microphone", what: "on" })) {
      host.ui.warn(`The microphone stays off: ${historyIsFull}`);
      return;
    }
    const startMs = now();
    // If this throws, nothing records.
    const mark = showMark(container);
    signal.addEventListener("abort", () => mark.kill("SIGINT"), { once: true });
    // The recorder ends with this run, even if that is killed.
    const argv = pacatArgv("record", container.crossesNetwork ? remoteVoice : localVoice);
    const recorder = host.start(["setpriv", "--pdeathsig", "TERM", ...argv], { output: { bytes: sendSamples } });
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

  const begin = async (signal: AbortSignal): Promise<void> => {
    if (!mayBegin()) return warn(`"${label}" begins to record too often: the microphone stays off`);
    if (asks && await consent.request(question, signal) === false || signal.aborted) return;
    const hour = asks ? consent.hourOf("microphone") : undefined;
    if (!hour) return record(signal);
    record(AbortSignal.any([signal, hour]));
    // An app that still records then is asked about again.
    hour.addEventListener("abort", () => start(signal), { once: true, signal });
  };

  const start = (signal: AbortSignal): void => {
    begin(signal).catch((error) => {
      if (!signal.aborted && !(error instanceof Refusal)) {
        host.ui.warn(`The microphone stays off. ${(error as Error).message}`);
      }
    });
  };

  const take = (on: boolean): void => {
    if (on === (current !== undefined)) return;
    current?.abort();
    current = on ? new AbortController() : undefined;
    if (current) start(AbortSignal.any([host.signal, closing, current.signal]));
  };
  const stop = (): void => take(false);
  return { take, gone: stop, end: stop };
}

/**
 * Tells the user that the microphone is on, in a line and in a notification that stays until SIGINT takes it away
 * (notify-send 0.8.6).
 */
function showMark({ host, label }: Pick<Container, "host" | "label">): RunningProcess {
  host.ui.warn(`"${label}" listens to your microphone`, { security: true });
  const [program, ...words] = notificationArgv(
    { title: `gui-container: ${label} listens to your microphone`, body: "It is on until this goes away." },
    { icon: "audio-input-microphone" },
  );
  const argv = ["setpriv", "--pdeathsig", "INT", program!, "--wait", "--urgency=critical", ...words];
  return host.start(argv, { output: "discard", detached: true });
}
