/** Windows on the host's X display: xpra's server sends them, xpra's client shows them. */

import closeWindows from "./close_windows.py" with { type: "text" };
import repairXpra from "./repair_xpra.py" with { type: "text" };
import serveX11 from "./serve_x11.sh" with { type: "text" };
import { UserError } from "../../base/errors.ts";
import { all } from "../../base/promises.ts";
import type { Container } from "../../container/container.ts";
import { boxDenied } from "../box/box.ts";
import type { Display, DisplayWindows, ServerEnd, WindowsOptions } from "../display/display.ts";
import { attachLine } from "../session/advice.ts";
import { isLive, stopSessions } from "../session/live_sessions.ts";
import { endedFromOutside, seeLog, type SessionEnd } from "../session/outcome.ts";
import { type Client, type ClientResult, startClient } from "./client.ts";
import { type ClientGuard, startClientGuard } from "./guard.ts";
import { fallbackScreen, hostScreen, requireDisplay, type XScreen } from "./screen.ts";
import { serverArgv, serverEnvironment } from "./xpra.ts";
import { checkClient, findClient, noUsableXpra } from "./xpra_version.ts";

export const x11: Display = {
  check({ host }, { detached }, why) {
    if (!detached) requireDisplay(host, why);
  },
  prepare: (host) => Promise.allSettled([hostScreen(host), findClient(host)]),
  // The X server loads these libraries for GLX: 150 MB, whose page faults took a quarter of a second.
  preload: ["libLLVM", "libgallium", "libz3"].map((library) => `/usr/lib/*/${library}*`),
  open: openWindows,
};

async function openWindows(container: Container, options: WindowsOptions): Promise<DisplayWindows> {
  const { host } = container;
  const { open, why, detached, isDisposable } = options;
  let guard: Promise<ClientGuard> | undefined;
  let client: Client | undefined;
  let isNew = false;
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await client?.[Symbol.asyncDispose]();
    await (await guard)?.[Symbol.asyncDispose]();
  });
  const guardOf = (): Promise<ClientGuard> => guard ??= startClientGuard(container, options);
  const start = async (screen: XScreen): Promise<Client> =>
    client = await startClient({ ...options, container, guard: await guardOf(), screen });
  // The client takes long to load; meanwhile the container is reached and the session starts.
  if (!detached) await all([guardOf(), hostScreen(host).then(start), checkClient(host, why)]);
  const screen = await hostScreen(host).catch(() => fallbackScreen);
  const resources = stack.move();
  return {
    note: why === undefined ? "" : `; windows over X: ${why}`,
    outlivesRun: isDisposable ? "nothing" : "session",
    async serverEnd() {
      isNew = true;
      return xpraServer(container, { open, sockets: (await container.inside()).sockets, screen, why });
    },
    async show(session) {
      client ??= await start(screen);
      await client.show(session);
    },
    async ended(session) {
      const end = await client!.ended;
      // Each attachment has its own client.
      client = undefined;
      return {
        windows: (await guardOf()).windows(),
        hint: ({ output }) => /wayland/i.test(output) ? "; an app that knows only Wayland needs a Wayland desktop" : "",
        failure: (app) => failure(container, { session, end, isNew, app }),
      };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/**
 * The container's end: xpra on the session's own X server.
 *
 * @param options `sockets`: the directory of the sessions' sockets, in the container
 */
export function xpraServer(
  { label, crossesNetwork }: Pick<Container, "label" | "crossesNetwork">,
  { open, sockets, screen, why }: Pick<WindowsOptions, "open" | "why"> & { sockets: string; screen: XScreen },
): ServerEnd {
  const { width, height, dpi, monitors } = screen;
  return {
    program: "xpra",
    missing: () => noUsableXpra(`There is no xpra in the container "${label}"`, { why }),
    scripts: ["", serveX11],
    values: {
      screen: `${width}x${height}`,
      dpi: `${dpi}`,
      monitors: monitors.length > 1 ? monitors.join(" ") : "",
      repairs: repairXpra,
      close_windows: closeWindows,
    },
    environment: serverEnvironment,
    words: serverArgv({ open, sockets, crossesNetwork, screen }),
  };
}

/** The error if a session is no longer shown although its app has not ended; undefined if the user has left it. */
async function failure(
  container: Container,
  { session, end, isNew, app }: {
    session: string;
    end: ClientResult;
    isNew: boolean;
    app: Parameters<SessionEnd["failure"]>[0];
  },
): Promise<UserError | undefined> {
  if (end.code === 0 && end.reason === undefined) return undefined;
  if (app?.unknownOption !== undefined) {
    const which = `The xpra in the container "${container.label}" is too old`;
    return noUsableXpra(`${which}: it does not know ${app.unknownOption}`);
  }
  const output = `${end.stdout}${end.stderr}`.trimEnd().split("\n").slice(-15).join("\n");
  if (!await isLive(container, session, { unknown: false })) {
    return endedFromOutside(container, { session, output: app?.output || output });
  }
  if (isNew && !end.wasAttached) await stopSessions(container, [session]);
  const denied = boxDenied(end.stderr);
  if (denied) return denied;
  const unknownOption = /^no such option: (\S+)$/m.exec(end.stderr)?.[1];
  const stop = attachLine(container, "--stop", session);
  const [message, hint] = end.reason !== undefined
    ? [
      `The session "${session}" was cut off: ${end.reason}`,
      `Only a hostile, paused or overloaded container does that. The app runs on. To end it: ${stop}`,
    ]
    : unknownOption !== undefined
    ? [`The xpra on this host does not know ${unknownOption}`, "See xpra attach --help, and xpra --version"]
    : [`The xpra client could not stay attached to "${session}"`, seeLog(container, session)];
  return new UserError(message, { hint, output });
}
