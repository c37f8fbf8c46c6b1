// What the window "Containers" makes of what the scripts and the menu say, by which a container speaks as well.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { type App } from "../../../lib/create/export/app.ts";
import { entryText } from "../../../lib/create/export/entry.ts";
import { testWith } from "../samples.ts";

const directory = new URL("../../../manage", import.meta.url).pathname;

/** Calls a function of model.py, and returns its result as JSON. Texts go by stdin. */
async function call(expression: string, ...texts: readonly unknown[]): Promise<unknown> {
  const program = `
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import model
from datetime import date, datetime
from types import SimpleNamespace
texts = json.load(sys.stdin)
print(json.dumps(${expression}, default=vars))`;
  const { stdout } = await runProcess(["python3", "-c", program, directory], {
    stdin: { text: JSON.stringify(texts) },
  });
  return JSON.parse(stdout);
}

const test = (name: string, act: () => Promise<void>): void => testWith(["python3"], name, act);

test("a text of a container's is shown as one short line without control, format and invisible characters", async () => {
  const hostile = [
    "\x1b[2Jcleared\x07",
    "a\u202egpj.exe\u2066b\u200f",
    "two\nlines\u2028three",
    "\u3164\u200b\u00ad\ufeff\u034f",
    "<b>bold</b> &amp; \\033",
    "e" + "\u0301".repeat(50),
    "long".repeat(100_000),
    "\ud800lone\ue000",
  ];
  const shown = await call("[model.clean(text) for text in texts]", ...hostile) as string[];
  assertEquals(shown.slice(0, 5), ["[2Jcleared", "agpj.exeb", "two lines three", "", "<b>bold</b> &amp; \\033"]);
  assertEquals([shown[5], shown[7]], ["e\u0301\u0301", "lone"]);
  assertEquals([shown[6]!.length, shown[6]!.endsWith("…")], [200, true]);
});

test("an error is shown in the command's own words, from its first line on, and no longer than a dialog", async () => {
  const said = ["status", "error: It \x1b[31mfailed", "    why", "hint: Do this", ...Array(100).fill("more")].join(
    "\n",
  );
  const shown = (await call("model.said(texts[0])", said) as string).split("\n");
  assertEquals([shown.slice(0, 3), shown.length], [["error: It [31mfailed", "why", "hint: Do this"], 14]);
});

const listed = { name: "web", engine: "incus", state: "running", preset: "desktop", software: null, disposable: true };

test("of a list only whole objects are taken, at most 500, and nothing of what is no list", async () => {
  const wrong = [
    { ...listed, name: "-rf" },
    { ...listed, name: "web\n" },
    { ...listed, name: ["web"] },
    { ...listed, engine: "sh" },
    { ...listed, disposable: 1 },
    { ...listed, state: undefined },
    "web",
    null,
  ];
  assertEquals(await call("model.containers(texts[0])", JSON.stringify([...wrong, { ...listed, more: 1 }])), [listed]);
  assertEquals(
    await call("[len(model.containers(text)) for text in texts]", ...[
      JSON.stringify(Array(2000).fill(listed)),
      "[".repeat(100_000),
      "{}",
      "12",
      "",
      "[1",
    ]),
    [500, 0, 0, 0, 0, 0],
  );
});

test("no name of a session, a channel or a loan can be read as an option", async () => {
  const live = {
    container: "web",
    session: "firefox",
    display: "wayland",
    app: "firefox",
    since: "2026-12-01T10:00:00Z",
    channels: ["clipboard-in"],
    asks: [],
    until: {},
  };
  const bad = [{ container: "--all" }, { session: "a b" }, { session: "" }, { channels: ["--preset"] }, {
    channels: "c",
  }];
  const all = JSON.stringify([...bad.map((wrong) => ({ ...live, ...wrong })), live]);
  assertEquals(await call("model.sessions(texts[0])", all), [live]);
  const loan = { name: "web", host: "/home/a", container: "/maps/a", readOnly: false };
  const loans = JSON.stringify([{ ...loan, container: "--force" }, { ...loan, host: "-n" }, loan]);
  assertEquals(await call("model.loans(texts[0])", loans), [loan]);
});

