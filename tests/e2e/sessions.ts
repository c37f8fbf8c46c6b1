/** What the tests of attach.ts have in common: acting inside of a session, and what must be gone when one has ended. */

import { assertEquals } from "@std/assert";
import { runProcess } from "../../lib/base/process.ts";
import { engineNames, missingParts, type PartName } from "../lab/state.ts";
import { eventually, inContainer, sh } from "./run.ts";
import { type EngineName, testOnEngines } from "./world.ts";

/** The parts of the lab that show a window of a session. */
export const needed: readonly PartName[] = ["user", "display", "windowManager", "bus", "xpra", "imageXpra"];

/** Registers a test on one engine only: on this one, or on the one that the lab has. */
function testOn(preferred: EngineName) {
  return (name: string, parts: readonly PartName[], test: Parameters<typeof testOnEngines>[2]): void => {
    const engine = [preferred, ...engineNames].find((engine) => missingParts(engine) === undefined) ?? preferred;
    testOnEngines(`${name} (on one engine)`, parts, test, [engine]);
  };
}

/** Registers a test on one engine only, LXD: for what takes long, and in which the engine has no part. */
export const testOnOneEngine = testOn("lxc");

/** The same on Incus, so that both have their share of such tests. */
export const testOnIncus = testOn("incus");

/** The same for the rows of a table, by their numbers: in turns on both. */
export const testInTurns = (row: number): typeof testOnIncus => row % 2 === 0 ? testOnOneEngine : testOnIncus;

/** The word, as a regular expression, by which a Python knows that it runs the agent of a session for a host's end. */
export const agentPath = "/gui-container-[^/]+/agent[.]py$";

/** Runs a shell script as the container user, on the display and the bus of a session. */
export function inSession(engine: EngineName, name: string, session: string, shell: string): Promise<string> {
  return inContainer(
    engine,
    name,
    `unset SSH_CONNECTION; . "$XDG_RUNTIME_DIR/gui-container-${session}/environment"; ${shell}`,
  );
}

/** What a program prints, whatever its exit status. */
export async function output(argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runProcess(argv, { okCodes: "any" });
  return stdout + stderr;
}

/**
 * Programs of the container user that are not a session's: its systemd, with what that starts on demand, and this look.
 */
const notOfSessions =
  "^(/usr/lib/systemd/systemd --user|\\(sd-pam\\)|/usr/bin/pulseaudio --daemonize=no |/usr/bin/pipewire( -c |$)|" +
  "/usr/bin/dbus-daemon --session --address=systemd: |/bin/sh -ec|/bin/sh -c .[$]@. |ps -u 1000|grep )";

/**
 * Fails unless nothing of any session is there: neither process, socket nor X authority, on either side. systemd removes a
 * session's files when the last of its processes has ended: the container looks until then, by one call of the engine.
 */
export async function nothingLeft(engine: EngineName, name: string): Promise<void> {
  const look = `look() {
  ps -u 1000 -o args= | grep -vE '${notOfSessions}' && return
  ls -d /run/user/1000/gui-* /tmp/.X11-unix/* /tmp/.X*-lock ~/.Xauthority ~/.xpra/*.mmap /tmp/*xpra* 2>/dev/null
  find ~/.xpra -mindepth 1 ! -name '*.log'
  systemctl --user list-units --all --plain --no-legend 'gui-container-*' 'run-*.scope'
}
looks=0
while left=$(look || true); [ "$left" ] && [ $((looks += 1)) -lt 200 ]; do sleep 0.2; done
printf %s "$left"`;
  assertEquals(await inContainer(engine, name, look), "", `of sessions in ${name}`);
  // A box of another test may not show yet whose it is.
  await eventually("the end of all clients", async () => (await clientsOf(name)).length === 0, { timeoutMs: 5_000 });
  await eventually("the end of the guard", async () => (await guardsOf(name)).length === 0);
}

/** The command lines of the guards on Wayland for a container of this machine. */
export async function guardsOf(name: string): Promise<string[]> {
  const stdout = await sh(["ps", "-u", String(Deno.uid()), "-ww", "-o", "args="]);
  return stdout.split("\n").filter((args) => args.includes(" --guard-wayland ") && args.includes(`/${name}/xpra/`));
}

/**
 * The process ids of the boxes on the host that attach.ts has started for a container. One that has lost its attach.ts
 * counts as well, unless it shows that it is another container's: tests of others run at the same time.
 */
export async function clientsOf(name: string): Promise<number[]> {
  const stdout = await sh(["ps", "-u", String(Deno.uid()), "-ww", "-o", "pid=,ppid=,args="]);
  const rows = stdout.split("\n").map((line) =>
    /^ *(\d+) +(\d+) (.*)$/.exec(line)!.slice(1) as [string, string, string]
  );
  // Other programs of the desktop have boxes too, such as those that load pictures for GNOME.
  const isBox = (args: string): boolean => /^\S*bwrap .* \/run\/gui-container\b/.test(args);
  const boxes = rows.filter(([, , args]) => isBox(args));
  return boxes.flatMap(([pid, parent, args]) => {
    const starter = rows.find(([other]) => other === parent)?.[2] ?? "";
    // The box within the box: bubblewrap's own first process in it.
    if (isBox(starter)) return [];
    const shared = args.match(/\/([^/ ]+)\/xpra (?=\/run\/gui-container\/shared )/)?.[1] ?? name;
    const isOther = starter.includes("attach.ts") && !starter.split(" ").includes(name);
    return isOther || shared !== name ? [] : [Number(pid)];
  });
}
