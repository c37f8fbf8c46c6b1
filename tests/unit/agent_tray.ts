/** A tray, and icons for it, for tests. */

import { assert, assertEquals } from "@std/assert";
import type { MenuEntry } from "../../lib/attach/agent/requests.ts";
import { createTray, type Tray, type TrayLine } from "../../lib/attach/agent/tray.ts";
import type { ProcessResult } from "../../lib/base/errors.ts";
import type { Host } from "../../lib/base/host.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

/** What tray.py was told of an icon. */
interface Told {
  icon: number;
  gone?: true;
  title: string;
  pixels: string;
  menu: { id: number; label: string; menu: Told["menu"] }[];
}

/** A tray, what its program was told, and what the agent was. */
export function withTray({ isDeaf = false } = {}): {
  tray: Tray;
  told: Told[];
  sent: unknown[];
  said: string[];
  killed: string[];
  /** The user does something. */
  does: (line: unknown) => unknown;
  end: (result: Partial<ProcessResult>) => void;
  close: () => void;
  pass: (ms: number) => void;
  /** Ends the pause between two changes. */
  pause: () => void;
  /** Waits until tray.py was told so many times. */
  shown: (times: number) => Promise<void>;
} {
  const recording = recordingHost();
  const [told, sent, killed]: [Told[], unknown[], string[]] = [[], [], []];
  let does = (_line: unknown): unknown => undefined;
  const { promise: ended, resolve } = Promise.withResolvers<ProcessResult>();
  const host: Host = {
    ...recording.host,
    start(argv, { stdin, output } = {}) {
      assert(typeof stdin === "object" && "bytes" in stdin && typeof output === "object" && "bytes" in output);
      assertEquals(argv.slice(0, 4), ["setpriv", "--pdeathsig", "TERM", "/usr/bin/python3"]);
      does = (line) => output.bytes(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      if (isDeaf) return { pid: 1, ended, kill: (signal) => void killed.push(signal) };
      stdin.bytes.pipeThrough(new TextDecoderStream()).pipeTo(
        new WritableStream({
          write: (text) => void told.push(...text.trim().split("\n").map((line) => JSON.parse(line))),
        }),
      );
      return { pid: 1, ended, kill: (signal) => void killed.push(signal) };
    },
  };
  const closer = new AbortController();
  let time = 0;
  const pauses: (() => void)[] = [];
  const tray = createTray(localBox(host), {
    send: (message) => sent.push(message),
    closing: closer.signal,
    now: () => time,
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  return {
    ...{ tray, told, sent, killed, said: recording.said, does: (line) => does(line) },
    end: (result) => resolve({ argv: [], code: 1, signal: null, stdout: "", stderr: "", ...result }),
    close: () => closer.abort(),
    pass: (ms) => time += ms,
    pause: () => pauses.splice(0).forEach((end) => end()),
    async shown(times) {
      while (told.length < times) await wait(1);
    },
  };
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const item = (id: number, label: string, menu: MenuEntry[] = []): MenuEntry => ({
  ...{ id, label, enabled: true, toggle: "", on: false, menu },
});

export const icon = (id: number, title = "Mail", menu: MenuEntry[] = []): TrayLine => ({
  ...{ ask: "icon", id, title, status: "Active", isMenu: false, menu },
});