test("of a history the lines of today are shown, the newest first, whatever is in them", async () => {
  const line = (time: string, more: object): object => ({ container: "web", time, ...more });
  const text = JSON.stringify([
    line("2026-12-01T09:00:00+00:00", { kind: "link", host: "old.example", where: "on this host" }),
    line("2026-12-02T09:00:00+00:00", {
      kind: "link",
      host: "{0.__class__}\u202e",
      where: "on this host",
      failed: true,
    }),
    line("2026-12-02T09:00:01+00:00", { kind: "download", name: { deep: [1] }, bytes: 4 }),
    line("2026-12-02T09:00:02+00:00", { kind: "evil" }),
    line("never", { kind: "link" }),
    line("2026-12-02T09:00:03+00:00", { kind: ["link"] }),
    7,
  ]);
  const lines = await call("[text for _, text in model.history(texts[0], date(2026, 12, 2))]", text);
  assertEquals(lines, ["File received: , 4 bytes", "Link to {0.__class__} opened on this host (failed)"]);
});

test("a border is a colour's name or number, and nothing else", async () => {
  const settings = ["red,8", "#ff8800", "auto) evil", 7].map((value) =>
    JSON.stringify({ settings: { border: { value } } })
  );
  const shown = await call("[model.border(text) for text in texts]", ...settings, '{"settings":{}}', "[]", "[[");
  assertEquals(shown, ["red", "#ff8800", null, null, null, null, null]);
});

const app: App = {
  id: "viewer",
  name: "Viewer",
  texts: new Map([["Name", "Viewer"]]),
  command: ["viewer", "--mode=x"],
  program: "viewer",
  opens: "file",
  icon: undefined,
  windowClass: "viewer",
  category: undefined,
  mimeTypes: [],
  notifies: false,
  isHidden: false,
};

/** A menu entry as create.ts writes it. */
const textOf = (attachOptions: string[] = [], more: Partial<App> = {}): string =>
  entryText({ ...app, ...more }, "/data/gui-container/icons/web/viewer.png", {
    container: "web",
    hostName: "web",
    opener: "/a b/$open/open-in-container",
    env: { GUI_CONTAINER_MOUNTS: "/m 100%" },
    attachOptions,
    xpraOptions: ["--title=a b"],
  });

const parse = 'model.entry(texts[0], "web", "/data/gui-container/icons/web")';

test("an entry that create.ts has written starts the same app with the same options, or in a copy", async () => {
  const text = textOf(["--engine=incus", "--border=red"]);
  const found = await call(parse, text) as Record<string, unknown>;
  assertEquals([found.title, found.icon, found.env], [
    "Viewer",
    "/data/gui-container/icons/web/viewer.png",
    { GUI_CONTAINER_MOUNTS: "/m 100%" },
  ]);
  const start = (copy: string): string => `model.start(${parse}, SimpleNamespace(name="web", engine="incus"), ${copy})`;
  const words = ["--border=red", "web", "--title=a b", "--", "viewer", "--mode=x"];
  assertEquals(await call(start("False"), text), ["attach.ts", "--engine=incus", ...words]);
  assertEquals(await call(start("True"), text), ["attach.ts", "--engine=incus", "--disposable", ...words]);
  assertEquals(await call(start("False"), textOf(["--disposable"])), [
    ...["attach.ts", "--engine=incus", "--disposable", ...words.slice(1)],
  ]);
});

