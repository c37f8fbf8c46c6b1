/** A desktop that an agent asks for links, files and prints, for tests. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { askInDialog } from "../../lib/attach/agent/ask.ts";
import { openArgv } from "../../lib/attach/agent/other_run.ts";
import { ioOf, type RunIo, type Served } from "../../lib/channels/io.ts";
import { requestIn } from "../../lib/channels/requests.ts";
import { createPermissions, type Permissions } from "../../lib/attach/session/permissions.ts";
import { type Destination, onHost, type Opening } from "../../lib/channels/destinations.ts";
import { UserError } from "../../lib/base/errors.ts";
import { onceEach } from "../../lib/base/ui.ts";
import { runProcess } from "../../lib/base/process.ts";
import { versionOf } from "../../lib/container/handed.ts";
import { openHistory, readHistory } from "../../lib/container/history.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import type { ScriptOptions } from "../../lib/container/ssh.ts";
import { ubuntuUser } from "../../lib/container/user.ts";
import type { Engine } from "../../lib/engine/engine.ts";
import { askableNames, type ChannelName, loadOpen } from "../../lib/channels/table.ts";
import { createConsent } from "../../lib/guard/consent.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

/** What runs here as it would: all but dialogs, the desktop and the printer. */
const real = ["mv"];

/** What has become of a request; without a printer, the user chooses where a document is saved. */
export type Outcome = "done" | "not done" | "no printer";

interface World {
  /** Says one line as the agent. */
  ask: (line: Record<string, unknown>) => Promise<Outcome>;
  /** The programs that have run. */
  programs: () => string[];
  /** What the desktop and the printer were told. */
  done: string[][];
  /** Ends the runs of attach.ts that go on, with this exit status, as if their containers had made this of their files. */
  endRuns: (code: number, version?: string) => Promise<void>;
  /** Waits until nothing is waited for any more. */
  settled: () => Promise<void>;
  /** Ends them where the files stay with sessions that go on. */
  endStarted: () => void;
  /** The directory of the container on the host. */
  directory: string;
  /** The texts of the questions. */
  asked: string[];
  said: string[];
  /** Writes a file into the container. */
  put: (name: string, text: string) => Promise<{ path: string; size: number }>;
  kept: () => Promise<Record<string, string>>;
  downloads: string;
  pass: (ms: number) => void;
  over: AbortController;
  permissions: Permissions;
  /** The lines of the container's history. */
  written: () => Promise<unknown[]>;
}

