/**
 * Starts a session: one app on one xpra or waypipe server in a container, as a systemd unit of the container's user.
 * systemd holds xpra's socket, starts servers and app in one control group, and stops all of it with the unit.
 */

import serveSession from "./session/serve_session.sh" with { type: "text" };
import stopSession from "./session/stop_session.sh" with { type: "text" };
import { appScript, noSuchApp } from "./session/app.ts";
import { type ChannelName, loadOpen, servedBy } from "../channels/table.ts";
import type { Values } from "../channels/io.ts";
import { offerPortals } from "./agent/agent.ts";
import { causedBy, ExitCode, ProcessError, UserError } from "../base/errors.ts";
import { exitStatus, sessionScript } from "./session/protocol.ts";
import type { ServerEnd } from "./display/display.ts";
import { scriptLine } from "../container/address.ts";
import type { Container } from "../container/container.ts";
import { quoteWords, withValues } from "../base/shell_words.ts";

export interface SessionPlan {
  app: readonly string[];
  /** The unique id of this run. */
  run: string;
  name: string;
  /** The open channels, in the form of {@linkcode recordChannels}. */
  channels: string;
  /** Whether this run shows it: then its apps may wait for the agent. */
  isShown: boolean;
  /** The result of {@linkcode prepareChannels}. */
  prepared: Promise<Prepared>;
  /** The container's end of the connection that shows the windows. */
  end: ServerEnd;
}

/** The open channels' share of a session. */
interface Prepared {
  script: string;
  /** They may take longer than connecting to the container. */
  values: Promise<Values>;
  /** The suffixes of their FIFOs' names, after the session's name. */
  fifos: string;
}

/** Prepares the container's end of the channels for a new session. */
export async function prepareChannels(container: Container, open: ReadonlySet<ChannelName>): Promise<Prepared> {
  const [loaded, served] = await Promise.all([loadOpen(open), servedBy(container.host, open)]);
  const here = loaded.filter((channel) => !channel.agent || served.channels.some(({ name }) => name === channel.name));
  const offer = offerPortals(served.channels);
  const values = Promise.all([offer.values, ...here.map(({ session }) => session?.values?.(container))]);
  return {
    script: offer.script + [...new Set(here.flatMap(({ session }) => session?.parts ?? []))].join(""),
    values: values.then((values) => Object.assign({}, ...values)),
    fifos: here.filter(({ session }) => session?.hasFifo).map(({ name }) => name).join(" "),
  };
}

/** How long it may take to stop a session whose start was interrupted, in milliseconds. */
const undoDeadlineMs = 15_000;

/**
 * Starts a session with one call. Stops it again if the run ends meanwhile.
 *
 * @throws {UserError} with exit code 127 when the container has no such app
 * @throws {CannotShow} when it lacks a program that the display needs, or the host's end is not ready
 */
