/** Rows: how long until a window is there. */

import { runProcess } from "../../lib/process.ts";
import type { Row, Way } from "./row.ts";
import { attachTo, joinSession, startSession, titleOf } from "./sessions.ts";
import { address, container, engine, makeContainer, probe, run, seconds, sleep } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;
const app = "xclock";

/** Command to first painted window, then the end of the session. */
async function firstWindow(way: Way, { sound }: { sound: boolean }): Promise<[number]> {
  const window = await probe("window", `xclock ${titleOf(way)}`, "30");
  const [taken, session] = await until(window.seen, () => startSession(way, { app, sound }));
  await session.end();
  return [taken];
}

/** The seconds from the start of some work until something is seen, and what the work gave. */
async function until<T>(seen: Promise<unknown>, work: () => Promise<T>): Promise<[number, T]> {
  let result: T;
  const taken = await seconds(async () => {
    [result] = await Promise.all([work(), seen]);
  });
  return [taken, result!];
}

async function reattach(way: Way): Promise<[number]> {
  const first = await probe("window", `xclock ${titleOf(way)}`, "30");
  const session = await startSession(way, { app, sound: false });
  await first.seen;
  await session.detach();
  const window = await probe("window", `xclock ${titleOf(way)}`, "30");
  const [taken, again] = await until(window.seen, () => Promise.resolve(attachTo(way, { sound: false })));
  await again.end();
  await session.end();
  return [taken];
}

async function join(way: "hand" | "ours"): Promise<[number]> {
  const first = await probe("window", `xclock ${titleOf(way)}`, "30");
  const session = await startSession(way, { app, sound: false });
  await first.seen;
  await sleep(1_000);
  const window = await probe("window", `xlogo ${titleOf(way)}`, "30");
  const [taken, end] = await until(window.seen, () => joinSession(way, "xlogo"));
  await end();
  await session.end();
  return [taken];
}

/** From a container that does not run. Without our script somebody has to wait until it can be reached. */
async function stopped(way: Way): Promise<[number]> {
  await run([engine, "stop", "--force", container]);
  const window = await probe("window", `xclock ${titleOf(way)}`, "60");
  const [taken, session] = await until(window.seen, async () => {
    if (way !== "ours") {
      await run([engine, "start", container]);
      await answering(way === "original" ? 1_000 : 50);
    }
    return await startSession(way, { app, sound: false });
  });
  await session.end();
  return [taken];
}

/** Asks until sshd answers; the address is the one that the container had before. */
async function answering(everyMs: number): Promise<void> {
  for (;;) {
    const argv = [engine, "exec", container, "--", "sh", "-c", "systemctl is-active ssh && hostname -I | grep -q ."];
    if ((await runProcess(argv, { stdin: "null", okCodes: "any" })).code === 0) return void await address();
    await sleep(everyMs);
  }
}

/** All rows about the first window. */
export const attachRows: readonly Row[] = [
  {
    measures: [{ name: "attach to first window, sound closed", unit: "s" }],
    needs,
    rounds: 4,
    before: makeContainer,
    ways: {
      original: () => firstWindow("original", { sound: false }),
      plain: () => firstWindow("plain", { sound: false }),
      hand: () => firstWindow("hand", { sound: false }),
      ours: () => firstWindow("ours", { sound: false }),
    },
  },
  {
    measures: [{ name: "attach to first window, sound open", unit: "s" }],
    needs: [...needs, "sound"],
    rounds: 4,
    before: makeContainer,
    ways: {
      original: () => firstWindow("original", { sound: true }),
      plain: () => firstWindow("plain", { sound: true }),
      hand: () => firstWindow("hand", { sound: true }),
      ours: () => firstWindow("ours", { sound: true }),
    },
  },
  {
    measures: [{ name: "reattach", unit: "s" }],
    needs,
    rounds: 3,
    before: makeContainer,
    ways: { original: () => reattach("original"), hand: () => reattach("hand"), ours: () => reattach("ours") },
  },
  {
    measures: [{ name: "another app in an attached session, `--join`", unit: "s" }],
    needs,
    rounds: 4,
    before: makeContainer,
    ways: { hand: () => join("hand"), ours: () => join("ours") },
  },
  {
    measures: [{ name: "attach, container stopped", unit: "s" }],
    needs,
    rounds: 3,
    before: makeContainer,
    ways: { original: () => stopped("original"), hand: () => stopped("hand"), ours: () => stopped("ours") },
  },
];
