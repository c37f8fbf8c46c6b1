#!/bin/sh
//bin/true; set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
//bin/true; GUI_CALLED=$0; [ "$(command -v "${0##*/}")" != "$0" ] || GUI_CALLED=${0##*/}; export GUI_CALLED
//bin/true; set -- "$(command -p readlink -f -- "$0")" "$@"
//bin/true; set -- --allow-read "$@"
//bin/true; set -- --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" "$@"
//bin/true; set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
//bin/true; m=${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}; case $m in [!/]* | *,*) m= ;; esac
//bin/true; set -- --allow-net="unix:$m/.attach-$$/guard,unix:$m/.attach-$$/session" "$@"
//bin/true; set -- --allow-run=lxc,incus,ssh,ssh-keygen,setfacl,getfacl,stat,cp,mv,rm,find,bwrap,ln,xpra,xrandr,xrdb,gsettings,waypipe,wayland-info,setpriv,systemd-run,pacat,zenity,notify-send,xdg-open,xclip,wl-copy,wl-paste "$@"
//bin/true; set -- --allow-env='DISPLAY,XAUTHORITY,WAYLAND_DISPLAY,XDG_RUNTIME_DIR,XPRA_DOWNLOAD_DIR,GIO_LAUNCHED_DESKTOP_FILE,LANG,LANGUAGE,LC_ALL,LC_CTYPE,LC_MESSAGES,TZ,XCURSOR_THEME,XCURSOR_SIZE,XDG_CONFIG_HOME,HOME,GUI_CONTAINER_DISPLAY,GUI_CALLED,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_*,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
//bin/true; case $(deno -V 2>&1) in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' 'Deno 2.9.0 or newer is needed' 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
//bin/true; exec deno run --quiet --no-prompt "$@"
// Above are comments for TypeScript and commands for sh: $PATH without relative directories, the path of this file, one
// permission a line, Deno's version, and Deno.
/**
 * Runs an app in a container and shows its windows among the host's own.
 *
 * @module
 */

