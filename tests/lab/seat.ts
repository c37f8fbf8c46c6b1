/** The seats beside the first: small labs, which are asked as their users would ask them. */

import { fromFileUrl } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { looksUp } from "./run.ts";
import { seatDir, type SeatName, seatState } from "./state.ts";

/** Has a seat carry out a command of the lab. */
export async function callSeat(seat: SeatName, args: readonly string[]): Promise<string> {
  const main = fromFileUrl(new URL("main.ts", import.meta.url));
  await runProcess([Deno.execPath(), "run", "-A", main, ...args], {
    env: { GUI_CONTAINER_LAB_DIR: seatDir(seat) },
    output: "inherit",
  });
  return args[0]!;
}

/** Brings the desktops of a seat up, unless they are. */
export async function ensureSeat(seat: SeatName): Promise<void> {
  if (!looksUp(seatState(seat))) await callSeat(seat, ["up", "desktops"]);
}
