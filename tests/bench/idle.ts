/** Rows: what a session costs while nothing happens, and how soon a sound is heard then. */

import { join } from "@std/path";
import { sessionLoad, settleIdle } from "./load.ts";
import type { Measure, Row, Way } from "./row.ts";
import { type Session, startSession, titleOf } from "./sessions.ts";
import { container, makeContainer, mounts, probe, run, sleep } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;

/** How long an idle session is looked at, in milliseconds. */
export const idleMs = 12_000;

/** Longer than a sound server takes until it sleeps: PulseAudio's own default is 5 s, and a sound here takes 1.5 s. */
const silenceMs = 8_000;

/** An idle session; the load of it, and its memory. */
async function idle(way: Way): Promise<[number, number]> {
  const session = await startSession(way, { app: "xclock", sound: false });
  try {
    return await idleLoad(way, session);
  } finally {
    await session.end();
  }
}

async function idleLoad(way: Way, { pid }: Session): Promise<[number, number]> {
  await (await probe("window", titleOf(way, "xclock"), "30")).seen;
  await settleIdle();
  const { cpu, memory, parts } = await sessionLoad({
    pids: [pid],
    app: "xclock|share/play",
    work: () => sleep(idleMs),
  });
  Deno.stderr.writeSync(new TextEncoder().encode(`${way}: ${parts}\n`));
  return [cpu, memory];
}

/** The same with sound open, then from an app that begins to play to the host's sound server playing it. */
async function silence(way: Way): Promise<[number, number, number[]]> {
  const share = join(mounts, container, "share");
  const go = join(share, "go");
  const tone = ["-r", "44100", "-c", "2", join(share, "tone.wav"), "synth", "1.5", "sine", "440"];
  await run(["sox", "-qn", ...tone]);
  await Deno.writeTextFile(
    join(share, "play.sh"),
    "xclock &\nwhile read -r word; do paplay share/tone.wav; done <share/go\n",
  );
  await Deno.remove(go).catch(() => {});
  await run(["mkfifo", go]);
  const session = await startSession(way, { app: "sh share/play.sh", sound: true });
  try {
    using signal = await Deno.open(go, { read: true, write: true });
    const load = await idleLoad(way, session);
    const delays: number[] = [];
    for (let round = 0; round < 3; round++) {
      if (round > 0) await sleep(silenceMs);
      const heard = await probe<number>("sound", "10");
      await signal.write(new TextEncoder().encode("go\n"));
      delays.push(await heard.seen / 1000);
    }
    return [...load, delays];
  } finally {
    await session.end();
    await Deno.remove(go);
  }
}

function loadMeasures(name: string): Measure[] {
  return [{ name, unit: "% of a core" }, { name: `${name}: memory of all its processes (PSS)`, unit: "MB" }];
}

/** All rows about an idle session. */
export const idleRows: readonly Row[] = [
  {
    measures: loadMeasures("idle session, sound closed"),
    needs,
    rounds: 1,
    before: makeContainer,
    ways: { original: () => idle("original"), hand: () => idle("hand"), ours: () => idle("ours") },
  },
  {
    measures: [
      ...loadMeasures("idle session, sound open and silent"),
      { name: "silence to the first sound heard on the host", unit: "s" },
    ],
    needs: [...needs, "sound"],
    rounds: 1,
    before: makeContainer,
    ways: { original: () => silence("original"), hand: () => silence("hand"), ours: () => silence("ours") },
  },
];
