// Sound from another machine: what is played, and what came too late.

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import playFifo from "../../../../lib/channels/sound/play_fifo.sh" with { type: "text" };
import { ifThere } from "../../../../lib/base/files.ts";
import { withValues } from "../../../../lib/base/shell_words.ts";
import { channel, onlyInTime, playSound } from "../../../../lib/channels/sound/host.ts";
import { dryRunHost, type Host } from "../../../../lib/base/host.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "../../../../lib/base/process.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { localBox, remoteBox } from "../../containers.ts";
import { recordingHost, recordingUi } from "../../recording_host.ts";

Deno.test("onlyInTime() plays what comes at its rate, whole frames at a time", () => {
  let time = 0;
  const play = onlyInTime(() => time);
  let played = 0;
  for (let piece = 0; piece < 1000; piece++) {
    time += 10;
    const part = play(new Uint8Array(piece % 2 === 0 ? 641 : 639))!;
    assertEquals(part.length % 2, 0);
    played += part.length;
  }
  assertEquals(played, 640_000);
});

Deno.test("onlyInTime() drops what is far ahead of its time, and never plays it later", () => {
  let time = 0;
  const play = onlyInTime(() => time);
  const lengths = (times: number): (number | undefined)[] =>
    Array.from({ length: times }, () => play(new Uint8Array(6400))?.length);
  // Ten seconds of sound at once: 0.4 s of it is played.
  assertEquals(lengths(100).filter((length) => length !== undefined), [6400, 6400, 6400, 6400]);
  time += 100;
  assertEquals(lengths(2), [6400, undefined]);
  // After a silence nothing is owed.
  time += 60_000;
  assertEquals(lengths(5), [6400, 6400, 6400, 6400, undefined]);
  assertEquals(play(new Uint8Array(10_000_000)), undefined);
});

Deno.test("a third of the bits is taken over a network", () => {
  const { host } = recordingHost();
  const samplesOf = channel.session!.values!;
  assertEquals(samplesOf(localBox(host)), { sink: "format=s16le rate=48000 channels=2" });
  assertEquals(samplesOf(remoteBox(host)), { sink: "format=ulaw rate=32000 channels=2" });
});

const { signal } = new AbortController();

Deno.test("a dry run of playSound() prints the player", async () => {
  const { ui, said } = recordingUi();
  await playSound(remoteBox(dryRunHost({ ui, signal })), "xterm");
  assertEquals(said.length, 2);
  assertMatch(said[0]!, /^plan: .* pacat --playback /s);
  assertMatch(said[1]!, /^plan: ssh .* read_fifo\.sh$/);
});

Deno.test("playSound() hands the player, over a network, what came in time; both end together", async () => {
  const started: { argv: readonly string[]; options: ProcessOptions; end: () => void; killed: string[] }[] = [];
  const host = {
    ...dryRunHost({ ui: recordingUi().ui, signal }),
    start(argv: readonly string[], options: ProcessOptions = {}) {
      const { promise: ended, resolve } = Promise.withResolvers<Awaited<ReturnType<Host["start"]>["ended"]>>();
      const end = (): void => resolve({ argv, code: 0, signal: null, stdout: "", stderr: "" });
      const killed: string[] = [];
      started.push({ argv, options, end, killed });
      return { pid: 1, ended, kill: (name: string) => void killed.push(name) };
    },
  } as Host;
  const { now } = performance;
  using _ = { [Symbol.dispose]: () => performance.now = now };
  performance.now = () => 0;
  const player = (await playSound(remoteBox(host), "xterm"))!;
  const [pacat, ssh] = started;
  const { bytes } = ssh!.options.output as { bytes(piece: Uint8Array): Promise<void> };
  await bytes(new Uint8Array(12_000));
  assertMatch(pacat!.argv.join(" "), / \/dev\/stdin pacat --playback .* --format=ulaw --rate=32000 /s);
  assertEquals(ssh!.argv[0], "ssh");
  const reader = (pacat!.options.stdin as { bytes: ReadableStream<Uint8Array> }).bytes.getReader();
  for (let piece = 1; piece < 5; piece++) await bytes(new Uint8Array(12_000).fill(piece));
  // 0.4 s: the rest came too early to be in time.
  const heard = [await reader.read(), await reader.read()].map(({ value }) => [value!.length, value![0]]);
  assertEquals(heard, [[12_000, 0], [12_000, 1]]);
  player.kill("SIGTERM");
  assertEquals(pacat!.killed, ["SIGTERM"]);
  pacat!.end();
  await player.ended;
  assertEquals(ssh!.killed, ["SIGTERM"]);
  ssh!.end();
  assertEquals((await reader.read()).done, true);
});

/** Reads the file that its last word names, as pacat does, or else its stdin. */
const fakePacat = '#!/bin/sh\nfor file; do :; done\ncase $file in /*) exec cat "$file" ;; *) exec cat ;; esac\n';

