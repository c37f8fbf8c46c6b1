/**
 * The packets of xpra's own unit tests, in which xpra makes each part of a client or of a server by itself, or both and
 * connects them: each goes through our encoding and the guard's rules, as if the windows it speaks of were there and the
 * user at work in them. The tests of 6.5.5 are in its source package; those of the newest xpra in its repository.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { judgeClientPacket } from "../../lib/guard/xpra/client_packets.ts";
import { decodePacket, type Packet, type Sender } from "../../lib/guard/xpra/packets.ts";
import { decode, encode } from "../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../lib/guard/xpra/server_packets.ts";
import { createSession, type Session } from "../../lib/guard/xpra/session.ts";
import { gitSource, installedXpra, pypiSource } from "./sources.ts";
import { type Result, type Results, type Suite } from "./suite.ts";

const repository = "https://github.com/Xpra-org/xpra";
/** The newest commit that was looked at; `XPRA_COMMIT` is another one. */
const commit = Deno.env.get("XPRA_COMMIT") ?? "b114f907f79c87229b42d0cdfc1fe7ed6430b073";

const python = "/usr/bin/python3";
const script = fromFileUrl(new URL("xpra_packets.py", import.meta.url));

/** How long the tests of a file may take, in milliseconds. */
const fileMs = 60_000;

/** Those of the version that is installed, or of the newest one. */
export function xpraPackets({ isNewest }: { isNewest: boolean }): Suite {
  return {
    about: `the packets of xpra's own tests, ${isNewest ? "of the newest xpra" : "of the version here"}`,
    async run() {
      const version = await installedXpra();
      const source = isNewest ? await gitSource(repository, commit, "true") : await pypiSource("xpra", version);
      const tests = join(source, "tests/unittests");
      const files = filesOf(tests);
      const results: Results = new Map();
      await Promise.all([1, 2].map(async () => {
        for (let file = files.shift(); file; file = files.shift()) {
          await judgeFile(file, results, [tests, isNewest ? source : ""]);
        }
      }));
      return results;
    },
  };
}

/** The files of tests that make parts of xpra, but for those that start whole servers. */
function filesOf(tests: string): string[] {
  const parts = ["unit/client/subsystem", "unit/server/subsystem", "unit"];
  return parts.flatMap((part) =>
    [...Deno.readDirSync(join(tests, part))].map(({ name }) => `${part}/${name}`)
      .filter((path) => part === "unit" ? path.endsWith("_loopback_test.py") : path.endsWith("_test.py"))
      .filter((path) => !path.endsWith("_option_test.py"))
  );
}

/** Runs the tests of a file, and judges each of their packets. */
async function judgeFile(file: string, results: Results, where: string[]): Promise<void> {
  const name = file.replace(/^unit\/|_test\.py$/g, "");
  const run = await runProcess([python, script, "record", ...where, file], {
    env: { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: "" },
    okCodes: "any",
    timeoutMs: fileMs,
  });
  if (run.code !== 0) results.set(`${name} runs`, { isPassed: false, said: run.stderr.trim().split("\n").at(-1)! });
  const lines = run.stdout.split("\n").filter(Boolean).map((line): Recorded => JSON.parse(line));
  const recoded: string[] = [];
  for (const { sender, type, hex } of lines) {
    const main = Uint8Array.fromHex(hex);
    recoded.push(`${hex} ${encode(decode(main)).toHex()}\n`);
    const result = judge(sender, decodePacket({ main, chunks: new Map() }));
    const known = `${sender} ${type} (${name})`;
    if (results.get(known)?.isPassed !== false) results.set(known, result);
  }
  const same = await runProcess([python, script, "same"], { stdin: { text: recoded.join("") } });
  const isSame = !same.stdout.includes("False") &&
    same.stdout.trim().split("\n").filter(Boolean).length === lines.length;
  results.set(`encoding (${name})`, { isPassed: isSame, said: "a packet is another one when we have encoded it" });
}

interface Recorded {
  sender: Sender;
  type: string;
  hex: string;
}

/** Whether a packet passes in a session in which all that it may need is there. */
function judge(sender: Sender, packet: Packet): Result {
  const session = createSession({
    container: "box",
    open: new Set(["clipboard-in", "clipboard-out", "tray"]),
    uuid: "0".repeat(32),
    now: () => 0,
  });
  session.greeted.add("client").add("container");
  for (let window = 1; window <= 3 && !packet.type.startsWith("new-"); window++) openWindow(session, window);
  Object.assign(session.windows.attention, { isUsed: () => true, isPresent: () => true, focused: () => 1 });
  try {
    const { pass = [] } = (sender === "client" ? judgeClientPacket : judgeServerPacket)(packet, session);
    return { isPassed: pass.length > 0, said: "it is ignored" };
  } catch (error) {
    return { isPassed: false, said: (error as Error).message };
  }
}

function openWindow(session: Session, window: number): void {
  const place = [10, 10, 400, 300];
  judgeServerPacket({ type: "new-window", args: [window, ...place, new Map([["title", "app"]]), new Map()] }, session);
  judgeClientPacket({ type: "map-window", args: [window, ...place] }, session);
}
