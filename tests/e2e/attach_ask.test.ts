// Consent: a user who is asked for each link, file and notification, by an honest container and by one that floods and
// hides; and single texts that the user carries while the clipboard is closed. On a display of the test's own.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { exists } from "../../lib/base/files.ts";
import { runProcess } from "../../lib/base/process.ts";
import { assertRefused } from "../unit/refusals.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { agentPath, inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { noting, standIns } from "./stand_ins.ts";
import { desktop } from "./wayland_desktop.ts";
import { windowWith, withDisplay, xWindows } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines, testPart } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-ask-${engine}`;

/**
 * Makes the container's xpra send what is in the file "packets" of the share, at the next repaint. Bytes begin with
 * "b:".
 */
const replaceXpra = `
cd "$(python3 -c 'import os, xpra; print(os.path.dirname(xpra.__file__))')"
sed -i '/^    def damage(self, wid/a\\        send_packets(self)' server/source/window.py
cat >>server/source/window.py <<'EOF2'


def send_packets(source):
    import json, os
    try:
        with open("/home/ubuntu/share/packets") as file:
            packets = json.load(file)
        os.unlink("/home/ubuntu/share/packets")
    except OSError:
        return
    for packet in packets:
        source.send(*(item[2:].encode() if isinstance(item, str) and item.startswith("b:") else item for item in packet))
EOF2
grep -q 'send_packets(self)' server/source/window.py
`;

/** In place of zenity: notes what is asked, and answers as the file "answer" says, not sooner than a person. */
const fakeZenity = (directory: string): string =>
  `#!/bin/sh
[ "$1" != --version ] || exit 0
exec 9>>'${directory}/turn'
flock -n 9 || : >'${directory}/two-at-once'
# The test writes the next answer as soon as it finds the question.
answer=$(cat '${directory}/answer')
for word; do
  case $word in --text=*) printf '%s\\0' "\${word#--text=}" >>'${directory}/asked' ;; esac