import { abortable } from "@std/async";
import { appLine, attachLine } from "./lib/attach/advice.ts";
import { sortAppWords } from "./lib/attach/app.ts";
import { checkAsking } from "./lib/attach/ask.ts";
import { makePrivateDirectory } from "./lib/attach/attach_directory.ts";
import {
  type AskableChannel,
  askableNames,
  askedChannels,
  type Channel,
  channelLine,
  channelNames,
  openChannels,
  presetNames,
} from "./lib/attach/channels.ts";
import { checkAttachable, checkDisplay, checkXpra } from "./lib/attach/checks.ts";
import { type Clipping, copyOut, hostClipping, pasteIn } from "./lib/attach/clipping.ts";
import { type ClientOptions, startClient } from "./lib/attach/client.ts";
import { createMemory } from "./lib/guard/xpra/memory.ts";
import {
  chooseSession,
  joinSession,
  likelySession,
  listContainers,
  listSessions,
  markAsUsed,
  noSession,
  stopSessions,
} from "./lib/attach/live_sessions.ts";
import { hostLook } from "./lib/attach/look.ts";
import { withDisposable } from "./lib/attach/disposable/disposable.ts";
import { holdFiles } from "./lib/attach/disposable/lent_files.ts";
import { type AgentChannel, agentChannels } from "./lib/attach/portals/agent.ts";
import { desktopOf } from "./lib/attach/portals/desktop.ts";
import { serveDialogs } from "./lib/attach/portals/dialogs.ts";
import { reportWaylandOutcome } from "./lib/attach/outcome.ts";
import { fallbackScreen, hostScreen, requireDisplay } from "./lib/attach/screen.ts";
import { type SessionPlan, startSession } from "./lib/attach/session.ts";
import { fetchSessionLog, readSessionLog } from "./lib/attach/session_log.ts";
import { checkSessionName, newRun, sessionNameOf, socketPath } from "./lib/attach/session_name.ts";
import { show } from "./lib/attach/show.ts";
import { hasFifo, hasOwnSound, playRemoteSound, playSound } from "./lib/attach/sound.ts";
import {
  againstWayland,
  againstWaylandElsewhere,
  type DisplayName,
  displayNames,
  NoWayland,
  wantedDisplay,
} from "./lib/attach/wayland/choice.ts";
import { startWaylandClient } from "./lib/attach/wayland/client.ts";
import { awaitFarEnd, lendSocket } from "./lib/attach/wayland/far_windows.ts";
import { findWay, isElsewhere, seemsElsewhere } from "./lib/attach/way.ts";
import { checkClient } from "./lib/attach/xpra_version.ts";
import { ExitCode, inputError, UserError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import { all } from "./lib/base/settle.ts";
import { oneLine } from "./lib/base/text.ts";
import { checkContainers, checkEngine, checkPrograms, checkRuntime } from "./lib/cli/checks.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { type Arguments, engineOptions, givenOptions, type ScriptSpec } from "./lib/cli/options.ts";
import { runScript } from "./lib/cli/script.ts";
import { showTable } from "./lib/cli/table.ts";
import { findPlace, type Place } from "./lib/container/place.ts";
import type { SshTarget } from "./lib/container/ssh.ts";
import { containerPaths } from "./lib/container/user.ts";
import { chooseEngine } from "./lib/engine/engine.ts";
import type { SessionLoans } from "./lib/map/session_loans.ts";

const channelList = { words: ["clipboard", ...channelNames], list: true };

const spec = {
  name: "attach.ts",
  summary: "Runs an app in a container and shows its windows among the host's own.",
  usage: [
    "[options] NAME APP_CMDLINE [APP_WORD...] [XPRA_OPTION...]",
    "[options] NAME [XPRA_OPTION...] [-- APP_WORD...]",
    "--disposable NAME APP_CMDLINE [FILE... | XPRA_OPTION...]",
    "--list [NAME]",
    "--stop NAME [SESSION | --all]",
    "--logs NAME [SESSION]",
    "--copy NAME | --paste NAME",
  ],
  examples: [
    ["my-container firefox https://xkcd.com/", "Run an app; Ctrl-C lets it run on without its windows"],
    ["my-container", "Show its windows again"],
    ["my-container firefox --preset=isolated --border=red", "Without clipboard and sound, in a red frame"],
  ],
  options: {
    "list": { group: "What to do instead of running an app", help: "Show the sessions that run" },
    "stop": { help: "End a session and all that belongs to it" },
    "all": { help: "With --stop: all sessions of the container" },
    "logs": { help: "Print what a session's app and server have printed" },
    "copy": { help: "Put the text on a session's clipboard on yours, even while the channel is closed" },
    "paste": { help: "Put the text on your clipboard on a session's, likewise" },
    "session": {
      group: "Which session, and where its windows are",
      value: "S",
      help: "Name of a new session (default: the app's, then -2, -3, …), or which one to show again",
      completion: "session",
    },
    "detached": { help: "Start the session and return without showing it" },
    "join": { help: "Run the app in the session that runs, and return when it ends" },
    "disposable": { help: "Run the app in a copy of NAME that is removed with its last window; FILEs are lent to it" },
    "spare": { help: "With --disposable: keep a copy waiting, so that the next time is faster" },
    "as-is": { help: "With --disposable: copy NAME as it is now, not as create.ts made it" },
    "display": {
      value: "D",
      help: "auto, wayland or x11 (default: $GUI_CONTAINER_DISPLAY, else auto)",
      completion: { words: displayNames },
    },
    "no-box": { help: "Run xpra's client without its bubblewrap box, with all of your permissions" },
    "preset": {
      group: "Channels: what passes besides windows, keys and pointer",
      value: "P",
      help:
        "isolated (nothing), desktop (clipboard, sound, look; the default), or trusted (all but microphone, webcam)",
      completion: { words: presetNames },
    },
    "allow": { value: "C,…", help: "Open these channels as well", completion: channelList },
    "deny": { value: "C,…", help: "Close these channels", completion: channelList },
    "ask": {
      value: "C,…",
      help: `Ask at each use of these: ${askableNames.join(", ")}`,
      completion: { words: askableNames, list: true },
    },
  },
  passesOn: "always",
  places: { first: ["container"] },
  placesWith: {
    "disposable": { first: ["container", null], rest: "file" },
    "stop": { first: ["container", "session"] },
    "logs": { first: ["container", "session"] },
  },
  notes: `The channels are ${
    ["clipboard (both ways)", ...channelNames].join(", ")
  }. Options that are not in this list go to "xpra attach", such as --border=red. After "--", all words are the app's.`,
  manual: [
    "APP_CMDLINE is split into words by the quoting rules of a shell; no shell runs it. APP_WORDs are added as they are.",
    "The container is started if it does not run. One ssh call starts a systemd user unit in it: an X server, xpra and " +
    'the app. "xpra attach" shows its windows here, over a Unix socket in $GUI_CONTAINER_MOUNTS (default: ' +
    "~/container_mounts). Ctrl-C detaches; the session ends with the app. On a Wayland desktop, waypipe replaces the X " +
    "server and xpra if both ends have it and the options allow it; the windows then stay open after Ctrl-C.",
    "Where the container has xdg-desktop-portal, the app's own file dialogs show a dialog of this host's: what you choose " +
    "is lent to the app, and comes back when the session ends.",
    "With --disposable, a snapshot of the container is copied first. The copy is removed when the app ends or at Ctrl-C; " +
    "if the run is killed, the next run removes it.",
    "REMOTE:NAME is a container on a remote of the engine's CLI. ssh reaches it through the engine, and a Unix socket " +
    "that ssh forwards takes the place of the shared one.",
  ],
  needsArguments: true,
  showErrors: true,
} satisfies ScriptSpec<string>;

/** What the command line takes, for the man page. */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** Runs the script. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const { flags, values } = args;
  const [word, ...words] = args.positionals;
  const carry = (["copy", "paste"] as const).filter((way) => flags.has(way));
  if (carry.length > 1) throw inputError("--copy and --paste go opposite ways", "Use one of them");
  const most = flags.has("list") || carry.length > 0 ? 0 : flags.has("stop") || flags.has("logs") ? 1 : Infinity;
  if (words.length > most) throw inputError(`Too many arguments: "${words[most]}"`, "See attach.ts --help");
  if (flags.has("list")) return await list(host, word, args);
  if (word === undefined) throw inputError("The container's NAME is missing", "See attach.ts --help");
  const wanted = values.get("session");
  if (wanted !== undefined) checkSessionName(wanted);
  const display = wantedDisplay(host, values.get("display"));
  const place = await findPlace(host, word, engineOptions(args));
  if (flags.has("logs")) {
    if (words[0] !== undefined) checkSessionName(words[0]);
    return await showLog(host, place, words[0] ?? wanted);
  }
  if (flags.has("stop")) return await stop(host, place, { wanted: words[0] ?? wanted, args });
  if (carry[0] !== undefined) return await carryClipping(host, place, { way: carry[0], wanted });

  const wish = { ask: values.get("ask"), allow: values.get("allow"), deny: values.get("deny") };
  const channels = { open: openChannels({ ...wish, preset: values.get("preset") }), asks: askedChannels(wish) };
  const { app, userOptions, files } = sortAppWords(words, {
    rest: args.rest,
    lendsFiles: flags.has("disposable"),
    line: (...app) => appLine(word, app, givenOptions(args)),
  });
  checkDisposable(args, app);
  if (app === undefined) {
    if (values.get("display") === "wayland") {
      throw new NoWayland("a session is shown again by X only", { exitCode: ExitCode.usage });
    }
    return await reattach(host, place, { ...channels, userOptions, wanted, args });
  }
  if (flags.has("disposable")) {
    return await attachDisposable(host, place, { app, display, ...channels, userOptions, files, wanted, args });
  }
  if (flags.has("join")) {
    if (userOptions.length === 0) return await join(host, place, { app, wanted });
    throw inputError(
      `${userOptions[0]} cannot change a session that runs`,
      `Leave it out, or if it is for the app: ${appLine(word, [...app, ...userOptions], givenOptions(args))}`,
    );
  }
  return await attach(host, place, { app, display, ...channels, userOptions, wanted, args });
}

