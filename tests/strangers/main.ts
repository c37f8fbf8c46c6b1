/**
 * `deno task strangers [NAME…]`: suites that others have written, each with a list of what differs, `NAME.list`. Without
 * a name, all of them; `--fast`: those that take seconds. Ends with a line "N passed, N failed, N skipped"; what differs as a list says is
 * counted as skipped. Exit status 1 for anything else that differs.
 */

import { fromFileUrl } from "@std/path";
import { MissingProgram } from "../../lib/base/errors.ts";
import { oddInput } from "./odd_input.ts";
import { failingDisk } from "./failing_disk.ts";
import { lostPower } from "./lost_power.ts";
import { mutants } from "./mutants.ts";
import { fio } from "./fio.ts";
import { judge, Missing, type Suite } from "./suite.ts";
import { testProto } from "./test_proto.ts";
import { trySyscall } from "./try_syscall.ts";
import { x11docker } from "./x11docker.ts";
import { wleird } from "./wleird.ts";
import { wlcsSuite } from "./wlcs.ts";
import { xpraClients } from "./xpra_clients.ts";
import { xpraPackets } from "./xpra_packets.ts";

const suites: Readonly<Record<string, Suite>> = {
  try_syscall: trySyscall,
  odd_input: oddInput,
  failing_disk: failingDisk,
  lost_power: lostPower,
  test_proto: testProto,
  fio,
  x11docker,
  wleird,
  wlcs: wlcsSuite("away"),
  wlcs_used: wlcsSuite("at work"),
  wlcs_typing: wlcsSuite("typing"),
  wlcs_long: wlcsSuite("away", { isOneSession: true }),
  xpra_clients: xpraClients,
  xpra_packets: xpraPackets({ isNewest: false }),
  xpra_newest: xpraPackets({ isNewest: true }),
  mutants,
};

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function help(): never {
  say("Usage: deno task strangers [--fast | NAME…]");
  for (const [name, { about }] of Object.entries(suites)) say(`  ${name.padEnd(12)}${about}`);
  Deno.exit(2);
}

const names = Deno.args.filter((word) => word !== "--fast");
if (names.some((name) => !(name in suites))) help();
const chosen = Object.entries(suites).filter(([name, { isFast }]) =>
  Deno.args.includes("--fast") ? isFast : names.length === 0 || names.includes(name)
);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [name, suite] of chosen) {
  const start = performance.now();
  try {
    const path = fromFileUrl(new URL(`${suite.listOf ?? name}.list`, import.meta.url));
    const list = await Deno.readTextFile(path).catch(() => "");
    const { passed, listed, failures } = judge(await suite.run(), list);
    for (const failure of failures) say(`${name}: ${failure} ... FAILED`);
    const seconds = Math.ceil((performance.now() - start) / 1000);
    say(`${name}: ${passed} passed, ${failures.length} failed, ${listed} differ as listed (${seconds} s)`);
    total.passed += passed;
    total.failed += failures.length;
    total.skipped += listed;
  } catch (error) {
    if (!(error instanceof Missing || error instanceof MissingProgram)) throw error;
    say(`${name} (skipped: ${error.message.replaceAll("\n", " ")}) ... ignored`);
    total.skipped++;
  }
}
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
Deno.exit(total.failed > 0 ? 1 : 0);