export async function inWorld(
  {
    open = askableNames,
    asks = [],
    linkDestinations,
    fileDestinations,
    answer = "Allow once",
    printer = "Office",
    isConfined = false,
    engine,
    settings,
    missing = [],
    opens = true,
  }: {
    open?: readonly ChannelName[];
    asks?: readonly ChannelName[];
    linkDestinations?: readonly Destination[];
    fileDestinations?: readonly Destination[];
    answer?: string | ((over: AbortController) => string);
    printer?: string;
    /** Whether the container's network is closed. */
    isConfined?: boolean;
    /** That of the container. */
    engine?: Engine;
    /** The text of the settings file. */
    settings?: string;
    /** Programs that are not installed. */
    missing?: readonly string[];
    /** Whether the host's program opens links. */
    opens?: boolean;
  },
  test: (world: World) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [inside, own, downloads] = ["inside", "own", "Down loads"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [inside, own, downloads]) await Deno.mkdir(path);
  if (settings !== undefined) {
    const config = join(directory, ".config/gui-container");
    await Deno.mkdir(config, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(join(config, "config.yaml"), settings, { mode: 0o600 });
  }
  const { host, said } = recordingHost({ env: { HOME: directory, XDG_DOWNLOAD_DIR: downloads } });
  const done: string[][] = [];
  const asked: string[] = [];
  const over = new AbortController();
  let time = 0;
  // The desktop's next one.
  let noticeId = 700;
  const programs: string[] = [];
  host.run = async (argv, options) => {
    programs.push(argv[0]!);
    if (real.includes(argv[0]!)) return await runProcess(argv, options);
    // What is to run in the container runs here, as this user.
    const inside = argv[1] === "exec" ? argv.slice(argv.indexOf("--") + 1) : [];
    if (inside.length > 0) {
      return await runProcess(inside.filter((word) => !/^(setpriv|--re[ug]id=.*|--clear-groups)$/.test(word)), options);
    }
    const result = { argv, code: 0, signal: null, stdout: "", stderr: "" };
    if (argv[0] === "zenity") {
      if (argv[1] === "--file-selection") return { ...result, code: 1 };
      asked.push(argv.find((word) => word.startsWith("--text="))!.slice("--text=".length));
      // A yes counts after three seconds only.
      time += 3_050;
      const said = typeof answer === "string" ? answer : answer(over);
      return { ...result, code: said === "Refuse for this session" ? 0 : 1, stdout: said };
    }
    if (argv[0] === "lpstat") {
      return {
        ...result,
        stdout: printer === "" ? "no system default destination\n" : `system default destination: ${printer}\n`,
      };
    }
    done.push([...argv]);
    if (argv.includes("--print-id")) {
      const replaced = argv.find((word) => word.startsWith("--replace-id="))?.slice("--replace-id=".length);
      return { ...result, stdout: `${replaced ?? noticeId++}\n` };
    }
    return result;
  };
  const runs: ((code: number) => void)[] = [];
  host.start = (argv) => {
    if (missing.includes(argv[0]!)) throw new UserError(`${argv[0]} is not installed`, { hint: "Install it" });
    done.push([...argv]);
    const { promise, resolve } = Promise.withResolvers<number>();
    if (argv[0] === "xdg-open") resolve(opens ? 0 : 3);
    else runs.push(resolve);
    const ended = promise.then((code) => ({ argv, code, signal: null, stdout: "", stderr: "" }));
    return { pid: 1, ended, kill() {} };
  };
  const history = openHistory(host, { name: "box" });
  const user = { ...ubuntuUser, home: join(directory, "home") };
  const box = localBox(host, { user, directory: own, mounts: mountsIn({ env: () => directory }, "box"), history });
  await Deno.mkdir(box.mounts.directory);
  const container = {
    ...box,
    engine: engine ?? box.engine,
    script: ({ script, parameters = [], ...options }: ScriptOptions) =>
      runProcess(["/bin/sh", "-c", script, "sh", ...parameters], options),
    isConfined: () => Promise.resolve(isConfined),
  };
  const now = (): number => time;
  const permissions = createPermissions(container, { open: new Set(open) });
  const opening = {
    ...linkDestinations ? { links: { destinations: linkDestinations } } : {},
    ...fileDestinations ? { files: { destinations: fileDestinations } } : {},
  };
  const consent = createConsent({
    ask: (question, signal) => askInDialog(container, question, { signal, clock: now }),
    now,
    startHour: () => {},
  });
  const shared = new Map<unknown, unknown>();
  const run: RunIo = {
    session: "s",
    consent,
    signal: over.signal,
    now,
    runsOn: () => Promise.resolve(false),
    send() {},
    sendSamples() {},
    tell: onceEach((why) => host.ui.warn(`A request from "box" failed: ${why}`)),
    tellError(error) {
      throw error;
    },
    openArgv: (destination, address) => openArgv(container, destination, address),
    shared<T>(make: (of: typeof container, run: RunIo) => T): T {
      if (!shared.has(make)) shared.set(make, make(container, run));
      return shared.get(make) as T;
    },
  };
  const channels = await loadOpen(new Set(askableNames));
  const served = new Map<string, Served>();
  for (const { name, serve } of channels) {
    const { destinations = [onHost], setting = "SHA256:none" } = (opening as Opening)[name] ?? {};
    const own = { name, closing: permissions.closing(name), asks: asks.includes(name), destinations, setting };
    if (serve) served.set(name, serve(container, ioOf(run, own)));
  }
  const settled = async (): Promise<void> => {
    for (const { end } of served.values()) await end?.();
  };
  try {
    await test({
      settled,
      permissions,
      async ask(line) {
        const { channel, ask } = requestIn(channels, { id: 0, ...line })!;
        const isDone = await served.get(channel.name)!.take!(ask);
        return isDone === undefined ? "no printer" : isDone ? "done" : "not done";
      },
      programs: () => programs,
      done,
      async endRuns(code, version) {
        for (const { name } of Deno.readDirSync(own)) {
          for (const file of [...Deno.readDirSync(join(own, name))]) {
            const path = join(own, name, file.name);
            const label = fileDestinations?.[0]?.on === "copy" ? "office-d1a2b3" : "office";
            if (version !== undefined) await Deno.writeTextFile(versionOf(path, label), version);
            await Deno.remove(path);
          }
        }
        for (const end of runs.splice(0)) end(code);
        const left = (): string[] => [...Deno.readDirSync(own)].map(({ name }) => name);
        let tries = 0;
        do await new Promise((resolve) => setTimeout(resolve)); while (left().length > 0 && ++tries < 5_000);
        assertEquals(left(), [], "runs have ended, and this is left of them");
      },
      endStarted: () => runs.splice(0).forEach((end) => end(0)),
      directory: box.mounts.directory,
      asked,
      said,
      async put(name, text) {
        const path = join(inside, name);
        await Deno.writeTextFile(path, text);
        return { path, size: new TextEncoder().encode(text).length };
      },
      async kept() {
        const names = [...Deno.readDirSync(downloads)].map(({ name }) => name).toSorted();
        return Object.fromEntries(
          await Promise.all(names.map(async (name) => [name, await Deno.readTextFile(join(downloads, name))])),
        );
      },
      downloads,
      pass: (ms) => void (time += ms),
      over,
      async written() {
        await history.written();
        return (await readHistory(host, "box")).map(({ time: _, ...line }) => line);
      },
    });
    over.abort();
    await settled();
    await history.written();
    assertEquals([...Deno.readDirSync(own)], [], "something is left of a file");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

export const web = { on: "container", container: "web" } as const;