/**
 * Checks that the options around `--disposable` fit together.
 *
 * @throws {UserError} exit code 2
 */
function checkDisposable({ flags }: Arguments<Name>, app: readonly string[] | undefined): void {
  const isDisposable = flags.has("disposable");
  for (const option of ["spare", "as-is"] as const) {
    if (flags.has(option) && !isDisposable) {
      throw inputError(`The option --${option} goes with --disposable`, "See attach.ts --help");
    }
  }
  if (!isDisposable) return;
  if (app === undefined) throw inputError("--disposable needs an APP_CMDLINE", "See attach.ts --help");
  for (const option of ["detached", "join"] as const) {
    if (flags.has(option)) {
      throw inputError(
        `--${option} and --disposable exclude each other: a disposable container is removed with its windows`,
        "Leave one of them out",
      );
    }
  }
  if (flags.has("spare") && flags.has("as-is")) {
    throw inputError(
      "--spare and --as-is exclude each other: a spare copy is made before it is known what the container will be",
      "Leave one of them out",
    );
  }
}

/** What the command line asks for. */
interface AttachRequest {
  args: Arguments<Name>;
  /** The session's name, if one is given. */
  wanted: string | undefined;
  open: Set<Channel>;
  /** The open channels for each use of which the user is asked. */
  asks: ReadonlySet<AskableChannel>;
  userOptions: string[];
  /** The container is removed when this returns. */
  isDisposable?: boolean;
}

