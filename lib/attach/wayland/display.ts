/**
 * Windows on the host's Wayland compositor: waypipe's server sends them, waypipe's client shows them. Windows close
 * with their client, so that they cannot be shown again.
 */

import { abortable } from "@std/async";
import { basename, join } from "@std/path";
import serveWayland from "./serve_wayland.sh" with { type: "text" };
import startWaypipe from "./start_waypipe.sh" with { type: "text" };
import xGate from "./x_gate.py" with { type: "text" };
import { ExitCode, UserError } from "../../base/errors.ts";
import { exists, ifThere, writeText } from "../../base/files.ts";
import { programs } from "../../base/programs.ts";
import type { Container } from "../../container/container.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { servedBy } from "../../channels/table.ts";
import {
  CannotShow,
  type Display,
  type DisplayWindows,
  type ServerEnd,
  type WindowsOptions,
} from "../display/display.ts";
import { runOnX } from "../session/app.ts";
import { stopAtEnd, stopSessions } from "../session/live_sessions.ts";
import { endedFromOutside } from "../session/outcome.ts";
import { sessionScript } from "../session/protocol.ts";
import { closeInGuard } from "./ask_guard.ts";
import { noWayland, startWaylandClient, tryContext, type WaylandClient } from "./client.ts";

export const wayland: Display = {
  check({ host, crossesNetwork }, { display, userOptions, detached, box }) {
    const why = [
      !host.env("WAYLAND_DISPLAY") && "$WAYLAND_DISPLAY is not set",
      detached && "a Wayland window cannot be left and shown later",
      userOptions.length > 0 && `"${userOptions[0]}" is an option for xpra`,
      !box && "waypipe runs in a sandbox only",
      // Over Wayland, such an app would end with the run.
      crossesNetwork && display === "auto" && host.env("DISPLAY") &&
      "an app on another machine can then be left and shown again",
    ].find((reason) => reason);
    if (why) throw noWayland(why, { exitCode: ExitCode.usage });
  },
  preload: [],
  open: openWindows,
};

/** How long a guard may take to close a clipboard at the end of a run, in milliseconds. */
const closeMs = 5_000;

async function openWindows(
  container: Container,
  { app: [program = ""] = [], open, times, border, isDisposable }: WindowsOptions,
): Promise<DisplayWindows> {
  const { host, crossesNetwork } = container;
  const clipboard = { in: open.has("clipboard-in"), out: open.has("clipboard-out") };
  const closesAfterMs = { in: times?.get("clipboard-in"), out: times?.get("clipboard-out") };
  const files = { takesFiles: open.has("dialogs"), givesFiles: open.has("files") };
  const [client, { why }] = await Promise.all([
    startWaylandClient(container, { app: basename(program), clipboard, closesAfterMs, border, ...files }),
    servedBy(host, open),
  ]);
  // Over a network, the windows close with the connection of this run.
  const stays = !isDisposable && !crossesNetwork;
  return {
    note: [`; windows over Wayland${crossesNetwork ? ", which close with this run" : ""}`, ...why].join("; "),
    outlivesRun: stays ? "windows" : "nothing",
    async serverEnd() {
      await container.lendSocket(client.socket, client.transport);
      return waypipeServer(container, client, { wasShown: await exists(shownPath(container)) });
    },
    async show(session) {
      await client.note(session);
      // A container on another machine may have no directory here.
      await ifThere(writeText(host, shownPath(container), { text: "", mode: 0o600 }));
      if (stays) client.keep();
    },
    async closeClipboard(session, channels) {
      // Independent of the run's own signal, which may have aborted.
      await closeInGuard(container, { session, channels, signal: AbortSignal.timeout(closeMs) });
    },
    async ended(session) {
      const windows = crossesNetwork
        ? await awaitRemoteEnd(container, { session, client })
        : await abortable(client.ended, host.signal);
      const gone = new UserError(`The desktop has ended, and with it the windows of "${session}"`, {
        hint: "Start the app again once a desktop runs",
      });
      // As when the session began.
      const lost = (): Promise<UserError | undefined> =>
        tryContext(host).then(() => undefined, (error) => error instanceof CannotShow ? gone : undefined);
      return {
        windows,
        lost,
        hint: ({ lacksX }) =>
          lacksX
            ? `; it knows only X: apt-get install ${programs["Xwayland"]!.package} in the container, or --display x11`
            : windows === "none"
            ? "; if it needs X: --display x11"
            : "",
        failure: async (app) => await lost() ?? await endedFromOutside(container, { session, output: app?.output }),
      };
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** A file that no container sees. It exists if this container's windows were ever shown over Wayland. */
function shownPath({ mounts }: Pick<Container, "mounts">): string {
  return join(mounts.directory, "shown-over-wayland");
}

/**
 * The container's end: waypipe's server, which connects to the host's end.
 *
 * @param options `wasShown`: the container once had waypipe. If it is missing now, only the user may choose X, where
 * its apps see everything that is copied
 */
export function waypipeServer(
  { label, crossesNetwork }: Pick<Container, "label" | "crossesNetwork">,
  { transport, compress, ready }: Pick<WaylandClient, "transport" | "compress" | "ready">,
  { wasShown = false } = {},
): ServerEnd {
  return {
    program: "waypipe",
    missing: (cause) => {
      const exitCode = ExitCode.missingProgram;
      if (!wasShown) return noWayland(`there is no waypipe in "${label}"`, { exitCode, cause });
      return new UserError(`waypipe is missing in "${label}", whose windows were shown over Wayland before`, {
        hint: "Install it there again, or use --display x11, by which its apps hear of all that you copy",
        exitCode,
        cause,
      });
    },
    scripts: [startWaypipe, serveWayland],
    values: { transport, compress, forwarded: crossesNetwork ? "yes" : "", x_gate: xGate, run_on_x: runOnX },
    environment: {},
    words: [],
    hostEnd: { transport, ready },
  };
}

/**
 * Waits for the end of a session on another machine. Its windows cannot be shown again: they and the app end with this
 * run and its connection.
 *
 * @returns how its windows ended
 * @throws {UserError} when its windows are gone because they were closed, or because the connection is lost
 */
export async function awaitRemoteEnd(
  container: Container,
  { session, client }: { session: string; client: WaylandClient },
): Promise<WindowsEnd> {
  const { host, label } = container;
  // The container may answer anything at any time: an answer is only a reason to check. The call fails with the
  // connection.
  const asked = container.script({ script: sessionScript("await", { session }), timeoutMs: Infinity });
  try {
    const over = Promise.race([asked.catch(() => {}).then(() => false), client.ended.then(() => true)]);
    const isClosed = await host.look(false, () => abortable(over, host.signal));
    if (await container.isLost()) {
      throw new UserError(`The connection to "${label}" is lost, and with it the windows of "${session}"`, {
        hint: "Its app ends as well. Over X, apps run on and their windows come back: --display x11",
      });
    }
    if (!isClosed) {
      await client[Symbol.asyncDispose]();
      return await client.ended;
    }
    await stopSessions(container, [session]);
    throw await endedFromOutside(container, { session });
  } catch (error) {
    if (host.signal.aborted && await stopAtEnd(container, session)) {
      host.ui.status(`"${session}" is stopped: its windows last no longer than this run`);
    }
    throw error;
  }
}