Deno.test("sound from another machine is played to its end, but for its first frames", async () => {
  const directory = await Deno.makeTempDir();
  const programs = { pacat: 'cat >"$OUT"', ssh: "printf lostplayed" };
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const env = { PATH: `${directory}:${Deno.env.get("PATH")}`, OUT: join(directory, "played") };
  const players: RunningProcess[] = [];
  const host = {
    ...dryRunHost({ ui: recordingUi().ui, signal }),
    start(argv: readonly string[], options: ProcessOptions) {
      players.push(startProcess(argv, { ...options, env }));
      return players.at(-1)!;
    },
  } as Host;
  await playSound(remoteBox(host), "xterm");
  const [{ code }] = await Promise.all(players.map(({ ended }) => ended)) as [Awaited<RunningProcess["ended"]>];
  assertEquals([code, await Deno.readTextFile(join(directory, "played"))], [0, "played"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a player runs while something comes through the FIFO, from whole frames on, and rests between", async () => {
  const directory = await Deno.makeTempDir();
  const fifo = join(directory, "fifo");
  await runProcess(["mkfifo", fifo]);
  await Deno.writeTextFile(join(directory, "play"), "#!/bin/sh\necho $$\nexec cat\n", { mode: 0o755 });
  const [lines, taken] = [[] as string[], [] as (() => void)[]];
  const writer = await Deno.open(fifo, { read: true, write: true });
  const player = startProcess(
    ["sh", "-c", withValues(playFifo, { rest_seconds: "0.2" }), "sh", fifo, join(directory, "play")],
    { output: { line: (line) => (lines.push(line), taken.shift()?.()) } },
  );
  const timer = setTimeout(() => player.kill("SIGKILL"), 60_000);
  const next = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => new Promise<void>((resolve) => taken.push(resolve))));
  const write = (text: string): Promise<number> => writer.write(new TextEncoder().encode(text));
  for (const text of ["one", "two"]) {
    const heard = next(2);
    await write(`lost${text}\n`);
    await heard;
    const [pid, said] = lines.splice(0);
    assertEquals(said, text);
    while (await ifThere(Deno.lstat(`/proc/${pid}`))) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  writer.close();
  assertEquals((await player.ended).code, 0);
  assertEquals(lines, []);
  clearTimeout(timer);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the player ends with its session, also when that has ended before the player reads", async () => {
  const sockets = await Deno.makeTempDir();
  await Deno.writeTextFile(join(sockets, "pacat"), fakePacat, { mode: 0o755 });
  await runProcess(["mkfifo", join(sockets, "xterm~sound")]);
  const env = { PATH: `${sockets}:${Deno.env.get("PATH")}` };
  const host = {
    ...dryRunHost({ ui: recordingUi().ui, signal }),
    look: async (_planned, act) => await act(),
    start: (argv: readonly string[], options: ProcessOptions) => startProcess(argv, { ...options, env }),
  } as Host;
  const container = localBox(host, { mounts: { ...mountsIn({ env: () => "/m" }, "box"), sockets } });
  for (const outlives of [false, true]) {
    const player = (await playSound(container, "xterm", { outlives }))!;
    const timer = setTimeout(() => player.kill("SIGKILL"), 60_000);
    const { code, signal } = await player.ended;
    clearTimeout(timer);
    assertEquals([code, signal], [0, null]);
  }
  await Deno.remove(sockets, { recursive: true });
});

Deno.test("a player that fails is not begun again at once", async () => {
  const directory = await Deno.makeTempDir();
  const fifo = join(directory, "fifo");
  await runProcess(["mkfifo", fifo]);
  await Deno.writeTextFile(join(directory, "play"), "#!/bin/sh\necho began\nexit 1\n", { mode: 0o755 });
  const begun = Promise.withResolvers<void>();
  let count = 0;
  const writer = await Deno.open(fifo, { read: true, write: true });
  await writer.write(new Uint8Array(65_536));
  const player = startProcess(
    ["sh", "-c", withValues(playFifo, { rest_seconds: "60" }), "sh", fifo, join(directory, "play")],
    { output: { line: () => (count++, begun.resolve()) } },
  );
  const timer = setTimeout(() => player.kill("SIGKILL"), 60_000);
  await begun.promise;
  const drops = async (): Promise<boolean> => {
    const children = (await Deno.readTextFile(`/proc/${player.pid}/task/${player.pid}/children`)).trim().split(" ");
    const names = await Promise.all(children.map((pid) => ifThere(Deno.readTextFile(`/proc/${pid}/comm`))));
    return names.includes("timeout\n");
  };
  while (count === 1 && !await drops()) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(count, 1);
  player.kill("SIGTERM");
  await player.ended;
  clearTimeout(timer);
  writer.close();
  await Deno.remove(directory, { recursive: true });
});
