// Links of one container that open in another one: in the session in which its browser runs, in a copy of it, and where
// the user chooses. Both containers are real, and so are the runs of attach.ts by which links go from one to the other.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnIncus, testOnOneEngine } from "./sessions.ts";
import { desktop, waylandParts, windows } from "./wayland_desktop.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const chatOn = (engine: EngineName): string => `e2e-chat-${engine}`;
const webOn = (engine: EngineName): string => `e2e-web-${engine}`;

/** A browser: one process, in whose window each address is the title that came last; a second run hands its own over. */
const browser = `#!/bin/sh
printf '%s\\n' "$1" >>"$HOME/share/opened"
mkdir "$XDG_RUNTIME_DIR/browsing" 2>/dev/null || exit 0
trap 'rmdir "$XDG_RUNTIME_DIR/browsing"' EXIT
if [ "$WAYLAND_DISPLAY" ]; then foot -T "browser $1" sleep 600; else xterm -T "browser $1" -e sleep 600; fi
`;

const entry = `[Desktop Entry]
Type=Application
Name=Browser
Exec=/usr/local/bin/my-browser %u
MimeType=text/html;x-scheme-handler/http;x-scheme-handler/https;
`;

/** It is there when the container is made: copies are of that. */
const cloudInit = `#cloud-config
disable_root: true
write_files:
${
  [
    { path: "/usr/local/bin/my-browser", content: browser, permissions: "0755" },
    { path: "/usr/share/applications/my-browser.desktop", content: entry },
    {
      path: "/etc/xdg/mimeapps.list",
      content: "[Default Applications]\nx-scheme-handler/https=my-browser.desktop\n",
    },
  ].map((file) => `  - ${JSON.stringify(file)}\n`).join("")
}`;

shareOnEngines({
  make: async (engine) => {
    await Promise.all([makeContainer(engine, chatOn(engine)), makeContainer(engine, webOn(engine), cloudInit)]);
  },
  remove: async (engine) => {
    for (const name of [chatOn(engine), webOn(engine)]) {
      await script("attach", engine, ["--stop", name, "--all"]);
      await nothingLeft(engine, name);
      await removeContainer(engine, name);
    }
  },
});

/** An app that opens a link, and stays. */
const chatting = (address: string): string => `sh -c 'xdg-open "$0"; exec sleep 600' '${address}'`;

/** A link takes two runs of attach.ts, and maybe a copy of a container, on a machine that may have much else to do. */
const slow = { timeoutMs: 120_000 };

/** The titles of the windows on a display. */
async function titles(env: Record<string, string>): Promise<string[]> {
  if (env["WAYLAND_DISPLAY"] !== undefined) return (await windows(env)).map(({ name }) => name);
  return (await sh(["sh", "-c", "xdotool search --onlyvisible --name . getwindowname %@ || true"], { env }))
    .split("\n");
}

/** Has an app of the chat open links in the other container, on a display. */
async function opensElsewhere(engine: EngineName, env: Record<string, string>): Promise<void> {
  const [chat, web] = [chatOn(engine), webOn(engine)];
  const opened = (): Promise<string> => Deno.readTextFile(join(mountsRoot, web, "share", "opened")).catch(() => "");
  const sessions = async (): Promise<string[]> =>
    (JSON.parse((await script("attach", engine, ["--json", "--list", web])).stdout) as { session: string }[])
      .map(({ session }) => session);
  const shown = async (title: RegExp): Promise<boolean> => (await titles(env)).some((one) => title.test(one));
  await sh(["rm", "-f", join(mountsRoot, web, "share", "opened")]);
  const first = "http://example.org/a%20b?q=--preset=trusted";
  let said = "";
  const attach = startScript("attach", engine, [
    ...["--allow=links", `--links-to=${web}`, "--session=chat", chat, chatting(first)],
  ], { env, output: { line: (line) => said += `${line}\n` } });
  try {
    await eventually("the session", () => Promise.resolve(said.includes(`links; links open in "${web}"`)), slow);
    await eventually(
      "the browser's window",
      () => shown(new RegExp(`^\\[${web}\\] browser http://example\\.org/a`)),
      slow,
    );
    // A second one joins the session of the browser, whose channels are others than those of the chat.
    await inSession(engine, chat, "chat", "xdg-open 'http://example.org/$(touch%20x);*'");
    const both = `${first}\nhttp://example.org/$(touch%20x);*\n`;
    await eventually("the second link", async () => (await opened()) === both, slow);
    assertEquals(await sessions(), ["my-browser"]);
    assertEquals(said.includes("was not done"), false, said);
  } finally {
    attach.kill("SIGINT");
    await attach.ended;
    for (const name of [chat, web]) await script("attach", engine, ["--stop", name, "--all"]);
  }
}

testOnOneEngine(
  "a link of a container opens in another one, in the session of its browser",
  needed,
  (engine) => opensElsewhere(engine, {}),
);

testOnIncus(
  "a link of a container opens in another one on Wayland, in the session of its browser",
  [...needed, ...waylandParts],
  (engine) => opensElsewhere(engine, desktop()),
);

testOnOneEngine(
  "the settings have a link open in a copy, which is gone with its window and opens no links itself",
  needed,
  async (engine) => {
    const [chat, web] = [chatOn(engine), webOn(engine)];
    const config = await Deno.makeTempDir();
    const env = { XDG_CONFIG_HOME: config };
    await Deno.mkdir(join(config, "gui-container"), { mode: 0o700 });
    const settings = `containers:\n  - name: ${chat}\n    allow: [links]\n    links: disposable:${web}\n`;
    await Deno.writeTextFile(join(config, "gui-container/config.yaml"), settings, { mode: 0o600 });
    let said = "";
    const attach = startScript("attach", engine, ["--session=chat", chat, chatting("https://example.org/once")], {
      env,
      output: { line: (line) => said += `${line}\n` },
    });
    try {
      const { stdout } = await script("attach", engine, ["--settings", chat], { env });
      assertStringIncludes(stdout, `links\tdisposable:${web}\t`);
      await eventually("the session", () => Promise.resolve(said.includes(`; links open in a copy of "${web}"`)), slow);
      const copy = await eventually("the window of a copy", async () => {
        const title = (await titles({})).find((one) => one.endsWith(" browser https://example.org/once"));
        return new RegExp(`^\\[(${web}-d[0-9a-f]{5})\\] `).exec(title ?? "")?.[1];
      }, slow);
      const [live] = JSON.parse((await script("attach", engine, ["--json", "--list", copy])).stdout);
      assertEquals([live.session, live.channels.includes("links")], ["my-browser", false]);
      await inContainer(engine, copy, "pkill xterm");
      await eventually("the end of the copy", async () => {
        const all = JSON.parse(await sh([engine, "query", "/1.0/instances?recursion=1"])) as { name: string }[];
        return !all.some(({ name }) => name === copy);
      }, slow);
    } finally {
      attach.kill("SIGINT");
      await attach.ended;
      await script("attach", engine, ["--stop", chat, "--all"]);
      await Deno.remove(config, { recursive: true });
    }
  },
);
