// When the host's microphone is on: as long as the channel is open, the user agrees, and something in the container listens.

import { assertEquals, assertMatch } from "@std/assert";
import { askInDialog } from "../../../../lib/attach/agent/ask.ts";
import { channel, serveMicrophone } from "../../../../lib/channels/microphone/host.ts";
import { type ProcessResult, UserError } from "../../../../lib/base/errors.ts";
import type { Host } from "../../../../lib/base/host.ts";
import type { ProcessOptions } from "../../../../lib/base/process.ts";
import { type Happening, openHistory } from "../../../../lib/container/history.ts";
import type { Served } from "../../../../lib/channels/io.ts";
import { createConsent } from "../../../../lib/guard/consent.ts";
import { localBox, remoteBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

interface Started {
  argv: readonly string[];
  output: ProcessOptions["output"];
  killed: string[];
  end: (code: number) => void;
}

/** A microphone of a container, the programs that it has started, and what the user answers. */
function withMicrophone({ answers, isRemote = false, lacksMark = false, isFull = false, signal }: {
  answers?: (argv: readonly string[]) => Promise<string>;
  isRemote?: boolean;
  lacksMark?: boolean;
  /** Whether there is no line left in the history. */
  isFull?: boolean;
  signal?: AbortSignal;
} = {}): {
  microphone: Served<boolean>;
  heard: Uint8Array[];
  started: Started[];
  said: string[];
  written: Happening[];
  pass: (ms: number) => void;
  settled: () => Promise<void>;
  close: () => void;
  endHour: () => void;
} {
  const recording = recordingHost();
  const started: Started[] = [];
  const host: Host = {
    ...recording.host,
    ...(signal ? { signal } : {}),
    async run(argv, options) {
      const stdout = await answers!(argv);
      options?.signal?.throwIfAborted();
      return { argv, code: 1, signal: null, stdout, stderr: "" };
    },
    start(argv, { output } = {}) {
      if (lacksMark && argv.includes("notify-send")) {
        throw new UserError('The program "setpriv" is not installed', { hint: "" });
      }
      const { promise: ended, resolve } = Promise.withResolvers<ProcessResult>();
      const end = (code: number): void => resolve({ argv, code, signal: null, stdout: "", stderr: "" });
      const killed: string[] = [];
      started.push({ argv, output, killed, end });
      return {
        pid: 1,
        ended,
        kill(signal) {
          killed.push(signal);
          end(0);
        },
      };
    },
  };
  let time = 0;
  const now = (): number => time += 10_000;
  let endHour: (() => void) | undefined;
  const closer = new AbortController();
  let elapsedMs = 0;
  const written: Happening[] = [];
  const add = (happening: Happening): boolean => !isFull && written.push(happening) > 0;
  const history = {
    ...openHistory(host, undefined),
    add,
    note: (happening: Happening) => void written.push(happening),
  };
  const container = isRemote ? remoteBox(host) : localBox(host, { history });
  const consent = answers && createConsent({
    ask: (question, signal) => askInDialog(container, question, { signal, clock: () => elapsedMs }),
    now,
    startHour: (_, end) => endHour = end,
  });
  const heard: Uint8Array[] = [];
  const microphone = serveMicrophone(container, {
    consent: consent!,
    asks: consent !== undefined,
    closing: closer.signal,
    now: () => elapsedMs,
    sendSamples: (samples) => void heard.push(samples),
  });
  return {
    heard,
    written,
    pass: (ms) => void (elapsedMs += ms),
    microphone,
    started,
    said: recording.said,
    close: () => closer.abort(),
    endHour: () => endHour!(),
    settled: () => new Promise((resolve) => setTimeout(resolve, 5)),
  };
}

const names = (started: readonly Started[]): string[] =>
  started.map(({ argv }) => argv.find((word) => word === "pacat" || word === "notify-send")!);

Deno.test("it is written down when the microphone goes on and off; it stays off where there is no line for that", async () => {
  const { microphone, written, pass, settled } = withMicrophone();
  microphone.take!(true);
  await settled();
  assertEquals(written, [{ kind: "microphone", what: "on" }]);
  pass(20_000);
  microphone.take!(false);
  await settled();
  assertEquals(written.at(-1), { kind: "microphone", what: "off", seconds: 20 });
  const full = withMicrophone({ isFull: true });
  full.microphone.take!(true);
  await full.settled();
  assertEquals([full.started, full.said.length], [[], 1]);
});

Deno.test("the microphone is on while something listens, and a mark says so for as long", async () => {
  const { microphone, heard, started, said, settled } = withMicrophone();
  await settled();
  assertEquals(started, []);
  microphone.take!(true);
  await settled();
  assertEquals(names(started), ["notify-send", "pacat"]);
  const [mark, recorder] = started as [Started, Started];
  assertMatch(recorder.argv.join(" "), /pacat --record --raw --format=s16le --rate=48000 --channels=1 /);
  assertMatch(mark.argv.join(" "), /--wait .* gui-container: box listens to your microphone/);
  (recorder.output as { bytes(piece: Uint8Array): void }).bytes(new Uint8Array(4));
  assertEquals(heard.length, 1);
  // It says so again: nothing new begins.
  microphone.take!(true);
  await settled();
  assertEquals(started.length, 2);
  microphone.take!(false);
  await settled();
  assertEquals([recorder.killed, mark.killed], [["SIGTERM"], ["SIGINT"]]);
  assertEquals(said, [
    'warn: "box" listens to your microphone',
    'status: "box" does not listen to your microphone any more',
  ]);
});

Deno.test("the microphone is off at the end of the run, whatever the container says", async () => {
  const over = new AbortController();
  const { microphone, started, settled } = withMicrophone({ signal: over.signal, isRemote: true });
  microphone.take!(true);
  await settled();
  assertMatch(started[1]!.argv.join(" "), /--format=ulaw --rate=16000 /);
  over.abort();
  assertEquals(started.map(({ killed }) => killed), [["SIGINT"], ["SIGTERM"]]);
  microphone.end!();
  microphone.take!(true);
  await settled();
  assertEquals(started.length, 2);
});

Deno.test("nothing records before the user has said yes, and after a no only another use is asked for", async () => {
  const questions: string[] = [];
  let answer = Promise.withResolvers<string>();
  const { microphone, started, settled } = withMicrophone({
    answers(argv) {
      questions.push(argv.find((word) => word.startsWith("--title="))!);
      return answer.promise;
    },
  });
  microphone.take!(true);
  await settled();
  microphone.take!(true);
  assertEquals([questions, started], [["--title=gui-container: may box listen to your microphone?"], []]);
  answer.resolve("Refuse");
  await settled();
  // It listens still, which is not asked for again.
  microphone.take!(true);
  await settled();
  assertEquals([questions.length, started], [1, []]);
  answer = Promise.withResolvers();
  microphone.take!(false);
  microphone.take!(true);
  await settled();
  assertEquals(questions.length, 2);
  // A yes that comes when nothing listens any more.
  microphone.take!(false);
  answer.resolve("Allow once");
  await settled();
  assertEquals(started, []);
});

Deno.test("what records is cut when the channel is closed, and nothing records after that", async () => {
  const { microphone, started, close, settled } = withMicrophone();
  microphone.take!(true);
  await settled();
  close();
  assertEquals(started.map(({ killed }) => killed), [["SIGINT"], ["SIGTERM"]]);
  microphone.take!(false);
  microphone.take!(true);
  await settled();
  assertEquals(started.length, 2);
});

Deno.test("a yes for an hour is for all that records meanwhile; then that is cut, and what goes on is asked for again", async () => {
  let questions = 0;
  let answer = "Allow for an hour";
  const { microphone, started, endHour, pass, settled } = withMicrophone({
    answers() {
      questions++;
      pass(5_000);
      return Promise.resolve(answer);
    },
  });
  for (let count = 0; count < 2; count++) {
    microphone.take!(false);
    microphone.take!(true);
    await settled();
  }
  // The question, and that by which it is confirmed.
  assertEquals([questions, names(started).length], [2, 4]);
  answer = "Refuse";
  endHour();
  assertEquals(started.at(-1)!.killed, ["SIGTERM"]);
  await settled();
  assertEquals([questions, started.length], [3, 4]);
  answer = "Allow once";
  microphone.take!(false);
  microphone.take!(true);
  await settled();
  assertEquals([questions, started.length], [4, 6]);
});

Deno.test("a container that begins to record again and again is not heard", async () => {
  const { microphone, started, said, settled } = withMicrophone();
  for (let count = 0; count < 100; count++) {
    microphone.take!(true);
    await settled();
    microphone.take!(false);
  }
  assertEquals(names(started).filter((name) => name === "pacat").length, 10);
  assertEquals(said.filter((line) => line.includes("too often")).length, 1);
});

Deno.test("nothing records that cannot be marked", async () => {
  const { microphone, started, said, settled } = withMicrophone({ lacksMark: true });
  microphone.take!(true);
  await settled();
  assertEquals(started, []);
  assertEquals(said.at(-1), 'warn: The microphone stays off. The program "setpriv" is not installed');
});

Deno.test("without a program that records, the user is told, and the mark goes away", async () => {
  const { microphone, started, said, settled } = withMicrophone();
  microphone.take!(true);
  await settled();
  started[1]!.end(127);
  await settled();
  assertEquals(started[0]!.killed, ["SIGINT"]);
  assertEquals(
    said.at(-1),
    'warn: The microphone is off. The program "pacat" is not installed: sudo apt install pulseaudio-utils',
  );
});

Deno.test("what an agent says of recording is yes or no", () => {
  const { record } = channel.asks!;
  assertEquals(record!({ on: true }, 0), true);
  for (const on of ['"true"', "1", "{}", "null"]) {
    assertEquals(record!(JSON.parse(`{"on":${on}}`), 0), false);
  }
});