/** What the command line says of a client. */
function clientOptions(
  { open, asks, userOptions, args }: AttachRequest,
  rest: Pick<ClientOptions, "container" | "mounts" | "directory" | "memory" | "screen">,
): ClientOptions {
  return { ...rest, open, asks, userOptions, box: !args.flags.has("no-box") };
}

/** Runs an app in a disposable copy of a container, and lends it the files with these paths. */
async function attachDisposable(
  host: Host,
  place: Place,
  { files: paths, ...request }: AttachRequest & {
    app: string[];
    display: DisplayName;
    files: readonly string[];
  },
): Promise<number> {
  const { app, display, open, userOptions, args: { flags } } = request;
  using files = await holdFiles(host, paths);
  // What can be known before the copy is made.
  const against = againstWayland(host, { open, userOptions, detached: false, box: !flags.has("no-box") });
  if (display === "x11" || against !== undefined) {
    if (display === "wayland") throw new NoWayland(against!, { exitCode: ExitCode.usage });
    requireDisplay(host, host.env("WAYLAND_DISPLAY") ? against : undefined);
  }
  const engine = await place.engine;
  const options = { files, asIs: flags.has("as-is"), spare: flags.has("spare") };
  return await withDisposable(
    engine,
    place.name,
    options,
    async (copy, paths) => {
      const { cli, server: { remote, project } } = engine;
      const copyPlace = await findPlace(host, remote === undefined ? copy : `${remote}:${copy}`, {
        engine: cli,
        project,
      });
      return await attach(host, copyPlace, { ...request, app: [...app, ...paths], isDisposable: true });
    },
  );
}

/**
 * Starts an app in a new session, and shows the session unless `--detached` is given.
 *
 * @param given whether the container is on another machine, if that is known
 */
async function attach(
  host: Host,
  place: Place,
  request: AttachRequest & { app: string[]; display: DisplayName },
  given?: boolean,
): Promise<number> {
  const { app, display, open, userOptions, wanted, args, isDisposable = false } = request;
  const { label: container, mounts } = place;
  const elsewhere = given ?? await seemsElsewhere(place);
  const name = wanted ?? sessionNameOf(app[0]!);
  checkSessionName(name);
  // Throws if the path would be too long, even with the suffix that a name gets when it is taken.
  socketPath(mounts.xpra, `${name}-99`);
  const look = open.has("look") ? hostLook(host) : undefined;
  const plan = { app, run: newRun(), name, exact: wanted !== undefined, open, look };
  const detached = args.flags.has("detached");
  let against = againstWayland(host, { open, userOptions, detached, box: !args.flags.has("no-box") });
  if (elsewhere && display === "auto") against ??= againstWaylandElsewhere(host);
  if (display === "wayland" && against !== undefined) throw new NoWayland(against, { exitCode: ExitCode.usage });
  if (display !== "x11" && against === undefined) {
    try {
      return await attachByWayland(host, place, { plan, asks: request.asks, isDisposable, elsewhere });
    } catch (error) {
      if (!(error instanceof NoWayland) || display === "wayland") throw error;
      against = error.reason;
    }
  }
  // On an X desktop there is nothing to choose, and nothing to tell.
  const why = host.env("WAYLAND_DISPLAY") && display === "auto" ? against : undefined;
  await using scope = new AsyncDisposableStack();
  if (detached) {
    const [{ target }, screen] = await Promise.all([
      findWay(host, place, scope),
      hostScreen(host).catch(() => fallbackScreen),
    ]);
    markUse(place, target, scope);
    const session = await startSession(host, target, { ...plan, display: { screen } });
    host.ui.result(session, { container, session });
    return 0;
  }
  requireDisplay(host, why);
  await checkAsking(host, request.asks);
  const directory = elsewhere ? scope.use(await makePrivateDirectory(host)).path : undefined;
  // The client takes its time to load: meanwhile the container is reached and the session starts.
  const [way, , { client, options }] = await all([
    findWay(host, place, scope, { directory, expected: elsewhere ? "elsewhere" : "here" }),
    checkClient(host),
    hostScreen(host).then(async (screen) => {
      const rest = { container, mounts, directory, memory: createMemory(), screen };
      const options = clientOptions(request, rest);
      return { options, client: scope.use(await startClient(host, options)) };
    }),
  ]);
  if (way.target.elsewhere !== elsewhere) {
    await scope.disposeAsync();
    return await attach(host, place, request, way.target.elsewhere);
  }
  markUse(place, way.target, scope);
  const session = await startSession(host, way.target, { ...plan, display: { screen: options.screen } });
  await using _dialogs = startDialogs(host, place, {
    ...request,
    ...{ target: way.target, session, channels: ["dialogs"], isDisposable },
  });
  return await show(host, { place, way }, { session, isNew: true, options, client, why, isDisposable });
}

