// create.ts --export: apps of a container in the host's menu, and a container that would rather have something else
// there.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "../../lib/base/files.ts";
import { assertRefused } from "../unit/refusals.ts";
import { eventually, inContainer, mountsRoot, publicKey, root, script, sh } from "./run.ts";
import { needed, testOnOneEngine } from "./sessions.ts";
import { windowWith } from "./windows.ts";
import { type EngineName, removeContainer } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-export-${engine}`;

/** The data directory of the user whose menu it is. */
const data = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(data, { recursive: true }));
const env = { XDG_DATA_HOME: data, XDG_CONFIG_HOME: join(data, "config") };

/** The path of an entry in the menu. */
function entryOf(engine: EngineName, id: string): string {
  return join(data, "applications", `gui-container-${nameOn(engine)}.${id}.desktop`);
}

/** The ids of the container's entries in the menu. */
async function idsInMenu(engine: EngineName): Promise<string[]> {
  const names = (await sh(["ls", join(data, "applications")])).split("\n").filter((name) => name !== "mimeinfo.cache");
  return names.map((name) => name.replace(`gui-container-${nameOn(engine)}.`, "").replace(/\.desktop$/, ""));
}

/** Has the desktop open or start something. It does not know which engine is meant. */
async function gio(...words: string[]): Promise<void> {
  const { GUI_CONTAINER_ENGINE: _, ...bare } = Deno.env.toObject();
  await sh(["env", "-u", "GUI_CONTAINER_ENGINE", "gio", ...words], { output: "inherit", env: { ...bare, ...env } });
}

/** Runs a shell script as root in the container. */
function asRoot(engine: EngineName, shell: string): Promise<string> {
  return sh([engine, "exec", nameOn(engine), "--mode=non-interactive", "--", "/bin/sh", "-ec", shell]);
}

testOnOneEngine("export: a container is made, and an app of it is in the menu", ["user"], async (engine) => {
  const name = nameOn(engine);
  await removeContainer(engine, name);
  const nothing = join(data, "nothing.yaml");
  await Deno.writeTextFile(nothing, "#cloud-config\ndisable_root: true\n");
  const words = [
    "--image=gui-lab",
    "--yes",
    "--json",
    name,
    publicKey,
    "gui",
    nothing,
    "--export",
    "xterm",
    "--border=red",
  ];
  const made = await script("create", engine, words, { env });
  assertEquals(made.code, 0, made.stderr);
  const { exported, hostUid } = JSON.parse(made.stdout);
  assertEquals(exported, [{ id: "debian-xterm", name: `[${name}] XTerm`, entry: entryOf(engine, "debian-xterm") }]);
  assert(hostUid > 0);
  assertEquals(await sh(["desktop-file-validate", exported[0].entry]), "");
});

testOnOneEngine("export: the desktop starts the app, in its frame, and gathers its windows", needed, async (engine) => {
  const name = nameOn(engine);
  const entry = await Deno.readTextFile(entryOf(engine, "debian-xterm"));
  await gio("launch", entryOf(engine, "debian-xterm"));
  const window = await windowWith(`\\[${name}\\] `);
  try {
    const [, windowClass] = /^StartupWMClass=(.*)$/m.exec(entry)!;
    assertStringIncludes(await sh(["xprop", "-id", window, "WM_CLASS"]), `"${windowClass}"`);
    await eventually("a red frame", async () => {
      const pixel = `import -window ${window} png:- | convert png:- -format '%[hex:p{1,40}]' info:`;
      return /^[89A-F].0000/.test(await sh(["sh", "-c", pixel]));
    });
  } finally {
    await script("attach", engine, ["--stop", name, "--all"]);
  }
});

const viewer = `[Desktop Entry]
Type=Application
Name=Viewer
Exec=xterm -T viewing -e tail -f %f
MimeType=text/csv;x-scheme-handler/https;
`;

testOnOneEngine(
  "export: a double click opens a file in a copy of the container, until --unexport",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const list = join(env.XDG_CONFIG_HOME, "mimeapps.list");
    const before = "[Default Applications]\ntext/csv=mine.desktop\nx-scheme-handler/https=mine.desktop\n";
    await Deno.mkdir(env.XDG_CONFIG_HOME, { recursive: true });
    await Deno.writeTextFile(list, before);
    await asRoot(engine, `cat >/usr/share/applications/viewer.desktop <<'end'\n${viewer}end`);
    const words = ["--export", "--default=text/csv", name, "viewer", "--disposable", "--border=red"];
    const { code, stderr } = await script("create", engine, words, { env });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `text/csv opens in [copy of ${name}] Viewer`);
    assertStringIncludes(await Deno.readTextFile(entryOf(engine, "viewer")), "\nMimeType=text/csv;\n");
    const own = "gui-container-NAME.viewer.desktop".replace("NAME", name);
    assertEquals(await Deno.readTextFile(list), before.replace("mine.desktop", own));
    const file = join(data, "a b's.csv");
    await Deno.writeTextFile(file, "one,two\n");
    await gio("open", file);
    const window = await windowWith(`\\[${name}-d[0-9a-f]{5}\\] viewing`);
    const [, copy] = /\[(.*)\]/.exec(await sh(["xdotool", "getwindowname", window]))!;
    const isThere = async (): Promise<boolean> =>
      (await sh([engine, "list", "--format=csv", "--columns=n"])).includes(copy!);
    try {
      assert(await isThere());
      const lent = [engine, "exec", copy!, "--mode=non-interactive", "--", "cat", "/home/ubuntu/maps/a b's.csv"];
      assertEquals(await sh(lent), "one,two");
    } finally {
      await script("attach", engine, ["--stop", copy!, "--all"]);
    }
    await eventually("the copy is gone", async () => !await isThere());
    assertEquals((await script("create", engine, ["--unexport", name], { env })).code, 0);
    assertEquals(await Deno.readTextFile(list), before);
    await asRoot(engine, "rm /usr/share/applications/viewer.desktop");
  },
);

/** What the container's user leaves in its home to be exported. */
const poison = `
mkdir -p ~/.local/share/applications && cd ~/.local/share/applications
entry() { # ID, then lines
  id=$1; shift
  { echo '[Desktop Entry]'; echo Type=Application; printf '%b\\n' "$@"; } >"$id.desktop"
}
entry honest Name=Honest 'Exec=honest %F' 'Icon=/home/ubuntu/honest.svg' 'MimeType=text/plain;inode/directory;'
entry two-lines 'Name=Good\\\\nExec=sh -c evil' Exec=x
entry steering 'Name=\\033]52;c;cHduZWQ=\\007' Exec=x
entry markup 'Name=<b>Firefox</b>' Exec=x
entry turned 'Name=\\342\\200\\256xoferiF' Exec=x
entry shell Name=Shell 'Exec=sh -c "touch /tmp/x16-pwned; id"'
entry option Name=Option 'Exec=--no-box honest'
entry twice Name=Twice Exec=honest Name=Firefox '[Desktop Entry]' 'Exec=sh -c evil'
entry dbus Name=Bus DBusActivatable=true
entry traversal Name=Traversal Exec=honest 'Icon=../../../../../../etc/passwd'
entry passwd Name=Passwd Exec=honest Icon=/etc/passwd
entry pipe-icon Name=Pipe Exec=honest Icon=/home/ubuntu/pipe
entry bomb Name=Bomb Exec=honest Icon=/home/ubuntu/bomb.png
entry outside Name=Outside Exec=honest Icon=/home/ubuntu/outside.svg
entry big Name=Big Exec=honest; head -c 10000000 /dev/zero | tr '\\0' '#' >>big.desktop
entry '$(touch pwned)' Name=Run Exec=honest
entry -- Name=Dashes Exec=honest
entry "$(printf 'line\\nbreak')" Name=Line Exec=honest
entry "$(printf 'steering\\033[2J')" Name=Steer Exec=honest
ln -s /etc/shadow shadow.desktop
ln -s loop.desktop loop.desktop
ln -s /dev/zero endless.desktop
mkdir directory.desktop
mkfifo pipe.desktop ~/pipe
ln -s pipe.desktop link.desktop
cd
svg() { echo "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='64' height='64'>$1</svg>"; }
svg "<rect width='64' height='64' fill='#00ff00'/>" >honest.svg
svg "<image width='64' height='64' xlink:href='file:///etc/passwd'/><image width='64' height='64' xlink:href='http://192.0.2.1/'/>" >outside.svg
python3 -c '
import struct, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
head = struct.pack(">IIBBBBB", 60000, 60000, 8, 6, 0, 0, 0)
open("bomb.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**7))) + chunk(b"IEND", b""))
'
`;

testOnOneEngine(
  "export: whoever copies the files of a hostile container runs its commands",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    await inContainer(engine, name, poison);
    const pwned = join(data, "pwned");
    await Deno.writeTextFile(
      join(data, "by-hand.desktop"),
      `[Desktop Entry]\nType=Application\nName=x\nExec=sh -c "touch ${pwned}; id"\n`,
    );
    await sh(["gio", "launch", join(data, "by-hand.desktop")], { output: "discard" });
    await eventually("a command of the container on the host", () => exists(pwned));
    const pull = [engine, "exec", name, "--user=1000", "--", "sh", "-c"];
    const read = "cat /home/ubuntu/.local/share/applications/*.desktop";
    const byHand = await runProcess([...pull, read], { timeoutMs: 3_000, okCodes: "any" }).catch((error) => error);
    assert(byHand instanceof Error, "cat does not come to the end");
  },
);

/** Those of its entries that are plain. */
const plain = ["bomb", "honest", "outside", "passwd", "pipe-icon", "traversal", "twice"];

testOnOneEngine(
  "export: a hostile container gets nothing but plain entries into the menu",
  ["user"],
  async (engine) => {
    const startedMs = performance.now();
    const words = ["--export", "--mime", "--json", nameOn(engine)];
    const { code, stdout, stderr } = await script("create", engine, words, { env });
    assertEquals(code, 0, stderr);
    assert(performance.now() - startedMs < 15_000);
    const ids = (await idsInMenu(engine)).sort();
    assertEquals(ids.filter((id) => plain.includes(id)), plain);
    assertEquals(JSON.parse(stdout).map(({ id }: { id: string }) => id), ids);
    // The rest comes with the image.
    const others = ids.filter((id) => !plain.includes(id));
    assert(others.includes("debian-xterm") && !others.includes("vim"), others.join(" "));
    const told = new Map([...stderr.matchAll(/^warning: [^"]*"(\S+)" (.*)$/gm)].map(([, id, why]) => [id!, why!]));
    for (
      const [why, wrong] of [
        ["long", ["big"]],
        ["command line", ["dbus", "option", "shell"]],
        ["name", ["markup", "steering", "turned", "two-lines"]],
      ] as const
    ) for (const id of wrong) assertStringIncludes(told.get(id) ?? "", why, `${id}\n${stderr}`);
    assert(!stderr.includes("\x1b"), JSON.stringify(stderr));
  },
);

testOnOneEngine(
  "export: an entry of a hostile container starts its app there, under its name",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    for (const id of await idsInMenu(engine)) {
      const path = entryOf(engine, id);
      assertEquals(await sh(["desktop-file-validate", path]), "");
      const text = await Deno.readTextFile(path);
      const [, exec] = /^Exec=(.*)$/m.exec(text)!;
      const opener = `${root}examples/desktop-files/open-in-container --engine=${engine} ${name} `;
      assert(exec!.startsWith(opener), exec);
      assert(/^[\w\/ ."=+@:,-]+( -- %[fu]| --)$/.test(exec!), exec);
      const names = text.split("\n").filter((line) => /^(Generic)?Name/.test(line));
      assert(names.length > 0 && names.every((line) => line.includes(`=[${name}] `)), text);
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x09\x0b-\x1f\x7f]|evil|\[b\]/.test(text), text);
    }
    assertStringIncludes(await Deno.readTextFile(entryOf(engine, "honest")), "MimeType=text/plain;\n");
    assertStringIncludes(await Deno.readTextFile(join(data, "applications/mimeinfo.cache")), `${name}.honest.desktop`);
  },
);

testOnOneEngine("export: an icon of a hostile container is a small picture, or none", ["user"], async (engine) => {
  const icons = join(data, "gui-container/icons", nameOn(engine));
  for (const id of ["bomb", "passwd", "pipe-icon", "traversal"]) {
    assertStringIncludes(await Deno.readTextFile(entryOf(engine, id)), "Icon=application-x-executable\n", id);
    assert(!await exists(join(icons, `${id}.png`)), id);
  }
  const icon = join(icons, "mpv.png");
  assertStringIncludes(await Deno.readTextFile(entryOf(engine, "mpv")), `Icon=${icon}\n`);
  assertStringIncludes(await sh(["identify", icon]), "PNG 128x128");
});

testOnOneEngine("export: of 100,000 entries 200 are read", ["user"], async (engine) => {
  const name = nameOn(engine);
  await asRoot(engine, "mount -t tmpfs -o mode=777 tmpfs /home/ubuntu/.local/share/applications");
  await inContainer(
    engine,
    name,
    `cd ~/.local/share/applications; python3 -c '
for n in range(100_000): open(f"{n:06}.desktop", "w").write("[Desktop Entry]\\nType=Application\\nName=Flood\\nExec=x\\nIcon=/dev/zero\\n")'`,
  );
  const startedMs = performance.now();
  const { code, stderr } = await script("create", engine, ["--export", name, "000007", "000199"], { env });
  assertEquals(code, 0, stderr);
  assert(performance.now() - startedMs < 15_000);
  const last = await script("create", engine, ["--export", name, "000200"], { env });
  assertRefused(last, { code: 2, names: ['"000200"', `"${name}"`] });
  await asRoot(engine, "umount /home/ubuntu/.local/share/applications");
});