done
case $answer in
once) sleep 3.1; echo 'Allow once'; exit 1 ;;
session) sleep 3.1; echo 'Allow for this session'; exit 1 ;;
never) exit 0 ;;
esac
exit 1
`;

/** A session that is shown to a user who is asked. */
interface Shown {
  engine: EngineName;
  /** The display of the test. */
  env: { DISPLAY: string };
  /** Runs a shell script in the session. */
  inside(shell: string): Promise<string>;
  /** Has xpra's server send these packets. */
  send(...packets: unknown[][]): Promise<void>;
  /** Answers the next questions in this way. */
  answer(answer: "once" | "session" | "no" | "never"): Promise<void>;
  /** What was asked so far. */
  asked(): Promise<string[]>;
  /** What was opened, and notified of. */
  opened(): Promise<string>;
  downloads: string;
  /** The names of what was saved there. */
  saved(): string[];
  /** What attach.ts has said so far. */
  said(): string;
}

/**
 * The app: a terminal whose selection is the clipboard, and a clock that repaints each second. With -wf, what it prints is
 * not wrapped after one character: without it, xterm starts its program while its window is still that small, and xpra's
 * server takes its time to enlarge it when it has just started.
 */
const app = `sh -c 'xclock -update 1 & exec xterm -wf -T typing -xrm "XTerm*selectToClipboard: true" \
-e sh -c "echo carriedword; exec cat >share/typed"'`;

/** Shows the session, and starts it first if there is none. Detaches at the end. */
async function showing(
  engine: EngineName,
  { dialogs }: { dialogs: "fake" | "real" },
  action: (shown: Shown) => Promise<void>,
): Promise<void> {
  const name = nameOn(engine);
  await using host = await standIns((directory) => ({
    ...(dialogs === "fake" ? { zenity: fakeZenity(directory) } : {}),
    ...noting(directory, "xdg-open", "notify-send"),
  }));
  await host.write("answer", "no");
  const live = JSON.parse((await script("attach", engine, ["--json", "--list", name])).stdout).length > 0;
  await withDisplay(async (display) => {
    let said = "";
    const attach = startScript("attach", engine, [
      ...["--preset=isolated", "--ask=links,files,notifications", "--session=ask", name, ...(live ? [] : [app])],
    ], {
      env: { ...display, ...host.env },
      output: { line: (line) => said += `${line}\n` },
    });
    try {
      await windowWith(`\\[${name}\\] typing`, { env: display });
      await action({
        engine,
        env: display,
        inside: (shell) => inSession(engine, name, "ask", shell),
        async send(...packets) {
          const share = join(mountsRoot, name, "share");
          await Deno.writeTextFile(join(share, "new"), JSON.stringify(packets));
          await Deno.rename(join(share, "new"), join(share, "packets"));
        },
        answer: (answer) => host.write("answer", answer),
        asked: async () => (await host.read("asked")).split("\0").slice(0, -1),
        opened: () => host.read("told"),
        downloads: host.downloads,
        saved: host.saved,
        said: () => said,
      });
      assert(!await exists(join(host.directory, "two-at-once")), "two at once");
    } finally {
      attach.kill("SIGINT");
      await attach.ended;
    }
  });
}

/** Waits until so many questions were asked. Returns the last one. */
async function question({ asked }: Shown, count: number): Promise<string> {
  return (await eventually(`question ${count}`, async () => {
    const all = await asked();
    return all.length >= count && all;
  }))[count - 1]!;
}

shareOnEngines({
  make: async (engine) => {
    await makeContainer(engine, nameOn(engine));
    await sh([engine, "exec", nameOn(engine), "--", "/bin/sh", "-ec", replaceXpra]);
  },
  remove: async (engine) => {
    await script("attach", engine, ["--stop", nameOn(engine), "--all"]);
    await nothingLeft(engine, nameOn(engine));
    await removeContainer(engine, nameOn(engine));
  },
});

testOnOneEngine(
  "attach.ts --ask opens a link and saves a file of an app after a yes, and not after a no",
  needed,
  async (engine) => {
    await showing(engine, { dialogs: "fake" }, async (shown) => {
      const { inside, answer, opened, downloads, saved } = shown;
      await eventually(
        "the line",
        () => Promise.resolve(shown.said().includes("Open channels: none; asks: notifications, links, files\n")),
      );
      await inside("head -c 300000 /dev/urandom >'share/an offer.bin'");

      await inside("xdg-open 'http://example.org/no?a=1&b=<i>'");
      assertEquals(
        await question(shown, 1),
        `The container "${
          nameOn(engine)
        }" asks to open a link. You can answer yes after 3 seconds.\n\nHost: example.org\n` +
          "Address: http://example.org/no?a=1&b=%3Ci%3E",
      );
      await inside("xdg-open 'share/an offer.bin'");
      assertStringIncludes(
        await question(shown, 2),
        "asks to save a file among your downloads. You can answer yes after 3 seconds.\n\n" +
          "Name: an offer.bin\nSize: 300000 bytes",
      );
      await answer("once");
      await inside("xdg-open http://example.org/yes");
      await eventually("the link", async () => (await opened()) === "http://example.org/yes\n");
      await inside("xdg-open 'share/an offer.bin'");
      await eventually("the file", () => Promise.resolve(saved().length === 1));
      await eventually("all of it", async () => {
        const [here, there] = [join(downloads, saved()[0]!), join(mountsRoot, nameOn(engine), "share", "an offer.bin")];
        return (await Deno.readFile(here)).length === 300_000 && await sh(["cmp", here, there]) === "";
      });
      await answer("session");
      await inside("notify-send 'a note' 'with <b>text</b>'");
      assertMatch(await question(shown, 5), /\n\nTitle: a note\nText: with <b>text<\/b>$/);
      assertStringIncludes(await question(shown, 6), "show a notification as often as it likes until attach.ts ends?");
      await eventually("the notification", async () => (await opened()).includes("a note with &lt;b&gt;"));
      await inside("notify-send 'another note'");
      await eventually("the notification", async () => (await opened()).includes("another note"));
      assertEquals([(await shown.asked()).length, saved()], [6, ["an offer.bin"]]);

      // The user closes a channel, and is not asked any more.
      const denied = await script("attach", engine, ["--deny", nameOn(engine), "links"]);
      assertEquals([denied.code, denied.stdout], [0, "ask: links\n"], denied.stderr);
      await inside("xdg-open http://example.org/denied");
      await inside("notify-send 'a last note'");
      await eventually("the notification", async () => (await opened()).includes("a last note"));
      assertEquals([(await shown.asked()).length, (await opened()).includes("denied")], [6, false]);
    });
  },
);

