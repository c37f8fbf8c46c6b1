// Every end of every way to run an app, on both desktops: what should stay stays, and nothing else. ends.md has the
// whole table.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RunningProcess } from "../../lib/base/process.ts";
import type { PartName } from "../lab/state.ts";
import { eventually, inContainer, script, sh, startScript } from "./run.ts";
import { clientsOf, inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { desktop, startSway, waylandParts, windows } from "./wayland_desktop.ts";
import { closeWindow, windowWith, withDisplay, xWindows } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-each-${engine}`;

shareOnEngines({
  make: (engine) => makeContainer(engine, nameOn(engine)),
  remove: (engine) => removeContainer(engine, nameOn(engine)),
});

/** The ways to run an app: by itself, in a session that runs, in a session that is shown again, in a copy. */
const ways = ["ordinary", "join", "again", "disposable"] as const;
type Way = (typeof ways)[number];

/** A desktop on which apps are shown. */
interface Desktop {
  display: "x11" | "wayland";
  parts: readonly PartName[];
  env: Record<string, string>;
  /** A terminal with this title that runs a program; `holds`: it does not end with that. */
  terminal(title: string, holds: boolean): string;
  /** The titles of the windows. */
  titles(env: Record<string, string>): Promise<string[]>;
  /** Fails unless a terminal that has come a moment ago has its size. The desktop may choose that itself. */
  checkSize?(scene: Pick<Scene, "engine" | "name">, way: Way, env: Record<string, string>): Promise<void>;
  /** Closes a window, as its button does. */
  close(title: string): Promise<unknown>;
}

const desktops: readonly Desktop[] = [
  {
    display: "wayland",
    parts: waylandParts,
    env: desktop(),
    terminal: (title, holds) => `foot${holds ? " --hold" : ""} -T ${title} sh -c`,
    titles: async (env) => (await windows(env)).map(({ name }) => name),
    close: (title) => sh(["swaymsg", `[title=" ${title}$"] kill`], { env: desktop() }),
  },
  {
    display: "x11",
    parts: needed,
    env: {},
    terminal: (title, holds) => `xterm${holds ? " -hold" : ""} -T ${title} -e sh -c`,
    titles: (env) => xWindows("\\[", { show: "titles", env }),
    async checkSize({ engine, name }, way, env) {
      const [window] = await xWindows(`\\] ${way}$`, { env });
      const size = sizeOf(await sh(["xwininfo", "-id", window!], { env }));
      xtermSize ??= sizeOf(await inSession(engine, name, way, `xwininfo -name ${way}`));
      assertEquals(size, xtermSize, way);
      assert(Number(size.split("x")[0]) > 400, size);
    },
    close: async (title) => closeWindow(await windowWith(`\\] ${title}`)),
  },
];

/** Width and height of xterm in the container, whose first window is of a session there. */
let xtermSize: string | undefined;

/** Width and height in what xwininfo says. */
function sizeOf(text: string): string {
  return ["Width", "Height"].map((what) => new RegExp(`${what}: (\\d+)`).exec(text)?.[1]).join("x");
}

/** A run of attach.ts, and what it has said. */
interface Run extends RunningProcess {
  said: string[];
}

/** One run of each way, all shown. */
interface Scene extends AsyncDisposable {
  engine: EngineName;
  name: string;
  /** The copy. */
  copy: string;
  runs: Record<Way, Run>;
}

/** What is expected of the end of a run. */
interface Expected {
  /** The exit code; by default 1 if it says an error, else 0. Undefined for a run that cannot have any. */
  code?: number | undefined;
  /** What the run says after what it says at its start. */
  says?: RegExp;
  /** The window and its app stay. */
  stays?: boolean;
}

/** A way to end. */
interface End {
  how: string;
  /** Ends one run, or all at once. */
  act(scene: Scene, way: Way, desktop: Desktop): Promise<unknown>;
  /** What `act` does concerns all runs at once. */
  ofAll?: boolean;
  /**
   * The engine kills all processes, one after the other: a terminal whose program is the first to go ends well, and
   * somebody is told so. Those here do not end with their program.
   */
  killsAll?: boolean;
  expected: Record<Way, Expected> | ((desktop: Desktop) => Record<Way, Expected>);
}

/** A signal, which may be another one for each way: all take the same path through `Host.signal`. */
const signalled = (how: string, signals: Record<Way, readonly [Deno.Signal, code: number | undefined]>): End => ({
  how,
  act: ({ runs }, way) => Promise.resolve(runs[way].kill(signals[way][0])),
  expected: ({ display }) => {
    const expect = (way: Way, says: RegExp): Expected => {
      const [, code] = signals[way];
      const stays = way !== "disposable";
      return { code, says: code === undefined ? /^$/ : says, stays };
    };
    const says = display === "wayland" ? /^The windows stay, / : /^Detached; /;
    return {
      ordinary: expect("ordinary", says),
      join: expect("join", /^If "(foot|xterm)" has started, it runs on/),
      again: expect("again", says),
      disposable: expect("disposable", /^$/),
    };
  },
});

const interrupt = ["SIGINT", 130] as const;
const hangUp = ["SIGHUP", 129] as const;
const terminate = ["SIGTERM", 143] as const;
const kill = ["SIGKILL", undefined] as const;

const quiet: Expected = { code: 0, says: /^$/ };
const cutOff = /^error: .*("\w+" .*(status \d+|outside)|container|windows|desktop)/;
const stopped: Expected = { code: 0, says: /^The session "\w+" was stopped$/ };
const joinedCutOff: Expected = { code: 1, says: /^error: ("(foot|xterm)" ended with|The (connection|container) )/ };

/** The session may have the time to hear that it is to end, and to tell. */
const lost: Expected = { says: /^(error: |The session "\w+" was stopped$)/ };

const ends: readonly End[] = [
  {
    how: "the app ends",
    act: ({ engine, name, copy }, way) => inContainer(engine, way === "disposable" ? copy : name, `touch end-${way}`),
    expected: { ordinary: quiet, join: quiet, again: quiet, disposable: quiet },
  },
  {
    how: "the window is closed by its button",
    act: (_, way, { close }) => close(way),
    expected: ({ display }) => {
      if (display === "x11") return { ordinary: quiet, join: quiet, again: quiet, disposable: quiet };
      // foot's shell is hung up. Nobody but the run with the guard knows why.
      const told = { code: 0, says: /^The app of "\w+" .*\b1 when its window was closed$/ };
      return {
        ordinary: told,
        join: { code: 1, says: /^error: "foot" .*status 1$/ },
        again: { code: 0, says: /^The app of "again" .*status 1$/ },
        disposable: told,
      };
    },
  },
  signalled("a signal", { ordinary: hangUp, join: interrupt, again: terminate, disposable: hangUp }),
  signalled("SIGKILL", { ordinary: kill, join: kill, again: kill, disposable: kill }),
  {
    how: "--stop",
    act: ({ engine, name, copy }, way) =>
      way === "join" || way === "ordinary"
        ? script("attach", engine, ["--stop", name, "ordinary"])
        : script("attach", engine, ["--stop", way === "again" ? name : copy, way === "again" ? "again" : "--all"]),
    ofAll: true,
    expected: { ordinary: stopped, join: joinedCutOff, again: stopped, disposable: stopped },
  },
  {
    how: "the container is stopped",
    act: ({ engine, name, copy }, way) =>
      way === "ordinary" || way === "disposable"
        ? sh([engine, "stop", "--force", way === "disposable" ? copy : name])
        : Promise.resolve(),
    ofAll: true,
    killsAll: true,
    expected: ({ display }) => {
      const failed = { code: 1, says: cutOff };
      const ended = /^(The app of "again" .*status \d+|error: .*"again" (.*outside|with it))$/;
      return {
        ordinary: failed,
        join: joinedCutOff,
        again: display === "x11" ? failed : { says: ended },
        disposable: failed,
      };
    },
  },
  {
    how: "the container is deleted",
    act: ({ engine, name, copy }, way) =>
      way === "ordinary"
        ? script("create", engine, ["--delete", "--force", name])
        : way === "disposable"
        ? sh([engine, "delete", "--force", copy]).catch(() => {})
        : Promise.resolve(),
    ofAll: true,
    killsAll: true,
    expected: ({ display }) =>
      display === "x11" ? { ordinary: lost, join: lost, again: lost, disposable: lost } : {
        ordinary: lost,
        join: joinedCutOff,
        again: { says: /^(The |error: The )/ },
        disposable: { code: 1, says: /^error: / },
      },
  },
];

/** Starts one run of each way, and waits until all are shown. */
async function startAll(
  engine: EngineName,
  { terminal, titles, checkSize, display }: Desktop,
  { env, holds = false }: { env: Record<string, string>; holds?: boolean },
): Promise<Scene> {
  const name = nameOn(engine);
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => void await script("attach", engine, ["--stop", name, "--all"]));
  const attach = (...args: string[]): Run => {
    const said: string[] = [];
    const options = { env, output: { line: (line: string) => void said.push(line) } };
    const run = { ...startScript("attach", engine, args, options), said };
    all.push(run);
    stack.defer(async () => {
      run.kill("SIGTERM");
      await run.ended;
    });
    return run;
  };
  const app = (way: Way): string => `${terminal(way, holds)} 'until [ -e end-${way} ]; do sleep 0.2; done'`;
  const all: Run[] = [];
  const shown = async (way: Way): Promise<string> => {
    const title = await eventually(
      `the window "${way}"`,
      async () => (await titles(env)).find((title) => title.endsWith(`] ${way}`)),
    ).catch((error) => {
      throw new Error(`${error.message}: ${all.map(({ said }) => said.join(" | ")).join(" || ")}`);
    });
    await checkSize?.({ engine, name }, way, env);
    return title;
  };
  await inContainer(engine, name, "rm -f end-*");
  const first = attach("--session=again", name, app("again"));
  const ordinary = attach("--session=ordinary", name, app("ordinary"));
  const disposable = attach("--disposable", name, app("disposable"));
  await Promise.all([shown("again"), shown("ordinary")]);
  const join = attach("--join", "--session=ordinary", name, app("join"));
  first.kill("SIGINT");
  await first.ended;
  const again = attach("--session=again", name);
  await eventually("the session again", () => Promise.resolve(again.said.some((line) => line.startsWith("Open ch"))));
  await Promise.all([shown("join"), shown("again")]);
  const copy = /^\[([^\]]+)\]/.exec(await shown("disposable"))![1]!;
  const runs = { ordinary, join, again, disposable };
  assert(
    display === "x11" || ordinary.said.some((line) => line.endsWith("windows over Wayland")),
    ordinary.said.join(),
  );
  for (const way of ways) runs[way].said.splice(0);
  const resources = stack.move();
  return { engine, name, copy, runs, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Fails unless nothing of the scene is there but what should stay, which is then stopped. */
async function checkAfter(
  { engine, name, copy, runs }: Scene,
  { titles, display }: Desktop,
  { how, expected, env }: { how: string; expected: Record<Way, Expected>; env: Record<string, string> },
): Promise<void> {
  const [isKilled, isStopped] = [how === "SIGKILL", how === "the container is stopped"];
  for (const way of ways) {
    const { code } = await runs[way].ended;
    const said = runs[way].said.filter((line) => !/^warning: |^"\S+" is gone\. It had /.test(line))[0] ?? "";
    const { says = /^/, code: wanted } = { code: said.startsWith("error: ") ? 1 : 0, ...expected[way] };
    assertMatch(said, says, `${way}: ${runs[way].said.join("\n")}`);
    if (wanted !== undefined) assertEquals(code, wanted, `${way}: ${runs[way].said.join("\n")}`);
  }
  if (how === "the container is deleted") return;
  const staying = ways.filter((way) => expected[way].stays);
  // On X windows go with the run, and their apps stay.
  const wanted = display === "wayland" ? staying.toSorted().join() : "";
  await eventually(`these windows and no others: ${wanted}`, async () => {
    const left = (await titles(env)).filter((title) => title.includes(`[${name}`)).map((title) => title.split("] ")[1]);
    return left.toSorted().join() === wanted;
  });
  for (const way of staying) await inContainer(engine, name, `pgrep -f ' [-]T ${way} '`);
  // The next run removes what one that was killed has left.
  if (isKilled) await script("attach", engine, ["--disposable", name, "true"], { env });
  const instances = JSON.parse(await sh([engine, "query", "/1.0/instances"])) as string[];
  assertEquals(instances.filter((instance) => instance.endsWith(`/${copy}`)), []);
  await script("attach", engine, ["--stop", name, "--all"]);
  if (isStopped) {
    assertEquals((await script("attach", engine, ["--list", name])).stdout, "");
    // It left what a machine that crashes leaves as well. The next session takes the name of one, and removes what is
    // left of the other.
    assertEquals((await script("attach", engine, ["--session=ordinary", name, "true"], { env })).code, 0);
  }
  await eventually("the last client's end", async () => (await clientsOf(name)).length === 0);
  await nothingLeft(engine, name);
}

for (const desktop of desktops) {
  for (const { how, act, ofAll = false, killsAll = false, expected } of ends) {
    testOnOneEngine(`ends, ${desktop.display}: ${how}`, desktop.parts, async (engine) => {
      const { env } = desktop;
      await using scene = await startAll(engine, desktop, { env, holds: killsAll });
      const wanted = typeof expected === "function" ? expected(desktop) : expected;
      // An app that has joined a session ends before that one.
      for (const way of ofAll ? ways : ["join", "ordinary", "again", "disposable"] as const) {
        await act(scene, way, desktop);
        if (!ofAll) await scene.runs[way].ended;
      }
      await checkAfter(scene, desktop, { how, expected: wanted, env });
      if (how === "the container is deleted") await makeContainer(engine, nameOn(engine));
    });
  }
}

testOnOneEngine("ends, wayland: the desktop is gone", waylandParts, async (engine) => {
  const [wayland] = desktops as [Desktop];
  await using own = await startSway();
  await using scene = await startAll(engine, wayland, { env: own.env });
  own.process.kill("SIGKILL");
  const failed = { code: 1, says: cutOff };
  const expected = {
    ordinary: failed,
    join: joinedCutOff,
    again: { code: 0, says: /^The app of "again" .*status \d+$/ },
    disposable: failed,
  };
  await checkAfter(scene, { ...wayland, titles: () => Promise.resolve([]) }, {
    how: "the desktop is gone",
    expected,
    env: desktop(),
  });
});

testOnOneEngine("ends, x11: the desktop is gone", needed, async (engine) => {
  const [, x11] = desktops as [Desktop, Desktop];
  await using stack = new AsyncDisposableStack();
  let scene: Scene;
  await withDisplay(async (env) => {
    scene = stack.use(await startAll(engine, x11, { env }));
  });
  const join = { code: 130, says: /^If "xterm" has started, it runs on/, stays: true };
  const stays = { code: 1, says: /^error: .*xpra client/, stays: true };
  const expected = { ordinary: stays, join, again: stays, disposable: { ...stays, stays: false } };
  const { runs } = scene!;
  // Its app goes on.
  runs.join.kill("SIGINT");
  await checkAfter(scene!, { ...x11, titles: () => Promise.resolve([]) }, {
    how: "the desktop is gone",
    expected,
    env: {},
  });
});