testOnOneEngine("export: programs that answer without end cost their answers", ["user"], async (engine) => {
  const name = nameOn(engine);
  const before = await idsInMenu(engine);
  await asRoot(engine, "printf '#!/bin/sh\\nexec yes\\n' >/usr/local/bin/python3; chmod 755 /usr/local/bin/python3");
  const withoutIcons = await script("create", engine, ["--export", name, "honest"], { env });
  assertEquals(withoutIcons.code, 0, withoutIcons.stderr);
  assertStringIncludes(await Deno.readTextFile(entryOf(engine, "honest")), "Icon=application-x-executable\n");
  await asRoot(engine, "mv /usr/local/bin/python3 /usr/local/bin/base64");
  const nothing = await script("create", engine, ["--export", name], { env });
  assertRefused(nothing, { code: 1, names: [`"${name}"`, "too long"] });
  assertEquals(await idsInMenu(engine), before);
  await asRoot(engine, "rm /usr/local/bin/base64");
});

testOnOneEngine(
  "export: --unexport and --delete take entries and icons away, and nothing else",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    const mine = entryOf(engine, "mine");
    await Deno.writeTextFile(mine, "[Desktop Entry]\nType=Application\nName=Mine\nExec=true\n");
    const { code, stdout, stderr } = await script("create", engine, ["--unexport", "--json", name], { env });
    assertEquals(code, 0, stderr);
    assert(JSON.parse(stdout).removed.includes(entryOf(engine, "honest")));
    assertEquals(await idsInMenu(engine), ["mine"]);
    assert(!await exists(join(data, "gui-container")));
    assert(!(await Deno.readTextFile(join(data, "applications/mimeinfo.cache"))).includes("honest"));
    assertEquals((await script("create", engine, ["--unexport", name], { env })).code, 1);

    assertEquals((await script("create", engine, ["--export", name, "XTerm"], { env })).code, 0);
    assertEquals(await idsInMenu(engine), ["debian-xterm", "mine"]);
    assertEquals((await script("create", engine, ["--delete", "--force", name], { env })).code, 0);
    assertEquals(await idsInMenu(engine), ["mine"]);
    assert(!await exists(join(mountsRoot, name)));
  },
);