/** What each Python of the container's user does first: it takes the place of the agent, and says what the test tells it. */
const hostileAgent = `
import os, re, sys
if any(re.search("${agentPath}", word) for word in getattr(sys, "orig_argv", [])):
    import threading, time
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        try:
            with open("/home/ubuntu/share/lines") as file: text = file.read()
            os.unlink("/home/ubuntu/share/lines")
            os.write(1, text.encode())
        except OSError: time.sleep(0.05)
`;

testOnOneEngine(
  "attach.ts --ask: a hostile container cannot flood its user, hide its words, or do without an answer",
  needed,
  async (engine, context) => {
    const name = nameOn(engine);
    const share = join(mountsRoot, name, "share");
    const site = "python3 -m site --user-site";
    const inside = (shell: string): Promise<unknown> => inContainer(engine, name, shell, hostileAgent);
    await inside(`site=$(${site}); mkdir -p "$site"; printf %s "$1" >"$site/usercustomize.py"`);
    try {
      await showing(engine, { dialogs: "fake" }, async (shown) => {
        const { send, answer, opened, said } = shown;
        const say = async (...lines: unknown[]): Promise<void> => {
          await eventually(
            "an agent that listens",
            () => Deno.stat(join(share, "lines")).then(() => false, () => true),
          );
          await Deno.writeTextFile(join(share, "new lines"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
          await Deno.rename(join(share, "new lines"), join(share, "lines"));
        };
        const refusal = (words: string): Promise<unknown> =>
          eventually(words, () => Promise.resolve(said().includes(words)));
        await Deno.writeTextFile(join(share, "offer"), "abc");
        const file = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
          ask: "file",
          id: 1,
          name,
          path: "/home/ubuntu/share/offer",
          size: 3,
          ...more,
        });
        const link = (url: string): unknown => ({ ask: "link", id: 0, url });
        await testPart(context, "a file's name is asked for as it will be, and its print job not at all", async () => {
          await say(file("invoice\u202efdp.exe"), { id: 1, printed: true }, { ...file("x.pdf"), ask: "print" });
          assertStringIncludes(await question(shown, 1), "Name: invoicefdp.exe_\nSize: 3 bytes");
        });
        await testPart(context, "another file than the one that was agreed to does not come", async () => {
          await answer("once");
          await say(file("good.pdf"));
          await question(shown, 2);
          await Deno.writeTextFile(join(share, "offer"), "something else");
          await refusal("failed: a file is larger than announced");
          await say(file("shadow", { path: "/etc/shadow" }));
          await refusal("failed: a file cannot be read");
        });
        await testPart(context, "what the user never wants to hear of is not asked again", async () => {
          await answer("never");
          const notification = { ask: "notify", id: 1, summary: "flood", body: "" };
          await say(notification);
          assertStringIncludes(await question(shown, 4), "Title: flood");
          await say(notification, notification);
          await refusal("failed: you have closed the channel");
        });
        await testPart(context, "an address is shown whole, with its host, or not opened", async () => {
          await answer("no");
          await say(
            link(`https://long.example/${"x".repeat(2000)}`),
            link("https://bank.example@evil.example/\u202e\\101<b>\u200b"),
          );
          assertMatch(
            await question(shown, 5),
            /\n\nHost: evil\.example\nAddress: https:\/\/bank\.example@evil\.example\/%E2%80%AE\/101%3Cb%3E%E2%80%8B$/,
          );
          await refusal("failed: it is too long to be shown whole");
        });
        await testPart(context, "of a flood a few are asked", async () => {
          await say(...Array.from({ length: 1000 }, (_, number) => link(`https://flood.example/${number}`)));
          await question(shown, 6);
          await new Promise((resolve) => setTimeout(resolve, 1_500));
          const asked = await shown.asked();
          assert(asked.length <= 9, asked.join("\n"));
        });
        await testPart(
          context,
          "by xpra there is no way, whatever its server sends, and the session is shown",
          async () => {
            await send(
              ["open-url", "https://flood.example/", ""],
              ["notify_show", "", 1, "app", 0, "", "flood", "", 1000, "", [], {}],
              ["send-data-request", "file", "id1", "a.pdf", "application/pdf", 3, false, true, {}],
              ["send-file", "a.pdf", "application/pdf", false, false, 3, "b:abc", {}, "id1"],
            );
            for (const type of ["open-url", "notify_show", "send-data-request", "send-file"]) {
              await refusal(`"${type}", which is dropped: `);
            }
            assertEquals([await opened(), shown.saved()], ["", []]);
            await windowWith(`\\[${name}\\] typing`, { env: shown.env });
          },
        );
      });
    } finally {
      await inside(`rm "$(${site})/usercustomize.py"`);
    }
  },
);

