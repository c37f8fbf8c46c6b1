// Links and files of one container that open in another one: in the session in which its browser or viewer runs, and in a
// copy of it. Both containers are real, and so are the runs of attach.ts by which these go from one to the other.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
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

/** A viewer likewise. It writes down what it is given, and puts another file in the place of one that is to be edited. */
const viewer = `#!/bin/sh
{ printf '%s\\n' "$1" && cat "$1"; } >>"$HOME/share/viewed" 2>/dev/null
if grep -q '^edit' "$1"; then { cat "$1"; echo changed; } >"$1.new"; mv "$1.new" "$1"; fi
mkdir "$XDG_RUNTIME_DIR/viewing" 2>/dev/null || exit 0
trap 'rmdir "$XDG_RUNTIME_DIR/viewing"' EXIT
if [ "$WAYLAND_DISPLAY" ]; then foot -T "viewer \${1##*/}" sleep 600; else xterm -T "viewer \${1##*/}" -e sleep 600; fi
exit 0
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
    { path: "/usr/local/bin/my-viewer", content: viewer, permissions: "0755" },
    {
      path: "/usr/share/applications/my-viewer.desktop",
      content: "[Desktop Entry]\nType=Application\nName=Viewer\nExec=my-viewer %f\nMimeType=application/pdf;\n",
    },
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

/** An app that has a file opened, and stays. */
const sending = (name: string, text: string): string =>
  `sh -c 'echo "$1" >"$0"; xdg-open "$0"; exec sleep 600' '${name}' '${text}'`;

/** What a run keeps for others: files that are on their way. */
async function onTheirWay(): Promise<string[]> {
  // Other runs have such directories, which come and go. Names alone: ls would find nothing of one that is renamed meanwhile.
  const paths = await sh(["sh", "-c", `printf '%s\\n' "$0"/.attach-*/file-*`, mountsRoot]);
  return paths.split("\n").filter((path) => path !== "" && !path.endsWith("/file-*"));
}

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
    assertEquals(said.includes("A request from"), false, said);
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
  waylandParts,
  async (engine) => {
    const [chat, web] = [chatOn(engine), webOn(engine)];
    const config = await Deno.makeTempDir();
    const env = { ...desktop(), XDG_CONFIG_HOME: config };
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
        const title = (await titles(env)).find((one) => one.endsWith(" browser https://example.org/once"));
        return new RegExp(`^\\[(${web}-d[0-9a-f]{5})\\] `).exec(title ?? "")?.[1];
      }, slow);
      const [live] = JSON.parse((await script("attach", engine, ["--json", "--list", copy])).stdout);
      assertEquals([live.session, live.channels.includes("links")], ["my-browser", false]);
      await inContainer(engine, copy, "pkill foot");
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

/** Has an app of the chat open files in the other container, on a display. */
async function opensFilesElsewhere(engine: EngineName, env: Record<string, string>): Promise<void> {
  const [chat, web] = [chatOn(engine), webOn(engine)];
  const viewed = (): Promise<string> => Deno.readTextFile(join(mountsRoot, web, "share", "viewed")).catch(() => "");
  const lent = async (): Promise<string[]> =>
    (await inContainer(engine, web, "cd /home/*/maps 2>/dev/null && ls */ | grep -v : || true")).split("\n").filter((
      name,
    ) => name !== "");
  await sh(["rm", "-f", join(mountsRoot, web, "share", "viewed")]);
  let said = "";
  const attach = startScript("attach", engine, [
    ...["--allow=files", `--files-to=${web}`, "--session=chat", chat, sending("first file.pdf", "one")],
  ], { env, output: { line: (line) => said += `${line}\n` } });
  try {
    // The app opens it before anything else.
    const title = new RegExp(`^\\[${web}\\] viewer first file\\.pdf`);
    const shown = async (): Promise<boolean> => (await titles(env)).some((one) => title.test(one));
    await eventually("the viewer's window", shown, slow);
    assertStringIncludes(said, `; files open in "${web}"`);
    // The viewer that runs shows the second one, and the one that was started for it ends at once.
    await inSession(engine, chat, "chat", "cd /tmp && echo two >b.pdf && xdg-open b.pdf");
    const maps = "/home/[a-z]+/maps/[0-9a-f]{10}";
    const both = new RegExp(`^${maps}/first file\\.pdf\\none\\n${maps}/b\\.pdf\\ntwo\\n$`);
    await eventually("the second file", async () => both.test(await viewed()), slow);
    assertEquals((await lent()).sort(), ["b.pdf", "first file.pdf"]);
    // What no app of the other one should run goes nowhere, and what was asked for goes on in the chat's own.
    await inSession(engine, chat, "chat", "cd /tmp && echo three >c.sh && xdg-open c.sh || true");
    await eventually(
      "the refusal",
      () => Promise.resolve(said.includes("does not have the ending of a document")),
      slow,
    );
    const { stdout } = await script("attach", engine, ["--history", chat], { env });
    assertStringIncludes(stdout, `file opened in "${web}": "first file.pdf", 4 bytes`);
    assertEquals(said.match(/A request from/g)?.length, 1, said);
    await inContainer(engine, web, "pkill 'foot|xterm'");
    await eventually("the way back", async () => (await lent()).length === 0, slow);
    await eventually("an empty directory", async () => (await onTheirWay()).length === 0, slow);
  } finally {
    attach.kill("SIGINT");
    await attach.ended;
    for (const name of [chat, web]) await script("attach", engine, ["--stop", name, "--all"]);
  }
}

testOnOneEngine(
  "a file of a container opens in another one, to read, and is gone with the session that shows it",
  needed,
  (engine) => opensFilesElsewhere(engine, {}),
);

testOnIncus(
  "a file of a container opens in another one on Wayland, to read, and is gone with the session that shows it",
  [...needed, ...waylandParts],
  (engine) => opensFilesElsewhere(engine, desktop()),
);

testOnOneEngine(
  "a file of a container opens in a copy of another one, which is gone with its window and hands over none itself",
  waylandParts,
  async (engine) => {
    const [chat, web] = [chatOn(engine), webOn(engine)];
    const env = desktop();
    let said = "";
    const attach = startScript("attach", engine, [
      ...["--allow=files", `--files-to=disposable:${web}`, "--session=chat", chat, sending("a.pdf", "one")],
    ], { env, output: { line: (line) => said += `${line}\n` } });
    try {
      const copy = await eventually("the window of a copy", async () => {
        const title = (await titles(env)).find((one) => /viewer a\.pdf$/.test(one));
        return new RegExp(`^\\[(${web}-d[0-9a-f]{5})\\] `).exec(title ?? "")?.[1];
      }, slow);
      const [live] = JSON.parse((await script("attach", engine, ["--json", "--list", copy])).stdout);
      assertEquals([live.session, live.channels.filter((one: string) => /links|files/.test(one))], ["my-viewer", []]);
      assertMatch(
        await Deno.readTextFile(join(mountsRoot, copy, "share", "viewed")),
        /^\/home\/ubuntu\/maps\/[0-9a-f]{10}\/a\.pdf\none\n$/,
      );
      await inContainer(engine, copy, "pkill foot");
      await eventually("the end of the copy", async () => {
        const all = JSON.parse(await sh([engine, "query", "/1.0/instances?recursion=1"])) as { name: string }[];
        return !all.some(({ name }) => name === copy);
      }, slow);
      await eventually("an empty directory", async () => (await onTheirWay()).length === 0, slow);
    } finally {
      attach.kill("SIGINT");
      await attach.ended;
      await script("attach", engine, ["--stop", chat, "--all"]);
    }
  },
);

/** In place of zenity: notes what is asked, and answers as the file "answer" says, not sooner than a person. */
const fakeZenity = (directory: string): string =>
  `#!/bin/sh