test("an entry with a session of its own name keeps it, but not in a copy", async () => {
  const text = textOf([], { command: ["env", "viewer"] });
  const start = (copy: string): string => `model.start(${parse}, SimpleNamespace(name="web", engine="lxc"), ${copy})`;
  const words = ["web", "--title=a b", "--", "env", "viewer"];
  assertEquals(await call(start("False"), text), ["attach.ts", "--engine=lxc", "--session=viewer", ...words]);
  assertEquals(await call(start("True"), text), ["attach.ts", "--engine=lxc", "--disposable", ...words]);
});

test("an entry of another container, or not as create.ts writes it, is no app", async () => {
  const honest = textOf();
  const exec = (value: string): string => honest.replace(/^Exec=.*$/m, `Exec=${value}`);
  const wrong = [
    honest.replace("X-GuiContainer-Name=web", "X-GuiContainer-Name=bank"),
    honest.replace("[Desktop Entry]", "[Evil]\n[Desktop Entry]"),
    honest.replace(/^Exec=/m, "[Other]\nExec="),
    exec("sh -c evil"),
    exec("env LD_PRELOAD=/x open-in-container web viewer --"),
    exec("open-in-container bank viewer --"),
    exec("open-in-container web --no-box viewer --"),
    exec("open-in-container web --no-box --"),
    exec("open-in-container web viewer evil --"),
    exec("open-in-container; web viewer --").replace("open-in-container; ", "evil "),
    exec("open-in-container -x web viewer --"),
    exec('open-in-container "web viewer --'),
    exec("open-in-container -- web viewer"),
    "",
  ];
  for (const text of wrong) assertEquals(await call(parse, text), null, text);
  const steering = honest.replace(/^Name=.*$/m, "Name=[web] \x1b[2J\u202eeliF").replace(
    /^Icon=.*$/m,
    "Icon=/etc/passwd.png",
  );
  const { title, icon } = await call(parse, steering) as Record<string, unknown>;
  assertEquals([title, icon], ["[2JeliF", null]);
});

test("apps are exported again with the options that they have, unless these differ", async () => {
  const options = `model.export_options([model.entry(text, "web", "/") for text in texts])`;
  const isolated = textOf(["--engine=incus", "--preset=isolated"]);
  const other = textOf(["--preset=isolated"], { command: ["env", "viewer"] });
  assertEquals(await call(options, isolated, other), ["--preset=isolated", "--title=a b"]);
  assertEquals(await call(options, isolated, textOf()), null);
  assertEquals(await call(options, textOf(["--disposable"])), null);
  assertEquals(await call(options), []);
});

test("the menu's files are read where they are small and regular", async () => {
  const data = await Deno.makeTempDir();
  try {
    const entries = join(data, "applications");
    await Deno.mkdir(entries);
    const file = (id: string): string => join(entries, `gui-container-web.${id}.desktop`);
    await Deno.writeTextFile(file("viewer"), textOf());
    await Deno.writeTextFile(file("big"), textOf() + "#".repeat(2 ** 19));
    await Deno.symlink(file("viewer"), file("link"));
    await Deno.mkdir(file("directory"));
    await runProcess(["mkfifo", file("pipe")]);
    await Deno.writeTextFile(join(entries, "gui-container-web-2.viewer.desktop"), textOf());
    assertEquals(await call("[app.title for app in model.apps(texts[0], 'web')]", data), ["Viewer"]);
    assertEquals(await call("model.apps(texts[0] + '/nothing', 'web')", data), []);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

test("a container is made of a name and of words for apps, of which none is an option", async () => {
  const typed = [
    ["web", "firefox apt:inkscape deb:/home/a/x.deb"],
    ["web", ""],
    ["web", "firefox --trust-profile"],
    ["--delete", "firefox"],
    ["web-", "firefox"],
    ["web", "$(evil)"],
  ];
  const made = await call("[model.create(*one, True) for one in texts]", ...typed);
  const words = ["create.ts", "web", "firefox", "apt:inkscape", "deb:/home/a/x.deb", "--export"];
  assertEquals(made, [words, null, null, null, null, null]);
  assert(!(await Deno.readTextFile(join(directory, "model.py"))).includes("import gi"));
});