testOnOneEngine(
  'attach.ts --ask: in a real dialog, Enter is a no, a click on "Allow once" opens the link, and Tab leads to a no; --copy and --paste carry one text each',
  needed,
  async (engine) => {
    await showing(engine, { dialogs: "real" }, async ({ env, inside, opened, said }) => {
      const ask = async (url: string): Promise<string> => {
        await inside(`xdg-open ${url}`);
        return await windowWith("gui-container: may ", { env });
      };
      const press = (window: string, ...keys: string[]): Promise<unknown> =>
        xdotool(env, "windowactivate", "--sync", window, "key", ...keys);
      const isOver = async (): Promise<boolean> => (await xWindows("gui-container: may", { env })).length === 0;
      // From then on, a yes would count.
      const laterOn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3_200));

      const first = await ask("http://example.org/enter");
      await laterOn();
      await trying("the end of the dialog", () => press(first, "Return"), isOver);
      const second = await ask("http://example.org/click");
      await laterOn();
      await trying("the link", async () => {
        const geometry = (await xdotool(env, "getwindowgeometry", "--shell", second)).stdout;
        const [width, height] = ["WIDTH", "HEIGHT"].map((key) =>
          Number(new RegExp(`${key}=(\\d+)`).exec(geometry)?.[1])
        );
        // The third of the five buttons in a row, each with a margin of 12.
        const button = [`${Math.round(width! * 0.5)}`, `${height! - 52}`];
        await xdotool(env, "mousemove", "--window", second, ...button, "click", "1");
      }, async () => await opened() !== "");
      // A Tab that gets lost leaves the space on another no: then the question is asked again.
      await eventually("a refusal", async () => {
        await inside("xdg-open http://example.org/tab");
        const third = await windowWith("gui-container: may ", { env, timeoutMs: 2_000 }).catch(() => undefined);
        if (third !== undefined) {
          await laterOn();
          await press(third, "Tab", "space");
        }
        return said().includes("failed: you have closed the channel");
      });
      assertEquals(await opened(), "http://example.org/click\n");
      await carryTexts(engine, { env, inside });
    });
  },
);

/** Acts, once more every few seconds since a key or a click can get lost, until `isDone`. */
async function trying(what: string, act: () => Promise<unknown>, isDone: () => Promise<boolean>): Promise<void> {
  await eventually(what, async () => {
    await act();
    return await eventually(what, isDone, { timeoutMs: 3_000 }).catch(() => false);
  });
}

/** Runs xdotool, also on a window that has just gone. */
function xdotool(env: Record<string, string>, ...words: string[]): Promise<ProcessResult> {
  return runProcess(["timeout", "3", "xdotool", ...words], { okCodes: "any", env });
}

/**
 * Carries a text of the host into the terminal, and a word of the terminal to the host, and nothing that is hostile.
 */
