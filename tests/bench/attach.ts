/** Rows: how long until a window is there. */

import { runProcess } from "../../lib/base/process.ts";
import { settle } from "./load.ts";
import type { Measure, Row, Way } from "./row.ts";
import { attachTo, joinSession, startSession, titleOf } from "./sessions.ts";
import { address, container, engine, makeContainer, probe, run, seconds, sleep } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;

/**
 * Command to first painted window, and what can be had from then on: reattaching, another app; then the end of it all.
 */
async function windows(way: Way, { sound, further }: { sound: boolean; further: boolean }): Promise<number[]> {
  const [first, session] = await until("xclock", way, () => startSession(way, { app: "xclock", sound }));
  // Its client is the session's own, and ends with it.
  if (!further || way === "plain") {
    await session.end();
    return [first];
  }
  await session.detach();
  const [again, attached] = await until("xclock", way, () => Promise.resolve(attachTo(way, { sound })));
  const joined: number[] = [];
  if (way === "hand" || way === "ours") {
    await settle();
    const [taken, end] = await until("xlogo", way, () => joinSession(way, "xlogo"));
    joined.push(taken);
    await end();
  }
  await attached.end();
  await session.end();
  return [first, again, ...joined];
}

/** The seconds from the start of some work until a way's window of a title is painted, and what the work gave. */
async function until<T>(title: string, way: Way, work: () => Promise<T>): Promise<[number, T]> {
  const window = await probe("window", titleOf(way, title), "60");
  let result: T;
  const taken = await seconds(async () => {
    [result] = await Promise.all([work(), window.seen]);
  });
  return [taken, result!];
}

/** From a container that does not run. Without our script somebody has to wait until it can be reached. */
async function stopped(way: Way): Promise<[number]> {
  await run([engine, "stop", "--force", container]);
  const [taken, session] = await until("xclock", way, async () => {
    if (way !== "ours") {
      await run([engine, "start", container]);
      await answering(way === "original" ? 1_000 : 50);
    }
    return await startSession(way, { app: "xclock", sound: false });
  });
  await session.end();
  return [taken];
}

/** Asks until sshd answers; the address is the one that the container had before. */
async function answering(everyMs: number): Promise<void> {
  for (;;) {
    const argv = [engine, "exec", container, "--", "sh", "-c", "systemctl is-active ssh && hostname -I | grep -q ."];
    if ((await runProcess(argv, { okCodes: "any" })).code === 0) return void await address();
    await sleep(everyMs);
  }
}

function windowRow(sound: boolean, further: readonly Measure[]): Row {
  const measured: Way[] = ["original", "plain", "hand", "ours"];
  return {
    measures: [{ name: `attach to first window, sound ${sound ? "open" : "closed"}`, unit: "s" }, ...further],
    needs: sound ? [...needs, "sound"] : needs,
    rounds: 4,
    before: makeContainer,
    ways: Object.fromEntries(measured.map((way) => [way, () => windows(way, { sound, further: further.length > 0 })])),
  };
}

/** All rows about the first window. */
export const attachRows: readonly Row[] = [
  windowRow(false, [
    { name: "reattach", unit: "s" },
    { name: "another app in an attached session, `--join`", unit: "s" },
  ]),
  windowRow(true, []),
  {
    measures: [{ name: "attach, container stopped", unit: "s" }],
    needs,
    rounds: 3,
    before: makeContainer,
    ways: { original: () => stopped("original"), hand: () => stopped("hand"), ours: () => stopped("ours") },
  },
];
