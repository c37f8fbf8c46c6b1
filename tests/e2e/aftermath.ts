/** What is there when a test fails, before its container is removed: nobody can look at the machine of a run later. */

import { basename, join } from "@std/path";
import { readDirectory } from "../../lib/base/files.ts";
import { runProcess } from "../../lib/base/process.ts";
import { oneLine } from "../../lib/base/text.ts";
import { readSessionLog } from "../../lib/container/session_files.ts";
import { thereMark } from "../failures.ts";
import type { EngineName } from "../lab/state.ts";
import { mountsRoot, scriptRuns } from "./run.ts";
import { desktop, windows } from "./wayland_desktop.ts";

/** How much is told: runs of the scripts, logs of a container, lines of each part, and characters of either end of a line. */
const most = { runs: 8, logs: 4, lines: 15, characters: 90 };

/** A program may hang, as may what the test has waited for. */
const lookMs = 10_000;

/** Prints what is there: what the scripts of the test have said, the ends of sessions' logs, processes and windows. */
export async function tellAftermath(engine: EngineName): Promise<void> {
  const { runs, logs, lines, characters } = most;
  const cut = (line: string): string =>
    line.length > 2 * characters ? `${line.slice(0, characters)} … ${line.slice(-characters)}` : line;
  const say = (what: string, text: string): void => {
    const end = text.split("\n").filter((line) => line.trim() !== "").slice(-lines);
    const told = [what, ...end.map((line) => `  ${line}`)].map((line) => `${thereMark}${cut(oneLine(line))}\n`);
    Deno.stdout.writeSync(new TextEncoder().encode(told.join("")));
  };
  const look = async (argv: readonly string[], env: Record<string, string> = {}): Promise<string> =>
    await runProcess(argv, { env, okCodes: "any", timeoutMs: lookMs })
      .then(({ stdout, stderr }) => stdout + stderr, String);
  const shown = scriptRuns.filter(({ argv }) => !argv[0]!.endsWith("create.ts")).slice(-runs);
  for (const { argv, said, code } of shown) {
    const line = [basename(argv[0]!), ...argv.slice(1)].join(" ");
    say(`${line} ${code === undefined ? "runs" : `ended with ${code}`}, and has said`, said.join("\n"));
  }
  const words = new Set(scriptRuns.flatMap(({ argv }) => argv));
  const directories = (await readDirectory(mountsRoot)).map(({ name }) => name);
  const names = directories.filter((name) => words.has(name.replace(/-d[0-9a-f]{5}$/, "")));
  for (const name of names) {
    const sockets = join(mountsRoot, name, "xpra");
    const found = (await readDirectory(sockets)).map(({ name }) => name).filter((name) => name.endsWith(".log"));
    const times = await Promise.all(
      found.map((log) => Deno.lstat(join(sockets, log)).then(({ mtime }) => mtime!.getTime(), () => 0)),
    );
    const timeOf = (log: string): number => times[found.indexOf(log)]!;
    for (const log of found.toSorted((a, b) => timeOf(b) - timeOf(a)).slice(0, logs)) {
      const end = await readSessionLog(sockets, { session: log.replace(/\.log$/, ""), bytes: 4096 });
      say(`${log} of ${name}`, end?.text ?? "");
    }
  }
  say("windows on X", await look(["xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@"]));
  const tree = await look(["swaymsg", "-t", "get_tree"], desktop());
  say("windows on Wayland", await windows(tree).then((found) => found.map(({ name }) => name).join("\n"), () => tree));
  for (const name of names) {
    const ps = ["ps", "-u", "1000", "-o", "pid=,stat=,etimes=,wchan:16=,args="];
    say(`processes in ${name}`, await look([engine, "exec", name, "--mode=non-interactive", "--", ...ps]));
  }
  const ours =
    "ps -u $(id -u) -ww -o pid=,ppid=,stat=,etimes=,wchan:16=,args= | grep -E '[ /](bwrap|xpra|waypipe|ssh) '";
  // Of ssh, what it does in the container counts.
  say("processes here", (await look(["sh", "-c", ours])).replace(/ -F .* -- .*?\bverb=(\w+).*/g, " … verb=$1"));
}
