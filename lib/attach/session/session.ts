/**
 * A session: one app under one xpra server, or one waypipe, in one container, as a systemd user unit of the container
 * user. systemd holds the socket of xpra, starts servers and app in one control group, and takes all of it down with
 * the unit.
 */

import serveSession from "./serve_session.sh" with { type: "text" };
import serveWayland from "./serve_wayland.sh" with { type: "text" };
import serveX11 from "./serve_x11.sh" with { type: "text" };
import startUnit from "./start_session.sh" with { type: "text" };
import startWaypipe from "./start_waypipe.sh" with { type: "text" };
import takeAppearance from "./take_appearance.sh" with { type: "text" };
import undoStart from "./undo_start.sh" with { type: "text" };
import { appScript, noSuchApp } from "./app.ts";
import type { Channel } from "../../guard/channel.ts";
import { type Appearance, appearanceValues } from "./appearance.ts";
import { agentChannels, offerPortals } from "../agent/agent.ts";
import type { XScreen } from "../x11/screen.ts";
import { ExitCode, inputError, ProcessError, UserError } from "../../base/errors.ts";
import { sinkSamples, soundSuffix } from "./sound.ts";
import { sourceSamples } from "../agent/microphone.ts";
import type { Container } from "../../container/container.ts";
import { quoteWords, withValues } from "../../base/shell_words.ts";
import { serverArgv, serverEnvironment } from "../x11/xpra.ts";
import { noUsableXpra } from "../x11/xpra_version.ts";
import { NoWayland } from "../wayland/choice.ts";
import type { Compression } from "../../guard/wayland/frames.ts";
import { isSessionName } from "../../container/names.ts";

/** What is to run in a new session. */
export interface SessionPlan {
  /** The app and its arguments. */
  app: readonly string[];
  /** The id of this run, which no other one has. */
  run: string;
  /** The session's name. */
  name: string;
  /** Fail when the name is taken. Otherwise `-2`, `-3`, … is added to it then. */
  exact: boolean;
  /** The channels that are open. */
  open: ReadonlySet<Channel>;
  /** The channels that were asked for, as {@linkcode recordChannels} writes them. */
  channels: string;
  /** This run shows it: its apps may wait for the agent. */
  isShown: boolean;
  /** The appearance and language that the session takes from the host; undefined for none. */
  appearance?: Promise<Appearance> | undefined;
  /** What shows the windows: an X server of the session's own, or a Wayland compositor of the host's. */
  display: X11Display | WaylandDisplay;
}

/** A session on an X server of its own, which xpra forwards. */
export interface X11Display {
  /** The screen of the X server. */
  screen: XScreen;
  /** Why it is not shown by Wayland, where that is what the user could change; as the end of a sentence. */
  why?: string | undefined;
}

/** A session on a Wayland compositor of the host's, to which waypipe forwards. */
export interface WaylandDisplay {
  /** The base name of the socket at which the host's waypipe listens already, see `wayland/client.ts`. */
  transport: string;
  /** How what it sends is compressed, see `wayland/client.ts`. */
  compress: Compression;
  /** Resolves when the host's end is ready. Nothing is started before that, and nothing at all if it rejects. */
  ready: Promise<unknown>;
}

/**
 * Exit statuses of start_session.sh: the name is taken; the container lacks the directory of the sockets; the host's
 * end has not become ready.
 */
const taken = 75;
const noDirectory = 78;
const calledOff = 79;

/** Longest time that the stopping of a session takes whose start was interrupted, in milliseconds. */
const undoDeadlineMs = 15_000;

/**
 * Starts a session with one SSH call. Stops it again when the run ends meanwhile.
 *
 * @returns the session's name
 * @throws {UserError} with exit code 127 when the container has no such app, or no xpra
 * @throws {NoWayland} when it has no waypipe
 */
export async function startSession(container: Container, plan: SessionPlan): Promise<string> {
  const { host } = container;
  const { app, run, name, exact, open, display } = plan;
  const { xpra: xpraDirectory } = await container.reach();
  const { crossesNetwork } = container;
  const end = endOf(plan, { xpraDirectory, crossesNetwork });
  const values = {
    ...{ xpra_directory: xpraDirectory, name, mode: exact ? "exact" : "count", program: app[0]!, run },
    ...{ sound: open.has("sound") ? "yes" : "", fifo_suffix: soundSuffix },
    ...{ server: end.server, transport: end.values["transport"] ?? "" },
    ...{ taken: `${taken}`, no_directory: `${noDirectory}`, called_off: `${calledOff}` },
  };
  const undo = async (): Promise<void> => {
    const cleaning = host.forCleanup(AbortSignal.timeout(undoDeadlineMs));
    await container.on(cleaning).script({ script: undoStart, values: { run } });
  };
  let session: string;
  try {
    const appearance = await plan.appearance;
    const parameters = serviceWords(plan, { end, xpraDirectory, crossesNetwork, appearance });
    const stdin = "ready" in display ? { text: display.ready.then(() => "go\n", () => "") } : "null";
    const { stdout } = await container.script({ script: startUnit, values, parameters, stdin });
    session = stdout.trim();
  } catch (error) {
    if (host.signal.aborted) await undo();
    // The error says more than the failure to undo.
    else if (mayHaveStarted(error)) await undo().catch(() => {});
    throw error instanceof ProcessError ? await sessionStartError(error, container, plan) : error;
  }
  if (host.dryRun) return name;
  if (isSessionName(session)) return session;
  await undo();
  throw new UserError(
    `The container "${container.label}" does not report the name of the session that it has started`,
    {
      hint: "Make its login scripts print nothing: over SSH, only the output of a command may appear",
      output: session,
    },
  );
}

