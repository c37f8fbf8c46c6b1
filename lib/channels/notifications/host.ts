/**
 * The channel `notifications`. Titles begin with the container's name. Pictures, buttons and hints do not pass, nor
 * does markup, in which the host's desktop would show links and pictures.
 */

import notificationsPy from "./agent.py" with { type: "text" };
import { createQueue } from "../../base/promises.ts";
import { notify } from "../../base/desktop.ts";
import { shortLine } from "../../base/text.ts";
import { rate } from "../../guard/rate.ts";
import type { Channel } from "../interface.ts";

type Ask = { id: number; title: string; lines: string[] } | { id: number; title?: never };

/** How many notifications an app can replace or withdraw: the newest ones. */
const maxNotifications = 64;

/** How long the notification service may take to withdraw one, in milliseconds. */
const withdrawMs = 5_000;

const bearable = { perSecond: 1, burst: 20 };

export const channel: Channel<Ask> = {
  agent: { parts: [notificationsPy], busNames: ["org.freedesktop.Notifications"], interfaces: ["Notification"] },
  asks: {
    // Replaces the notification with the same id.
    notify({ summary, body }, id) {
      if (typeof summary !== "string" || typeof body !== "string") return undefined;
      const lines = body.slice(0, 4000).split("\n").slice(0, 40).map((each) => shortLine(each, 400));
      return { id, title: shortLine(summary, 200), lines };
    },
    withdraw: (_line, id) => ({ id }),
  },
  serve({ host, label }, io) {
    const [mayNotify, mayWithdraw] = [rate(bearable, io.now), rate(bearable, io.now)];
    /** The desktop's ids, by the container's: it cannot name notifications of others. */
    const ids = new Map<number, string>();
    const inOrder = createQueue();

    const show = async ({ id: own, title, lines }: Extract<Ask, { title: string }>): Promise<void> => {
      const texts = { title: `[${label}] ${title}`, body: lines.join("\n") };
      const before = ids.get(own);
      const options = ["--print-id", ...before === undefined ? [] : [`--replace-id=${before}`]];
      const { stdout } = await notify(host, texts, { options });
      ids.delete(own);
      const [id] = /^\d{1,10}$/m.exec(stdout) ?? [];
      if (id !== undefined) ids.set(own, id);
      for (const oldest of ids.keys()) if (ids.size > maxNotifications) ids.delete(oldest);
    };
    const withdraw = async ({ id: own }: Ask): Promise<void> => {
      const id = ids.get(own);
      if (id === undefined) return;
      ids.delete(own);
      const [name, path] = ["org.freedesktop.Notifications", "/org/freedesktop/Notifications"];
      const call = ["gdbus", "call", "--session", "--dest", name, "--object-path", path];
      const argv = [...call, "--method", `${name}.CloseNotification`, id];
      await host.run(argv, { okCodes: "any", timeoutMs: withdrawMs });
    };
    return {
      take: (ask) =>
        io.handle(ask.title === undefined ? mayWithdraw : mayNotify, async () => {
          if (ask.title !== undefined) {
            const details = [["Title", ask.title], ["Text", ask.lines.join(" ")]] as const;
            if (!await io.agreedTo({ channel: "notifications", what: "show a notification", details })) return false;
          }
          await inOrder(() => ask.title === undefined ? withdraw(ask) : show(ask));
          return true;
        }),
    };
  },
};