async function carryTexts(engine: EngineName, { env, inside }: Pick<Shown, "env" | "inside">): Promise<void> {
  const name = nameOn(engine);
  const window = await windowWith(`\\[${name}\\] typing`, { env });
  await setClipboard(env, "it's \x1b[31m$pasted\n");
  const paste = await script("attach", engine, ["--paste", name], { env });
  assertEquals([paste.stdout, paste.stderr], [
    `17 characters (text/plain) put on the clipboard of ${name} for a minute; left out: 1 that cannot be seen\n`,
    "",
  ]);
  // What offers it ends after a minute.
  assertEquals(await inside("systemctl --user show --property=RuntimeMaxUSec --value 'run-*.scope'"), "1min");
  const typed = join(mountsRoot, name, "share", "typed");
  await trying(
    "the text in the terminal",
    () => xdotool(env, "windowactivate", "--sync", window, "key", "--clearmodifiers", "shift+Insert"),
    async () => (await Deno.readTextFile(typed)).startsWith("it's [31m$pasted\n"),
  );

  await trying(
    "a selection",
    () => xdotool(env, "mousemove", "--window", window, "30", "9", "click", "--repeat", "2", "1"),
    async () => await clipboardInside(inside) === "carriedword",
  );
  assertEquals(await clipboard(env), "it's \x1b[31m$pasted\n");
  const copy = await script("attach", engine, ["--json", "--copy", name], { env });
  assertEquals([copy.stderr, JSON.parse(copy.stdout)], ["", {
    container: name,
    type: "text/plain",
    characters: 11,
    leftOut: 0,
  }]);
  assertEquals(await clipboard(env), "carriedword");

  // A container that answers without an end, and one that says it is on Wayland.
  const install = "cat >/usr/local/bin/xclip && chmod 755 /usr/local/bin/xclip";
  await sh([engine, "exec", name, "--", "sh", "-c", install], { stdin: { text: "#!/bin/sh\nexec yes\n" } });
  const endless = await script("attach", engine, ["--copy", name], { env });
  assertRefused(endless, { code: 1, names: ["clipboard", `"${name}"`, "1 MiB"] });
  assertEquals(await clipboard(env), "carriedword");
  await sh([engine, "exec", name, "--", "rm", "/usr/local/bin/xclip"]);
  await inside('touch "$RUNTIME_DIRECTORY/ready"');
  const wayland = await script("attach", engine, ["--copy", name], { env });
  await inside('rm "$RUNTIME_DIRECTORY/ready"');
  assertStringIncludes(wayland.stderr, `of "${name}" are not on a desktop of yours on this host`);
}

testOnOneEngine(
  "attach.ts --copy and --paste use the clipboard of a Wayland desktop",
  [...needed, "wayland"],
  async (engine) => {
    const name = nameOn(engine);
    const env = desktop();
    const inside = (shell: string): Promise<string> => inSession(engine, name, "ask", shell);
    await sh(["wl-copy", "of the desktop"], { env, output: "discard" });
    const paste = await script("attach", engine, ["--paste", name], { env });
    assertEquals(paste.code, 0, paste.stderr);
    assertEquals(await clipboardInside(inside), "of the desktop");
    await inside("printf 'of the app' | xclip -selection clipboard -in >/dev/null 2>&1");
    assertEquals((await script("attach", engine, ["--copy", name], { env })).code, 0);
    assertEquals(await sh(["wl-paste", "--no-newline"], { env }), "of the app");
  },
);

async function setClipboard(env: Record<string, string>, text: string): Promise<void> {
  await sh(["xclip", "-selection", "clipboard", "-in"], { stdin: { text }, output: "discard", env });
}

async function clipboard(env: Record<string, string>): Promise<string> {
  const argv = ["timeout", "2", "xclip", "-selection", "clipboard", "-out"];
  return (await runProcess(argv, { okCodes: "any", env })).stdout;
}

function clipboardInside(inside: (shell: string) => Promise<string>): Promise<string> {
  return inside("timeout 2 xclip -selection clipboard -out 2>/dev/null || true");
}
