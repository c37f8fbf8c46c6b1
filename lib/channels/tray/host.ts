/**
 * The channel `tray`: icons of a session's apps in the host's tray. The session's agent describes them, and panel.py
 * shows them on the host's StatusNotifierWatcher. How a container could abuse that, and what prevents it:
 *
 * - It imitates an icon or a menu of the host. The icon gets a frame of the container's colour here; title and menu
 *   begin with the container's name.
 * - It sends names of icons, paths, addresses or markup, which a panel would look up, load or draw. Only small pictures
 *   pass, and short labels without markup.
 * - It adds and removes icons without end, or changes them thousands of times a second. There are few icons, few new
 *   ones, and the panel is updated twice a second.
 * - It changes a menu under the pointer, or the meaning of an id. See `nextMenu`; a click at an item that is gone is
 *   dropped.
 * - It does not answer, or does not read. Nobody waits for it: panel.py answers the panel.
 */

import { delay } from "@std/async";
import trayPy from "./agent.py" with { type: "text" };
import traySh from "./session.sh" with { type: "text" };
import interfaceSource from "../interface.py" with { type: "text" };
import trayScript from "./panel.py" with { type: "text" };
import { ExitCode } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { parseTable } from "../../base/json_file.ts";
import { onceEach } from "../../base/ui.ts";
import { installHint } from "../../base/programs.ts";
import { borderOf } from "../../container/border.ts";
import type { Container } from "../../container/container.ts";
import { rate } from "../../guard/rate.ts";
import { classOf } from "../../guard/title.ts";
import type { Channel } from "../interface.ts";
import type { ChannelIo, Served } from "../io.ts";
import { framed, type Pixels } from "./picture.ts";
import { shortLine } from "../../base/text.ts";

/** What the agent says about an icon. Its texts come from the container. */
export type TrayLine =
  | { ask: "icon"; id: number; title: string; status: "Passive" | "Active"; isMenu: boolean; menu: MenuEntry[] }
  | ({ ask: "pixels"; id: number } & Pixels)
  | { ask: "no-icon"; id: number };

export interface MenuEntry {
  id: number;
  /** A separator has none. */
  label?: string;
  enabled: boolean;
  toggle: "checkmark" | "radio" | "";
  /** Whether it is checked. */
  on: boolean;
  menu: MenuEntry[];
}

/** The largest side of an icon, in pixels. */
const maxIconSide = 48;
const maxEntries = 30;
const maxMenuDepth = 2;

const maxIcons = 8;
/** The rate of new icons. */
const bearable = { perSecond: 0.1, burst: 16 };
/** The pause between two updates of the panel, in milliseconds. */
const pauseMs = 500;
const maxTitle = 160;
const maxWaitingLines = 100;
/** The distribution's own Python: another one on $PATH lacks gi. */
const python = "/usr/bin/python3";

export const channel: Channel<TrayLine> = {
  agent: { parts: [trayPy] },
  session: { parts: [traySh] },
  whyNot: async (host) => await hasTray(host) ? undefined : "this desktop has no tray",
  asks: {
    icon({ title, status, isMenu, menu }, id) {
      if (typeof title !== "string") return undefined;
      return {
        ask: "icon",
        id,
        title,
        status: status === "Passive" ? status : "Active",
        // An icon may be nothing but a menu.
        isMenu: isMenu === true,
        menu: menuIn(menu, { left: maxEntries }),
      };
    },
    pixels(line, id) {
      const pixels = pixelsIn(line);
      return pixels && { ask: "pixels", id, ...pixels };
    },
    "no-icon": (_line, id) => ({ ask: "no-icon", id }),
  },
  serve: createTray,
};