[ "$1" != --version ] || exit 0
for word; do
  case $word in --text=*) printf '%s\\0' "\${word#--text=}" >>'${directory}/asked' ;; esac
done
sleep 3.1
cat '${directory}/answer'
exit 1
`;

/** Has files of the chat changed in the other container, or in a copy of it, on a display. */
async function bringsVersionsBack(
  engine: EngineName,
  { env, isCopy }: { env: Record<string, string>; isCopy: boolean },
): Promise<void> {
  const [chat, web] = [chatOn(engine), webOn(engine)];
  const directory = await Deno.makeTempDir({ prefix: "e2e-links-" });
  await Deno.writeTextFile(join(directory, "zenity"), fakeZenity(directory), { mode: 0o755 });
  const asked = async (): Promise<string[]> =>
    (await Deno.readTextFile(join(directory, "asked")).catch(() => "")).split("\0").slice(0, -1);
  const inChat = (line: string): Promise<string> => inContainer(engine, chat, `cd /home/*/docs && ${line}`);
  let said = "";
  const attach = startScript("attach", engine, [
    ...["--allow=files", `--files-to=${isCopy ? "disposable:" : ""}${web}`, "--session=chat", chat],
    "sh -c 'mkdir -p docs; exec sleep 600'",
  ], {
    env: { ...env, PATH: `${directory}:${Deno.env.get("PATH")}`, XDG_DOWNLOAD_DIR: directory },
    output: { line: (line) => said += `${line}\n` },
  });
  const open = (name: string, text: string): Promise<string> =>
    inSession(engine, chat, "chat", `cd ~/docs && echo '${text}' >'${name}' && xdg-open '${name}'`);
  /** Opens a file in the viewer. Returns the container that shows it. */
  const show = async (name: string, text: string): Promise<string> => {
    await open(name, text);
    return await eventually("the viewer's window", async () => {
      const title = (await titles(env)).find((one) => one.endsWith(` viewer ${name}`));
      return new RegExp(`^\\[(${web}[^\\]]*)\\]`).exec(title ?? "")?.[1];
    }, slow);
  };
  /** Opens a file in the viewer, and closes that when it shows it, and has been given another one meanwhile. */
  const view = async (name: string, text: string, other?: { name: string; text: string }): Promise<string> => {
    const shown = await show(name, text);
    assertEquals(shown !== web, isCopy);
    if (other) {
      await open(other.name, other.text);
      const viewed = join(mountsRoot, web, "share", "viewed");
      await eventually(
        "the other file",
        async () => (await Deno.readTextFile(viewed)).includes(`/${other.name}\n`),
        slow,
      );
    }
    await inContainer(engine, shown, "pkill 'foot|xterm'");
    await eventually("an empty directory", async () => (await onTheirWay()).length === 0, slow);
    return shown;
  };
  try {
    await eventually("the app", () => inChat("true").then(() => true, () => false), slow);
    await Deno.writeTextFile(join(directory, "answer"), "Save the new version");
    const shown = await view("a budget.pdf", "edit one");
    const where = isCopy ? `in "${shown}", a copy of "${web}"` : `in "${web}"`;
    assertEquals(
      await inChat("stat -c '%U %n' * && cat 'a budget (2).pdf'"),
      [
        "ubuntu a budget (2).pdf",
        "ubuntu a budget.pdf",
        "edit one",
        "changed",
      ].join("\n"),
    );
    const [question] = await asked();
    assertStringIncludes(question!, `A file of the container "${chat}" was changed ${where}. Save it`);
    assertStringIncludes(question!, "\nName: a budget.pdf\nSize: 17 bytes\nSaved beside it in: /home/ubuntu/docs");
    const { stdout } = await script("attach", engine, ["--history", chat], { env });
    assertStringIncludes(stdout, `saved, changed ${where}: "/home/ubuntu/docs/a budget (2).pdf", 17 bytes`);
    await Deno.writeTextFile(join(directory, "answer"), "Discard it");
    await view("b.pdf", "edit two");
    assertStringIncludes(said, '"b.pdf" is discarded');
    // What is only looked at is not asked about.
    await view("c.pdf", "three");
    assertEquals((await asked()).length, 2);
    await Deno.writeTextFile(join(directory, "answer"), "");
    await view("n.pdf", "edit nothing");
    assertEquals(await Deno.readTextFile(join(directory, "n.pdf")), "edit nothing\nchanged\n");
    await inChat("rm n.pdf");
    assertEquals(await inChat("ls"), "a budget (2).pdf\na budget.pdf\nb.pdf\nc.pdf");
    if (isCopy) {
      // What nobody waits for any more comes to the downloads, too.
      const shown = await show("f.pdf", "edit six");
      attach.kill("SIGINT");
      await attach.ended;
      assertStringIncludes(
        said,
        `"f.pdf" may still be open in a copy of "${web}": what is saved there comes to your downloads`,
      );
      await inContainer(engine, shown, "pkill 'foot|xterm'");
      const path = join(directory, "f.pdf");
      await eventually(
        "the version",
        () => Deno.readTextFile(path).then((text) => text === "edit six\nchanged\n", () => false),
        slow,
      );
    } else {
      // The run that has brought the other one is over by then: its file stays with the session.
      await Deno.writeTextFile(join(directory, "answer"), "Save the new version");
      await view("d.pdf", "four", { name: "e.pdf", text: "edit five" });
      assertEquals(await inChat("cat 'e (2).pdf'"), "edit five\nchanged");
      assertEquals((await asked()).length, 4);
    }
    assertEquals(said.includes("A request from"), false, said);
  } catch (error) {
    throw new Error(`Asked: ${JSON.stringify(await asked())}. Said: ${said}`, { cause: error });
  } finally {
    attach.kill("SIGINT");
    await attach.ended;
    for (const name of [chat, web]) await script("attach", engine, ["--stop", name, "--all"]);
    await inChat("rm -rf ../docs").catch(() => {});
    await Deno.remove(directory, { recursive: true });
  }
}

testOnOneEngine(
  "what a copy of another container has made of a file is saved beside it, if the user says so",
  waylandParts,
  (engine) => bringsVersionsBack(engine, { env: desktop(), isCopy: true }),
);

testOnIncus(
  "what another container has made of a file on Wayland is saved beside it, if the user says so",
  [...needed, ...waylandParts],
  (engine) => bringsVersionsBack(engine, { env: desktop(), isCopy: false }),
);