/** Serves what the session's agent asks for, by the open channels, until the end of this value's scope. */
function startDialogs(
  host: Host,
  place: Place,
  { target, session, open, asks, channels, isDisposable = false }: Pick<AttachRequest, "asks"> & {
    open: ReadonlySet<Channel>;
    target: SshTarget;
    session: string;
    channels: readonly AgentChannel[];
    isDisposable?: boolean;
  },
): AsyncDisposable | undefined {
  const served = channels.filter((channel) => open.has(channel));
  if (host.dryRun || served.length === 0) return undefined;
  return serveDialogs(host, target, {
    session,
    channels: served,
    onDesktop: desktopOf(host, { container: place.label, open, asks, signal: host.signal }),
    makeLoans: () => loansOf(place, session),
    runsOn: () => host.signal.aborted && !isDisposable,
  });
}

/** The files that are lent to a session's apps. */
async function loansOf({ name, engine }: Place, session: string): Promise<SessionLoans> {
  const [{ sessionLoans }, asked] = await Promise.all([import("./lib/map/session_loans.ts"), engine]);
  return await sessionLoans(asked, name, session);
}

/** Marks a container on another machine as one that may have sessions, while a session starts: for the list of all. */
function markUse({ name, engine }: Place, { elsewhere }: SshTarget, scope: AsyncDisposableStack): void {
  if (!elsewhere) return;
  const marked = engine.then((engine) => markAsUsed(engine, name)).catch(() => {});
  scope.defer(() => marked);
}

/**
 * Starts an app in a new session on the host's Wayland compositor, and waits for its end.
 *
 * @returns the exit code
 * @throws {NoWayland} when it is not possible, before the session was started
 */
async function attachByWayland(
  host: Host,
  place: Place,
  { plan, asks, isDisposable, elsewhere }: {
    plan: Omit<SessionPlan, "display">;
    asks: AttachRequest["asks"];
    isDisposable: boolean;
    elsewhere: boolean;
  },
): Promise<number> {
  const { open } = plan;
  const { label: container, mounts } = place;
  await checkAsking(host, asks);
  await using scope = new AsyncDisposableStack();
  const directory = elsewhere ? scope.use(await makePrivateDirectory(host)).path : undefined;
  const [way, client] = await all([
    findWay(host, place, scope, { directory, expected: elsewhere ? "elsewhere" : "here" }),
    startWaylandClient(host, { container, mounts, directory }).then((client) => scope.use(client)),
  ]);
  const { target, remote } = way;
  if (target.elsewhere !== elsewhere) {
    await scope.disposeAsync();
    return await attachByWayland(host, place, { plan, asks, isDisposable, elsewhere: target.elsewhere });
  }
  const { transport, compress } = client;
  if (remote) await lendSocket(way, client, transport);
  markUse(place, target, scope);
  const session = await startSession(host, target, { ...plan, display: { transport, compress } });
  if (!isDisposable && !remote) client.keep();
  await using _dialogs = startDialogs(host, place, {
    ...{ target, session, open, asks, channels: agentChannels },
    isDisposable: isDisposable || remote !== undefined,
  });
  host.ui.status(`${channelLine(open, [], asks)}; windows by Wayland${remote ? ", which close with this run" : ""}`);
  if (hasOwnSound(open) && remote) {
    const player = playRemoteSound(host, target, session);
    scope.defer(() => player?.kill("SIGTERM"));
  } else if (hasOwnSound(open)) playSound(host, socketPath(mounts.xpra, session), { outlives: !isDisposable });
  const ended = remote
    ? await awaitFarEnd(host, { place, way, scope }, { session, client })
    : await abortable(client.ended, host.signal).catch(() => undefined);
  if (host.dryRun) return 0;
  if (!ended) {
    if (isDisposable) throw host.signal.reason;
    host.ui.status(`The windows stay, and the app runs on. To end it: ${attachLine(target, "--stop", session)}`);
    throw host.signal.reason;
  }
  await reportWaylandOutcome(host, target, session);
  return 0;
}

