#!/bin/sh
//bin/true; exec deno run --quiet --no-prompt --allow-read="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" --allow-run=lxc,incus,ssh,xpra,xrandr,xrdb,pacat,zenity,notify-send --allow-env=DISPLAY,WAYLAND_DISPLAY,GIO_LAUNCHED_DESKTOP_FILE,HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_* "$(readlink -f -- "$0" 2>/dev/null || echo "$0")" "$@"
/**
 * Runs an app in a container and shows its windows among the host's own.
 *
 * @module
 */

import { type Channel, channelLine, channelNames, openChannels, presetNames } from "./lib/attach/channels.ts";
import { checkContainers, checkEngine, checkProgram, checkRuntime, programs } from "./lib/cli/checks.ts";
import { type Arguments, runScript, type ScriptSpec } from "./lib/cli/script.ts";
import {
  attachClient,
  type AttachOptions,
  type Client,
  clientAhead,
  fallbackScreen,
  hostScreen,
} from "./lib/attach/client.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { tellEnding } from "./lib/attach/outcome.ts";
import { chooseEngine } from "./lib/engine/engine.ts";
import { checkInstanceName } from "./lib/engine/instance.ts";
import { inputError, ProcessError, UserError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import {
  joinSession,
  likelySession,
  listSessions,
  type LiveSession,
  noSession,
  stopSessions,
} from "./lib/attach/live_sessions.ts";
import { mountsOf } from "./lib/container/mounts.ts";
import { reachContainer } from "./lib/container/connect.ts";
import { findOurs, listOurs } from "./lib/container/ours.ts";
import { checkSessionName, newRun, runSocket, sessionNameOf, socketPath, startSession } from "./lib/attach/session.ts";
import { readSessionLog } from "./lib/attach/session_log.ts";
import { hasFifo, hasOwnSound } from "./lib/attach/sound.ts";
import type { SshTarget } from "./lib/container/ssh.ts";
import { quoteWords, splitWords, WordsError } from "./lib/base/shell_words.ts";
import { checkClient } from "./lib/attach/xpra_version.ts";
import { checkAttachable, checkDisplay, checkXpra } from "./lib/attach/checks.ts";
import { exists } from "./lib/base/files.ts";

const channelList = { words: ["clipboard", ...channelNames], list: true };

const spec = {
  name: "attach.ts",
  summary: "Runs an app in a container and shows its windows among the host's own.",
  usage: [
    "[options] NAME APP_CMDLINE [XPRA_OPTION...] [-- APP_WORD...]",
    "[options] NAME",
    "--list [NAME]",
    "--stop NAME [SESSION | --all]",
    "--logs NAME [SESSION]",
  ],
  options: {
    "session": {
      value: "S",
      help: "Name for a new session (default: the app's base name, then -2, -3, …), or the one to reattach",
      completion: "session",
    },
    "detached": { help: "Start the session and return without attaching" },
    "join": { help: "Run APP_CMDLINE in the live session, and return when it ends" },
    "preset": {
      value: "P",
      help: "isolated, desktop (default) or trusted: which channels are open",
      completion: { words: presetNames },
    },
    "allow": { value: "C,…", help: "Open these channels as well", completion: channelList },
    "deny": { value: "C,…", help: "Close these channels", completion: channelList },
    "list": { help: "Show the sessions that run" },
    "stop": { help: "End a session and all that belongs to it" },
    "all": { help: "With --stop: all sessions of the container" },
    "logs": { help: "Print what a session's app and server have printed" },
  },
  places: { first: ["container"] },
  placesWith: { "stop": { first: ["container", "session"] }, "logs": { first: ["container", "session"] } },
  epilogue: `
Channels: clipboard-in (host to app), clipboard-out (app to host), clipboard (both), sound, microphone, webcam,
notifications, links, files, printing, tray. "isolated" opens none, "desktop" clipboard and sound, "trusted" all but
microphone and webcam.

Example:
  attach.ts my-container "firefox https://xkcd.com/" --border=red

XPRA_OPTIONs go to "xpra attach" as they are. APP_WORDs are added to APP_CMDLINE as they are, without any quoting.

What happens: the container is started if it does not run (lxc start). One ssh call starts a systemd user unit in it: an X
server, xpra and the app. "xpra attach" shows its windows here, over a Unix socket in $GUI_CONTAINER_MOUNTS, by default
~/container_mounts. Ctrl-C detaches; the session ends with the app.`,
  showErrors: true,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** Runs the script. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const { flags, values } = args;
  const [container, ...words] = args.positionals;
  if (container !== undefined) checkInstanceName(container);
  const most = flags.has("list") ? 0 : flags.has("stop") || flags.has("logs") ? 1 : Infinity;
  if (words.length > most) throw inputError(`Too many arguments: "${words[most]}"`, "See attach.ts --help");
  if (flags.has("list")) return await list(host, container, values.get("engine"));
  if (container === undefined) throw inputError("The container's NAME is missing", "See attach.ts --help");
  const wanted = values.get("session");
  if (wanted !== undefined) checkSessionName(wanted);
  if (flags.has("logs")) return await showLog(host, container, words[0] ?? wanted);
  if (flags.has("stop")) return await stop(host, container, { session: words[0] ?? wanted, args });

  const open = openChannels({ preset: values.get("preset"), allow: values.get("allow"), deny: values.get("deny") });
  // What starts with a dash is for xpra: then there is no APP_CMDLINE, and the session that runs is meant.
  const commandLine = words[0]?.startsWith("-") ? undefined : words.shift();
  if (commandLine === undefined) return await reattach(host, container, { open, userOptions: words, wanted, args });
  // What a desktop entry hands over is not to be quoted, and may be nothing at all.
  const end = words.indexOf("--");
  const app = [...splitCommandLine(commandLine), ...(end < 0 ? [] : words.splice(end).slice(1))];
  if (flags.has("join")) return await join(host, container, { app, wanted, args });
  return await attach(host, container, { app, open, userOptions: words, wanted, args });
}

interface Details {
  args: Arguments<Name>;
  wanted: string | undefined;
  open: Set<Channel>;
  userOptions: string[];
}

async function attach(host: Host, container: string, details: Details & { app: string[] }): Promise<number> {
  const { app, open, userOptions, wanted, args } = details;
  const name = wanted ?? sessionNameOf(app[0]!);
  checkSessionName(name);
  const mounts = mountsOf(host, container);
  const run = newRun();
  socketPath(mounts.xpra, `${name}-99`);
  const detached = args.flags.has("detached");
  const aheadSocket = detached ? undefined : socketPath(mounts.xpra, runSocket(run));
  if (!detached) needDisplay(host);
  const engine = await chooseEngine(host, args.values.get("engine"));
  const options = { container, open, userOptions, ownSound: hasOwnSound(open) };
  await using ahead = clientAhead(host);
  const [target, screen] = await Promise.all([
    reachContainer(engine, container, mounts).then((target) => {
      if (aheadSocket !== undefined) ahead.start({ ...options, socket: aheadSocket });
      return target;
    }),
    detached ? hostScreen(host).catch(() => fallbackScreen) : hostScreen(host),
    detached ? undefined : checkClient(host),
  ]);
  const session = await startSession(host, target, { app, run, name, exact: wanted !== undefined, open, screen });
  if (detached) {
    host.ui.result(session, { container, session });
    return 0;
  }
  const ofSession = { ...options, socket: socketPath(mounts.xpra, session) };
  return await show(host, target, { session, isNew: true, options: ofSession, early: await ahead.take() });
}

/**
 * Within so many milliseconds the container tells its sessions, or no client is started ahead: it would connect before it is
 * known which other clients there are.
 */
const answerMs = 500;

async function reattach(host: Host, container: string, details: Details): Promise<number> {
  const { open, userOptions, wanted, args } = details;
  needDisplay(host);
  const { xpra } = mountsOf(host, container);
  const optionsFor = (session: string): AttachOptions => {
    const socket = socketPath(xpra, session);
    return { container, open, userOptions, socket, ownSound: hasOwnSound(open) && (host.dryRun || hasFifo(socket)) };
  };
  await using ahead = clientAhead(host);
  let likely: string | undefined;
  const [target] = await Promise.all([
    reach(host, container, args).then(async (target) => {
      likely = await likelySession(xpra, wanted);
      const options = likely === undefined ? undefined : optionsFor(likely);
      // Only where xpra brings no sound: whether it may depends on the other clients.
      if (options && options.ownSound === open.has("sound")) ahead.start(options, { withinMs: answerMs });
      return target;
    }),
    checkClient(host),
  ]);
  const { session, clients } = await theLiveSession(host, target, wanted);
  if (session !== likely) await ahead.end();
  const options = optionsFor(session);
  if (clients > 0 && open.delete("sound")) {
    options.ownSound = false;
    host.ui.status(`Another client is attached to "${session}", and plays its sound`);
  }
  return await show(host, target, { session, isNew: false, options, early: await ahead.take() });
}

async function join(
  host: Host,
  container: string,
  { app, wanted, args }: Pick<Details, "args" | "wanted"> & { app: string[] },
): Promise<number> {
  const target = await reach(host, container, args);
  const join = (session?: string): ReturnType<typeof joinSession> => joinSession(host, target, { session, app });
  const { session, status } = await join(wanted) ?? (await join((await theLiveSession(host, target)).session))!;
  if (status === 0) return 0;
  throw new UserError(`"${app[0]}" ended with exit status ${status}`, {
    hint: `What it printed is in the session's log: attach.ts --logs ${container} ${session}`,
  });
}

/** The live session that is wanted, or the one there is; with several, a choice of the user's. */
async function theLiveSession(
  host: Host,
  target: SshTarget,
  wanted?: string,
): Promise<Pick<LiveSession, "session" | "clients">> {
  const sessions = await listSessions(host, target);
  if (host.dryRun) return { session: wanted ?? "SESSION", clients: 0 };
  if (wanted !== undefined) {
    const found = sessions.find(({ session }) => session === wanted);
    if (!found) throw noSession(target.name, wanted);
    return found;
  }
  if (sessions.length === 0) {
    throw new UserError(`No session runs in "${target.name}"`, {
      hint: `Start one: attach.ts ${target.name} APP_CMDLINE`,
    });
  }
  const chosen = sessions.length === 1 ? sessions[0] : await host.ui.choose(
    `Several sessions run in "${target.name}"`,
    sessions,
    ({ session, app }) => `${session}  ${app}`,
  );
  if (chosen) return chosen;
  throw inputError(
    `Several sessions run in "${target.name}": ${sessions.map(({ session }) => session).join(", ")}`,
    "Name one with --session",
  );
}

/** Attaches xpra's client, or one that was started ahead, until the session ends or the user detaches. */
async function show(
  host: Host,
  target: SshTarget,
  { session, isNew, options, early }: {
    session: string;
    isNew: boolean;
    options: AttachOptions;
    early: Client | undefined;
  },
): Promise<number> {
  host.ui.status(channelLine(options.open, options.userOptions));
  const client = await attachClient(host, options, early);
  if (host.dryRun) return 0;
  if (client === undefined || host.signal.aborted) {
    if (await exists(options.socket)) {
      const back = quoteWords(["attach.ts", "--session", session, target.name]);
      host.ui.status(`Detached; the app runs on. To come back: ${back}`);
    }
    throw host.signal.reason;
  }
  await tellEnding(host, target, { session, client, isNew });
  return 0;
}

async function list(host: Host, container: string | undefined, wantedEngine: string | undefined): Promise<number> {
  const engine = await chooseEngine(host, wantedEngine);
  const containers = container === undefined
    ? await listOurs(engine)
    : host.dryRun
    ? [{ name: container, status: "Running" }]
    : [await findOurs(engine, container)];
  const sessions: LiveSession[] = [];
  for (const { name, status } of containers) {
    if (status !== "Running") continue;
    try {
      sessions.push(...await listSessions(host, await reachContainer(engine, name, mountsOf(host, name))));
    } catch (error) {
      if (container !== undefined || !(error instanceof UserError || error instanceof ProcessError)) throw error;
      host.ui.warn(`The sessions of "${name}" are not known: ${error.message}`);
    }
  }
  const rows = sessions.map(({ container, session, app, pid, clients, since }) =>
    [container, session, app, pid, clients, since].join("\t")
  );
  host.ui.result(rows.join("\n"), sessions);
  return 0;
}

async function stop(
  host: Host,
  container: string,
  { session, args }: { session: string | undefined; args: Arguments<Name> },
): Promise<number> {
  // `--stop NAME --all`, as the contract writes it, has the option behind the name.
  const all = args.flags.has("all") || session === "--all";
  const target = await reach(host, container, args);
  const sessions = await listSessions(host, target);
  const names = all ? sessions.map((live) => live.session) : [session ?? (await theLiveSession(host, target)).session];
  if (!all && !host.dryRun && !sessions.some((live) => live.session === names[0])) {
    throw noSession(container, names[0]!);
  }
  if (names.length > 0) await stopSessions(host, target, names);
  host.ui.result(names.join("\n"), names.map((name) => ({ container, session: name })));
  return 0;
}

async function showLog(host: Host, container: string, session: string | undefined): Promise<number> {
  const { xpra } = mountsOf(host, container);
  const log = await readSessionLog(xpra, session);
  if (log === undefined) {
    throw inputError(
      session === undefined ? `There is no log of a session of "${container}"` : `There is no log of "${session}"`,
      `See what is in ${xpra}`,
    );
  }
  host.ui.result(log.trimEnd(), log);
  return 0;
}

async function reach(host: Host, container: string, args: Arguments<Name>): Promise<SshTarget> {
  const engine = await chooseEngine(host, args.values.get("engine"));
  return await reachContainer(engine, container, mountsOf(host, container));
}

function needDisplay(host: Host): void {
  if (host.dryRun || host.env("DISPLAY")) return;
  throw new UserError("There is no display to show windows on: $DISPLAY is not set", {
    hint: "Run it in a desktop session, or start the app without its windows: --detached",
  });
}

function splitCommandLine(commandLine: string): string[] {
  try {
    const words = splitWords(commandLine);
    if (words.length === 0 || words[0] === "") throw new WordsError("It names no program");
    return words;
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    throw inputError(`APP_CMDLINE cannot be split into words: ${error.message}`, "Quote it as for a POSIX shell");
  }
}

/** What `--doctor` looks at. */
const checks: Check[] = [
  checkRuntime,
  checkEngine,
  checkProgram(programs.ssh),
  checkXpra,
  checkDisplay,
  checkProgram(programs.xrandr),
  checkProgram(programs.xrdb),
  checkProgram(programs.pacat),
  checkProgram(programs.notifySend),
  checkContainers,
  checkAttachable,
];

if (import.meta.main) {
  await runScript(spec, { main, doctor: (host, wanted) => diagnose(host, { wanted, checks }) });
}