export async function startSession(container: Container, plan: SessionPlan): Promise<void> {
  const { host } = container;
  const { app, run, name, isShown, end } = plan;
  const { sockets } = await container.inside();
  const { hostEnd } = end;
  const common = { sockets, run, shown: isShown ? "yes" : "" };
  const undo = async (): Promise<void> => {
    const cleaner = host.forCleanup(AbortSignal.timeout(undoDeadlineMs));
    await container.earlyScript({ host: cleaner, script: sessionScript("undo", { run }) });
  };
  let session: string;
  try {
    const { script, values, fifos } = await plan.prepared;
    const [begin, last] = end.scripts;
    const service = async (): Promise<string> =>
      withValues(`${serveSession + begin + script + last}\n# go\n`, {
        ...common,
        app: appScript(app),
        record: JSON.stringify(quoteWords(app)),
        opened: plan.channels,
        stop: stopSession,
        ...await values,
        ...end.values,
      });
    const { stdout } = await container.earlyScript({
      script: sessionScript("start", {
        ...common,
        fifos,
        session: name,
        program: app[0]!,
        server: end.program,
        transport: hostEnd?.transport ?? "",
      }),
      // systemd expands only `${…}` in these words.
      parameters: [
        ...Object.entries(end.environment).map(([name, value]) => `--setenv=${name}=${value}`),
        ...["/bin/sh", "-c", 'eval "$(cat "$GUI_CONTAINER_SERVER")"', "gui-container", ...end.words],
      ],
      stdin: { text: hostEnd ? hostEnd.ready.then(service).catch(() => "") : await service() },
      planned: name,
    });
    await hostEnd?.ready;
    session = stdout.trim();
  } catch (error) {
    if (host.signal.aborted) await undo();
    // The first error is more useful than a failure to undo.
    else if (mayHaveStarted(error)) await undo().catch(() => {});
    if (!(error instanceof ProcessError)) throw error;
    // An error of the host's end takes precedence.
    if (error.code === exitStatus.calledOff) await hostEnd?.ready;
    throw await sessionStartError(error, container, plan);
  }
  if (session === name) return;
  await undo();
  throw new UserError(
    `The container "${container.label}" does not report the name of the session that it has started`,
    {
      hint: "Make its login scripts print nothing: over SSH, only the output of a command may appear",
      output: session,
    },
  );
}

/** Whether the container may have started the session despite the error: its app would run unseen. */
function mayHaveStarted(error: unknown): boolean {
  if (error instanceof ProcessError) {
    const { taken, noDirectory, calledOff, onlyWayland } = exitStatus;
    return ![taken, noDirectory, calledOff, onlyWayland, ExitCode.missingProgram].some((code) => code === error.code);
  }
  if (!(error instanceof UserError && error.cause instanceof ProcessError)) return false;
  const { timedOut, overflowed, output } = error.cause;
  // The container may have written up to a MiB: an unbounded pattern would scan the rest from each match.
  return timedOut || overflowed || /connection .{0,200}(closed|reset)|broken pipe|not responding/i.test(output);
}

async function sessionStartError(
  error: ProcessError,
  container: Container,
  { app, name: session, end }: SessionPlan,
): Promise<UserError> {
  const { engine, label: name, mounts, crossesNetwork } = container;
  const { sockets, user } = await container.boot();
  if (error.code === exitStatus.taken) {
    return new UserError(`A session named "${session}" already runs in "${name}"`, {
      hint: `To show it: ${scriptLine(engine, ["attach.ts", "--session", session, name])}. To run the app in it: ` +
        "--join. For a session of its own: --session NAME",
      exitCode: ExitCode.usage,
    });
  }
  if (error.code === ExitCode.missingProgram) {
    return error.stderr.includes(`${end.program}: not found`) ? end.missing(error) : await noSuchApp(app, name, error);
  }
  if (error.code === exitStatus.onlyWayland) {
    return new UserError(`"${app[0]}" knows only Wayland, and --detached starts apps on X`, {
      hint: "Start it without --detached, on a Wayland desktop",
    });
  }
  const full = /^No space left in ([\w./-]{1,200})$/m.exec(error.output)?.[1];
  const addDevice = ["config", "device", "add", name, "xpra", "disk", `source=${mounts.sockets}`, `path=${sockets}`];
  const [message, hint] = error.code === exitStatus.noDirectory
    ? [
      `The container "${name}" lacks the directory of the sessions' sockets, ${sockets}`,
      crossesNetwork
        ? "Make that directory in the container, as its user"
        : `Add its device again, by lxc or incus: ${quoteWords(addDevice)}`,
    ]
    : [
      `The session could not be started in "${name}"`,
      full === undefined
        ? `Check in the container whether its user has a running systemd: loginctl show-user ${user.name}`
        : `Make room in ${full}: see what df -h and du -xh ${full} say in the container`,
    ];
  return new UserError(message, { hint, ...causedBy(error) });
}
