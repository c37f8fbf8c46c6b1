/** What the processes of a session cost: processor time and memory, on both sides. */

import { container, engine, run, sleep } from "./world.ts";

/** A process of a session. */
interface ProcessLoad {
  name: string;
  /** Processor time so far, in seconds. */
  seconds: number;
  /** Memory, with what is shared divided among those that share it, in MB. */
  megabytes: number;
}

/** Kernel ticks in a second, the unit of /proc/PID/stat. */
const ticksPerSecond = 100;

/**
 * Prints a line for each process of the container user that is part of a session: name, ticks, kB. Left out are the
 * user's systemd, sshd and own bus and sound server, which run anyway, and the app with what it has started: "$1" is a
 * pattern for its command line.
 */
const insideScript = `
for directory in $(grep -ls '^Uid:.1000' /proc/[0-9]*/status); do
  directory=\${directory%/status}
  name=$(cat "$directory/comm" 2>/dev/null) || continue
  case $name in systemd | "(sd-pam)" | sshd*) continue ;; esac
  grep -Eq '/(dbus|pulseaudio)\\.service$' "$directory/cgroup" && continue
  tr '\\0' ' ' <"$directory/cmdline" | grep -Eq "^([^ ]*/)?(python3? )?[^ ]*($1)" && continue
  ticks=$(sed 's/.*) //' "$directory/stat" 2>/dev/null | { read -r a b c d e f g h i j k user system rest; echo $((user + system)); })
  memory=$(sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' "$directory/smaps_rollup" 2>/dev/null)
  echo "$name $ticks \${memory:-0}"
done`;

async function inside(appPattern: string): Promise<ProcessLoad[]> {
  const text = await run([engine, "exec", container, "--", "/bin/sh", "-c", insideScript, "sh", appPattern]);
  return text.trim().split("\n").filter(Boolean).map((line) => {
    const [kilobytes, ticks, ...name] = line.split(" ").reverse();
    return {
      name: name.reverse().join(" "),
      seconds: Number(ticks) / ticksPerSecond,
      megabytes: Number(kilobytes) / 1024,
    };
  });
}

/** Processes of the host and all that they have started, as far as it runs. */
export async function family(pids: readonly number[]): Promise<number[]> {
  const found = new Set<number>();
  const add = async (pid: number): Promise<void> => {
    if (found.has(pid)) return;
    try {
      for await (const { name: task } of Deno.readDir(`/proc/${pid}/task`)) {
        found.add(pid);
        const children = await Deno.readTextFile(`/proc/${pid}/task/${task}/children`);
        for (const child of children.split(" ").filter(Boolean)) await add(Number(child));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  for (const pid of pids) await add(pid);
  return [...found];
}

/** A process of the host; undefined when it has ended. */
async function outside(pid: number): Promise<ProcessLoad | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const rollup = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`).catch(() => "");
  return {
    name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
    seconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    megabytes: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024,
  };
}

/**
 * The load of a session: while `work` is done, percent of one core; then, MB.
 *
 * @param options `pids`: the host's processes that have started all others of the session; `app`: a pattern for the
 * command lines of the app, which is left out
 */
export async function sessionLoad<T>(
  { pids, app, work }: { pids: readonly number[]; app: string; work: () => Promise<T> },
): Promise<{ cpu: number; memory: number; result: T; parts: string }> {
  const look = async (): Promise<ProcessLoad[]> => {
    const [loads, ...host] = await Promise.all([inside(app), ...(await family(pids)).map(outside)]);
    return [...loads, ...host.filter((load) => load !== undefined)];
  };
  const sum = (loads: ProcessLoad[], what: "seconds" | "megabytes"): number =>
    loads.reduce((total, load) => total + load[what], 0);
  const before = await look();
  const startMs = performance.now();
  const result = await work();
  const elapsed = (performance.now() - startMs) / 1000;
  const after = await look();
  return {
    cpu: (sum(after, "seconds") - sum(before, "seconds")) / elapsed * 100,
    memory: sum(after, "megabytes"),
    result,
    parts: after.map(({ name, megabytes }) => `${name} ${megabytes.toFixed(0)}`).join(", "),
  };
}

/** Lets a session settle: it has started, and all that it does at the start is done. */
export async function settle(): Promise<void> {
  await sleep(4_000);
}

/** The same, until nobody has needed the session's agent for a while either. */
export async function settleIdle(): Promise<void> {
  await sleep(8_000);
}