/** Shows a live session again. */
async function reattach(host: Host, place: Place, request: AttachRequest, given?: boolean): Promise<number> {
  const { open, wanted } = request;
  const elsewhere = given ?? await seemsElsewhere(place);
  // A session keeps the look that it was started with.
  open.delete("look");
  requireDisplay(host);
  await checkAsking(host, request.asks);
  const { label: container, mounts } = place;
  await using scope = new AsyncDisposableStack();
  const directory = elsewhere ? scope.use(await makePrivateDirectory(host)).path : undefined;
  // The client takes its time to load, so it is started before it is known which session is meant, if there seems to be
  // one. Not if xpra itself carries the sound: only one client may play it, and another one may be attached.
  const isLikely = !host.dryRun && (elsewhere || await likelySession(mounts.xpra, wanted) !== undefined);
  const isEarly = isLikely && hasOwnSound(open) === open.has("sound");
  const [way, , { options, early }] = await all([
    findWay(host, place, scope, { directory, expected: elsewhere ? "elsewhere" : "here" }),
    checkClient(host),
    hostScreen(host).then(async (screen) => {
      const options = clientOptions(request, { container, mounts, directory, memory: createMemory(), screen });
      return { options, early: isEarly ? scope.use(await startClient(host, options)) : undefined };
    }),
  ]);
  if (way.target.elsewhere !== elsewhere) {
    await scope.disposeAsync();
    return await reattach(host, place, request, way.target.elsewhere);
  }
  const { session, display, clients } = await chooseSession(host, way.target, wanted);
  if (display === "wayland") {
    host.ui.status(`The windows of "${session}" are on a Wayland desktop, and stay there until it ends`);
    return 0;
  }
  if (clients > 0 && open.delete("sound")) {
    host.ui.status(`Another client is attached to "${session}", and plays its sound`);
  }
  // Sound by xpra would have its client decode what the container sends. On another machine, a FIFO is looked for there.
  if (hasOwnSound(open) && !elsewhere && !host.dryRun && !hasFifo(socketPath(mounts.xpra, session))) {
    open.delete("sound");
    host.ui.status(`There is no sound: "${session}" was started without it, or with the channel microphone`);
  }
  const client = early ?? scope.use(await startClient(host, options));
  await using _dialogs = startDialogs(host, place, { ...request, target: way.target, session, channels: ["dialogs"] });
  return await show(host, { place, way }, { session, isNew: false, options, client });
}

/** Runs an app in a live session, and returns when the app ends. */
async function join(
  host: Host,
  place: Place,
  { app, wanted }: Pick<AttachRequest, "wanted"> & { app: string[] },
): Promise<number> {
  await using scope = new AsyncDisposableStack();
  const { target } = await findWay(host, place, scope);
  // Undefined when no session is named and there is not exactly one: then the user chooses one, or gets an error.
  const joined = await joinSession(host, target, { session: wanted, app }) ??
    await joinSession(host, target, { session: (await chooseSession(host, target)).session, app });
  const { session, status } = joined!;
  if (status === 0) return 0;
  throw new UserError(`"${app[0]}" ended with exit status ${status}`, {
    hint: `What it printed is in the session's log: ${attachLine(target, "--logs", session)}`,
  });
}

