/** Rows: what a session costs while nothing happens, and how soon a sound is heard then. */

// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import { sessionLoad, settle } from "./load.ts";
import type { Row, Way } from "./row.ts";
import { startSession, titleOf } from "./sessions.ts";
import { container, makeContainer, mounts, probe, run, sleep } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;
const measuredMs = 15_000;

async function idle(way: Way, { sound }: { sound: boolean }): Promise<[number, number]> {
  const session = await startSession(way, { app: "xclock", sound });
  try {
    await (await probe("window", `xclock ${titleOf(way)}`, "30")).seen;
    await settle();
    const { cpu, memory, parts } = await sessionLoad({
      pid: session.pid,
      app: "xclock",
      work: () => sleep(measuredMs),
    });
    Deno.stderr.writeSync(new TextEncoder().encode(`${way}: ${parts}\n`));
    return [cpu, memory];
  } finally {
    await session.end();
  }
}

/** From an app that begins to play, after silence, to the host's sound server playing it. */
async function firstSound(way: Way): Promise<[number[]]> {
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
    const signal = await Deno.open(go, { read: true, write: true });
    await (await probe("window", `xclock ${titleOf(way)}`, "30")).seen;
    const delays: number[] = [];
    for (let round = 0; round < 3; round++) {
      await sleep(8_000);
      const heard = await probe<number>("sound", "10");
      await signal.write(new TextEncoder().encode("go\n"));
      delays.push(await heard.seen / 1000);
    }
    signal.close();
    return [delays];
  } finally {
    await session.end();
    await Deno.remove(go);
  }
}

function idleRow(name: string, sound: boolean): Row {
  const measured: Way[] = ["original", "hand", "ours"];
  return {
    measures: [{ name, unit: "% of a core" }, { name: `${name}: memory of all its processes (PSS)`, unit: "MB" }],
    needs: sound ? [...needs, "sound"] : needs,
    rounds: 1,
    before: makeContainer,
    ways: Object.fromEntries(measured.map((way) => [way, () => idle(way, { sound })])),
  };
}

/** All rows about an idle session. */
export const idleRows: readonly Row[] = [
  idleRow("idle session, sound closed", false),
  idleRow("idle session, sound open and silent", true),
  {
    measures: [{ name: "silence to the first sound heard on the host", unit: "s" }],
    needs: [...needs, "sound"],
    rounds: 1,
    before: makeContainer,
    ways: { original: () => firstSound("original"), hand: () => firstSound("hand"), ours: () => firstSound("ours") },
  },
];