/** The pixels in a line; undefined unless they fit its size exactly. */
function pixelsIn({ width, height, argb }: Readonly<Record<string, unknown>>): Pixels | undefined {
  const isSide = (side: unknown): side is number =>
    Number.isInteger(side) && side as number > 0 && side as number <= maxIconSide;
  if (!isSide(width) || !isSide(height) || typeof argb !== "string") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(argb);
    return bytes.length === width * height * 4 ? { width, height, argb: bytes } : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of a menu and of those in it, up to the number that is left. */
function menuIn(value: unknown, all: { left: number }, depth = maxMenuDepth): MenuEntry[] {
  if (!Array.isArray(value) || depth === 0) return [];
  return value.flatMap((given): MenuEntry[] => {
    const { id, label, enabled, toggle, on, menu } = (given ?? {}) as Record<string, unknown>;
    if (all.left === 0 || !Number.isInteger(id)) return [];
    all.left--;
    return [{
      id: id as number,
      ...typeof label === "string" ? { label } : {},
      enabled: enabled === true,
      toggle: toggle === "checkmark" || toggle === "radio" ? toggle : "",
      on: on === true,
      menu: menuIn(menu, all, depth - 1),
    }];
  });
}

async function hasTray(host: Pick<Host, "run">): Promise<boolean> {
  const bus = ["--dest=org.freedesktop.DBus", "--object-path=/org/freedesktop/DBus"];
  const method = ["--method=org.freedesktop.DBus.NameHasOwner", "org.kde.StatusNotifierWatcher"];
  const options = { okCodes: "any", looksOnly: true, timeoutMs: 3_000 } as const;
  const answer = await host.run(["gdbus", "call", "--session", ...bus, ...method], options).catch(() => undefined);
  return answer?.stdout.trim() === "(true,)";
}

/** An icon that the agent has announced. */
interface Icon {
  /** Its unique number for panel.py. */
  number: number;
  line: Extract<TrayLine, { ask: "icon" }>;
  pixels?: Pixels;
  menu: ShownMenu;
}

/**
 * Makes the tray of a run. The agent is told what the user does with an icon, and when the tray is over.
 *
 * @param options `pause`: waits between two updates of the panel
 */
export function createTray(
  container: Pick<Container, "host" | "label" | "mounts">,
  { send, closing, now, pause = () => delay(pauseMs) }: Pick<ChannelIo, "send" | "closing" | "now"> & {
    pause?: () => Promise<void>;
  },
): Served<TrayLine> {
  const { host, label } = container;
  const icons = new Map<number, Icon>();
  /** What panel.py is to be told of icons, by their numbers. */
  const changes = new Map<number, (colour: string) => unknown>();
  const mayAppear = rate(bearable, now);
  const ended = new AbortController();
  const over = AbortSignal.any([closing, ended.signal]);
  const tellOver = (): unknown => over.aborted && send({ tray: false });
  over.addEventListener("abort", tellOver, { once: true });
  let lastNumber = 0;
  let isPaused = false;
  let tell: ReturnType<typeof startTray> | undefined;

  const warn = onceEach(host.ui.warn);
  const onEnd = (why: string): void => {
    if (over.aborted) return;
    warn(`Apps cannot use the tray: ${why}`);
    ended.abort();
  };

  const show = async (): Promise<void> => {
    const { colour } = await borderOf(container);
    if (over.aborted) return;
    tell ??= startTray(container, { signal: over, onLine: (text) => sendAction(text, icons, send), onEnd });
    for (const change of changes.values()) tell(change(colour));
    changes.clear();
  };

  /** Shows what has changed: at once, or after the pause that follows the last update. */
  const update = async (): Promise<void> => {
    if (changes.size === 0 || isPaused || over.aborted) return;
    isPaused = true;
    pause().then(() => {
      isPaused = false;
      update();
    });
    await show().catch((error) => onEnd((error as Error).message));
  };

  const open = (line: Icon["line"]): Icon | undefined => {
    const isFull = icons.size >= maxIcons;
    if (isFull || !mayAppear()) {
      const what = isFull ? `more than ${maxIcons} icons for the tray` : "new icons for the tray too often";
      warn(`"${label}" has ${what}: not all are shown`);
      return undefined;
    }
    const icon = { number: ++lastNumber, line, menu: emptyMenu(label) };
    icons.set(line.id, icon);
    return icon;
  };
  const remove = (id: number): void => {
    const { number } = icons.get(id)!;
    icons.delete(id);
    changes.set(number, () => ({ icon: number, gone: true }));
  };
  return {
    isOver: () => over.aborted,
    ready: tellOver,
    take(line) {
      if (over.aborted) return;
      const icon = icons.get(line.id) ?? (line.ask === "icon" ? open(line) : undefined);
      if (!icon) return;
      changes.set(icon.number, (colour) => shownIcon(icon, label, colour));
      if (line.ask === "no-icon") remove(line.id);
      else if (line.ask === "pixels") icon.pixels = line;
      else Object.assign(icon, { line, menu: nextMenu(icon.menu, line.menu) });
      update();
    },
    gone() {
      for (const id of [...icons.keys()]) remove(id);
      update();
    },
    end: () => ended.abort(),
  };
}

/** Tells the agent what the user does, by a line of panel.py. */
function sendAction(text: string, icons: ReadonlyMap<number, Icon>, send: ChannelIo["send"]): void {
  const { icon: number, do: action, item, show } = parseTable(text) ?? {};
  const [id, icon] = [...icons].find(([, icon]) => icon.number === number) ?? [];
  if (!icon) return;
  if (action !== undefined) send({ tray: id, do: action });
  const clicked = icon.menu.entries.get(item as number);
  if (clicked?.enabled && clicked.menu.length === 0) send({ tray: id, item: clicked.id });
  const opened = show === 0 ? show : icon.menu.entries.get(show as number)?.id;
  if (opened !== undefined) send({ tray: id, show: opened });
}

/** The line for panel.py that shows an icon. */
function shownIcon({ number, line, pixels, menu }: Icon, label: string, colour: string): unknown {
  const title = withoutMarkup(`[${label}] ${line.title}`, maxTitle);
  const { status, isMenu } = line;
  return { icon: number, title, status, isMenu, pixels: framed(pixels, colour).toBase64(), menu: menu.shown };
}

/**
 * Starts panel.py, until `signal` aborts. `onEnd` is called with the reason if it ends before.
 *
 * @returns a function that sends it a line
 */
function startTray(
  { host, label }: Pick<Container, "host" | "label">,
  { signal, onLine, onEnd }: { signal: AbortSignal; onLine: (text: string) => void; onEnd: (why: string) => void },
): (message: unknown) => void {
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const words = ["-I", "-c", interfaceSource + trayScript, classOf(label, "tray")];
  const running = host.start(["setpriv", "--pdeathsig", "TERM", python, ...words], {
    detached: true,
    stdin: { bytes: input.readable },
    output: { line: onLine },
  });
  signal.addEventListener("abort", () => running.kill("SIGTERM"), { once: true });
  running.ended.then(({ code, stderr }) => {
    const isMissing = code === ExitCode.missingProgram || stderr.includes("No module named 'gi'");
    const lacksGi = `this host lacks Python's gi. ${installHint("gi")}`;
    onEnd(isMissing ? lacksGi : `panel.py has ended with exit status ${code}`);
  });
  return (message) => {
    if ((writer.desiredSize ?? 0) < -maxWaitingLines) onEnd("panel.py has stopped reading");
    else void writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`)).catch(() => {});
  };
}

interface ShownMenu {
  /** The entries for panel.py. */
  shown: readonly unknown[];
  /** The app's entries, by the panel's ids. */
  entries: ReadonlyMap<number, MenuEntry>;
  /** The panel's ids, by the app's id and label. */
  ids: ReadonlyMap<string, number>;
  lastId: number;
}

const maxLabel = 60;

/** The menu of an icon before its app has described it: it says whose icon that is. */
function emptyMenu(container: string): ShownMenu {
  const title = { ...shownItem(`[${container}]`), id: 1, enabled: false };
  return { shown: [title, { id: 2, separator: true }], entries: new Map(), ids: new Map(), lastId: 2 };
}

/**
 * The menu after a change. An item keeps its panel's id as long as the app keeps its id and label, and no other item
 * ever gets that id: a panel may still show the old menu.
 */
function nextMenu({ shown, ids, lastId }: ShownMenu, given: readonly MenuEntry[]): ShownMenu {
  const next = { entries: new Map<number, MenuEntry>(), ids: new Map<string, number>(), lastId };
  const add = (entry: MenuEntry): unknown[] => {
    const key = `${entry.id} ${entry.label ?? ""}`;
    if (next.ids.has(key)) return [];
    const id = ids.get(key) ?? ++next.lastId;
    next.ids.set(key, id);
    next.entries.set(id, entry);
    if (entry.label === undefined) return [{ id, separator: true }];
    const { enabled, toggle, on, menu } = entry;
    // Mnemonics are left out.
    const label = entry.label.replace(/_(_?)/g, "$1");
    return [{ ...shownItem(label), id, enabled, toggle, on, menu: menu.flatMap(add) }];
  };
  const added = given.flatMap(add);
  return { ...next, shown: [...shown.slice(0, 2), ...added] };
}

/** One line in which a panel finds no markup. */
function withoutMarkup(text: string, max: number): string {
  const alike: Readonly<Record<string, string>> = { "<": "‹", ">": "›", "&": "＆" };
  return shortLine(text, max).replace(/[<>&]/g, (character) => alike[character]!);
}

function shownItem(label: string): Record<string, unknown> {
  // A single underscore would make the next letter a mnemonic.
  return { label: withoutMarkup(label, maxLabel).replaceAll("_", "__"), toggle: "", on: false, menu: [] };
}