/** Whether the container may have started the session nevertheless: nobody would then see its app. */
function mayHaveStarted(error: unknown): boolean {
  if (error instanceof ProcessError) {
    return ![taken, noDirectory, calledOff, ExitCode.missingProgram as number].includes(error.code);
  }
  if (!(error instanceof UserError && error.cause instanceof ProcessError)) return false;
  const { timedOut, overflowed, output } = error.cause;
  // The container may have written a MiB of it: a pattern without a bound would look through the rest from each word.
  return timedOut || overflowed || /connection .{0,200}(closed|reset)|broken pipe|not responding/i.test(output);
}

/**
 * The words of systemd-run after its own options: environment and command of the service. systemd expands `$` in the
 * words of a command, which cannot be turned off before version 254. So the scripts are variables of the
 * environment.
 */
function serviceWords(
  { app, run, open, channels, isShown }: SessionPlan,
  { end, xpraDirectory, crossesNetwork, appearance }: {
    end: ServerEnd;
    xpraDirectory: string;
    crossesNetwork: boolean;
    appearance: Appearance | undefined;
  },
): string[] {
  const values = {
    xpra_directory: xpraDirectory,
    run,
    sound: open.has("sound") ? soundSuffix : "",
    samples: sinkSamples({ crossesNetwork }),
    microphone: open.has("microphone") ? sourceSamples({ crossesNetwork }) : "",
    channels: agentChannels.filter((channel) => open.has(channel)).map((channel) => ` ${channel} `).join(""),
    awaited: isShown ? "yes" : "",
    ...(appearance ? appearanceValues(appearance) : {}),
    ...end.values,
  };
  const [begin, last] = end.scripts;
  const script = serveSession + begin + offerPortals + (appearance ? takeAppearance : "") + last;
  const environment = {
    ...end.environment,
    GUI_CONTAINER_SERVER: withValues(script, values),
    GUI_CONTAINER_APP: appScript(app),
    GUI_CONTAINER_RECORD: JSON.stringify(quoteWords(app)),
    GUI_CONTAINER_CHANNELS: channels,
  };
  return [
    ...Object.entries(environment).map(([name, value]) => `--setenv=${name}=${value}`),
    ...["/bin/sh", "-c", 'eval "$GUI_CONTAINER_SERVER"', "gui-container", ...end.words],
  ];
}

/** The container's end of what shows a session. */
interface ServerEnd {
  /** Its program. */
  server: "xpra" | "waypipe";
  /** What begins it, before the apps learn of the portals, and what becomes it. */
  scripts: readonly [begin: string, end: string];
  /** Values in front of these. */
  values: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
  /** The positional parameters. */
  words: readonly string[];
}

function endOf(
  { open, display }: SessionPlan,
  { xpraDirectory, crossesNetwork }: { xpraDirectory: string; crossesNetwork: boolean },
): ServerEnd {
  if ("transport" in display) {
    const { transport, compress } = display;
    const values = { transport, compress, forwarded: crossesNetwork ? "yes" : "" };
    return { server: "waypipe", scripts: [startWaypipe, serveWayland], values, environment: {}, words: [] };
  }
  const { width, height, dpi, monitors } = display.screen;
  const several = monitors.length > 1 ? monitors.join(" ") : "";
  return {
    server: "xpra",
    scripts: ["", serveX11],
    values: { screen: `${width}x${height}`, dpi: `${dpi}`, monitors: several },
    environment: serverEnvironment,
    words: serverArgv({ open, dpi, xpraDirectory, crossesNetwork }),
  };
}

async function sessionStartError(error: ProcessError, container: Container, plan: SessionPlan): Promise<UserError> {
  const { label: name, sharedSockets } = container;
  const { xpra, user } = await container.reach();
  if (error.code === taken) {
    return inputError(
      `There is a session "${plan.name}" in "${name}" already`,
      "Choose another name with --session, attach to it by omitting APP_CMDLINE, or run the app in it with --join",
    );
  }
  if (error.code === ExitCode.missingProgram) {
    if (error.stderr.includes("waypipe: not found")) {
      return new NoWayland(`there is no waypipe in "${name}"`, { exitCode: ExitCode.missingProgram, cause: error });
    }
    return error.stderr.includes("xpra: not found")
      ? noUsableXpra(`in the container "${name}"`, { why: "screen" in plan.display ? plan.display.why : undefined })
      : noSuchApp(plan.app[0]!, name, error);
  }
  const full = /^No space left in ([\w./-]{1,200})$/m.exec(error.output)?.[1];
  const addDevice = ["config", "device", "add", name, "xpra", "disk", `source=${sharedSockets}`, `path=${xpra}`];
  const [message, hint] = error.code === noDirectory
    ? [
      `The container "${name}" lacks the directory of the sessions' sockets, ${xpra}`,
      sharedSockets === undefined
        ? "Make that directory in the container, as its user"
        : `Add its device again, by lxc or incus: ${quoteWords(addDevice)}`,
    ]
    : [
      `The session could not be started in "${name}"`,
      full === undefined
        ? `Check in the container whether its user has a running systemd: loginctl show-user ${user.name}`
        : `Make room in ${full}: see what df -h and du -xh ${full} say in the container`,
    ];
  return new UserError(message, { hint, output: error.output, cause: error });
}