/** Prints the live sessions of one container, or of all. */
async function list(host: Host, word: string | undefined, args: Arguments<Name>): Promise<number> {
  const options = engineOptions(args);
  // As the engine's own CLI has it, REMOTE: alone means all that is there.
  const [, remote] = /^([^:]+):$/.exec(word ?? "") ?? [];
  const isOne = word !== undefined && remote === undefined;
  const place = isOne ? await findPlace(host, word, options) : undefined;
  const engine = await (place?.engine ?? chooseEngine(host, options.engine, { ...options, remote }));
  const sessions = await listContainers(engine, place?.name);
  const rows = sessions.map(({ container, session, app, pid, clients, since }) =>
    [container, session, oneLine(app), pid, clients, since].map(String)
  );
  showTable(host.ui, rows, {
    heading: ["CONTAINER", "SESSION", "APP", "PID", "CLIENTS", "SINCE"],
    none: "No session runs",
    data: sessions,
  });
  return 0;
}

/** Stops one live session of a container, or all. */
async function stop(
  host: Host,
  place: Place,
  { wanted, args }: Pick<AttachRequest, "wanted" | "args">,
): Promise<number> {
  const all = args.flags.has("all");
  const container = place.label;
  await using scope = new AsyncDisposableStack();
  const { target } = await findWay(host, place, scope);
  const sessions = await listSessions(host, target);
  const names = all ? sessions.map((live) => live.session) : [wanted ?? (await chooseSession(host, target)).session];
  if (!all && !host.dryRun && !sessions.some((live) => live.session === names[0])) {
    throw noSession(target, names[0]!);
  }
  if (names.length > 0) await stopSessions(host, target, names);
  for (const name of host.dryRun ? [] : names) await (await loansOf(place, name)).end({ runsOn: false });
  host.ui.result(names.join("\n"), names.map((name) => ({ container, session: name })));
  return 0;
}

/** Carries the text on one clipboard to the other: that of a live session, and the host's. */
async function carryClipping(
  host: Host,
  place: Place,
  { way, wanted }: Pick<AttachRequest, "wanted"> & { way: "copy" | "paste" },
): Promise<number> {
  const container = place.label;
  const clipping = way === "paste" ? await hostClipping(host) : undefined;
  await using scope = new AsyncDisposableStack();
  const { target } = await findWay(host, place, scope);
  const carry = (session: string | undefined): Promise<Clipping | undefined> =>
    clipping ? pasteIn(host, target, { session, clipping }) : copyOut(host, target, session);
  // Undefined when no session is named and there is not exactly one: then the user chooses one, or gets an error.
  const carried = await carry(wanted) ?? await carry((await chooseSession(host, target)).session);
  if (host.dryRun) return 0;
  const { characters, leftOut } = carried!;
  const [noun, verb] = characters === 1 ? ["character", "is"] : ["characters", "are"];
  const where = way === "copy"
    ? `from ${container} ${verb} on the clipboard`
    : `${verb} on the clipboard of ${container}`;
  const rest = leftOut > 0 ? `; left out: ${leftOut} that cannot be seen` : "";
  host.ui.result(`${characters} ${noun} ${where}${rest}`, { container, characters, leftOut });
  return 0;
}

/** Prints the log of a session. */
async function showLog(host: Host, place: Place, session: string | undefined): Promise<number> {
  const { label: container, mounts: { xpra } } = place;
  await using scope = new AsyncDisposableStack();
  // What is on this machine is there also while the container does not run.
  const seemsFar = await seemsElsewhere(place);
  let log = seemsFar ? undefined : await readSessionLog(xpra, { session });
  const way = !log && (seemsFar || await isElsewhere(place)) ? await findWay(host, place, scope) : undefined;
  if (way) log = await fetchSessionLog(host, way.target, { session });
  if (way && host.dryRun) return 0;
  const directory = way ? `${containerPaths(way.target.user).xpra} in the container` : xpra;
  if (!log) {
    throw inputError(
      session === undefined ? `There is no log of a session of "${container}"` : `There is no log of "${session}"`,
      `See what is in ${directory}`,
    );
  }
  const { text, omittedBytes } = log;
  if (omittedBytes > 0) {
    host.ui.warn(`The log is long: only its last ${text.length} characters follow; see ${directory} for the rest`);
  }
  host.ui.result(text.trimEnd(), text);
  return 0;
}

/** What `--doctor` checks. */
const checks: Check[] = [
  checkRuntime,
  checkEngine,
  checkXpra,
  checkDisplay,
  ...checkPrograms("attach"),
  checkContainers,
  checkAttachable,
];

if (import.meta.main) {
  await runScript(spec, { main, doctor: (host, wanted) => diagnose(host, { wanted, checks }) });
}
