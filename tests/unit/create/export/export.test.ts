// Apps that come into the menu, and what is left where that fails.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { commandLine } from "../../../../attach.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { exists } from "../../../../lib/base/files.ts";
import { dryRunHost } from "../../../../lib/base/host.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { type App, parseEntry } from "../../../../lib/create/export/app.ts";
import { sortOptions } from "../../../../lib/create/export/entry.ts";
import { chooseApps, type ExportRequest, readExport } from "../../../../lib/create/export/export.ts";
import { menuOf, menuTurn } from "../../../../lib/create/export/menu.ts";
import { unexportApps } from "../../../../lib/create/export/unexport.ts";
import { filesIn, withMenu, writer } from "../../menus.ts";
import { assertSaid } from "../../refusals.ts";

const other = writer.replace("Name=Writer", "Name=Other").replace("Icon=writer", "Icon=/usr/share/../x.png");

Deno.test("readExport() tells apps, options of attach.ts and options of xpra apart", () => {
  const read = (...words: string[]): ExportRequest => readExport(words, { flags: new Map(), values: new Map() });
  assertEquals(read("a", "b", "--border=red", "--preset=isolated", "--no-box", "--opengl=no"), {
    wanted: ["a", "b"],
    attachOptions: ["--border=red", "--preset=isolated", "--no-box"],
    xpraOptions: ["--opengl=no"],
    withTypes: false,
    defaultTypes: [],
  });
  const unfit = [
    "-x",
    "--",
    "--Border",
    "--border=a\nb",
    "red",
    "--preset=a b",
    "--allow=*",
    "--prest=isolated",
    "--x=y",
  ];
  // Those of create.ts itself stand before "--", or are none.
  for (const word of [...unfit, "--dry-run", "--mime", "--engine=incus", "--project=work", "--export"]) {
    const error = assertThrows(() => read("a", "--border=red", word), UserError, `"${word}"`);
    assertEquals([error.exitCode, error.hint.includes("--preset")], [2, true]);
  }
  const channel = assertThrows(() => read("--printing=no"), UserError, '"--printing=no"');
  assertStringIncludes(channel.hint, "--deny printing");
  // Each of those that attach.ts takes as its own goes into an entry, or is refused.
  for (const name of Object.keys(commandLine.options)) {
    const sort = (): unknown => sortOptions([`--${name}`]).attachOptions;
    if (
      ["allow", "ask", "border", "deny", "display", "disposable", "files-to", "links-to", "no-box", "preset"].includes(
        name,
      )
    ) {
      assertEquals(sort(), [`--${name}`, ...name === "disposable" ? ["--deny=links"] : []]);
    } else assertThrows(sort, UserError, `"--${name}"`);
  }
});

Deno.test("chooseApps() chooses by id or name, and tells what there is when one is missing", () => {
  const app = (id: string, lines = ""): App =>
    parseEntry(id, `[Desktop Entry]\nType=Application\nName=App ${id}\nExec=${id}\n${lines}`) as App;
  const found = {
    apps: [app("a"), app("b"), app("hidden", "NoDisplay=true"), app("xpra-gui")],
    refused: [{ id: "top", reason: "runs in a terminal" }],
    isCut: false,
  };
  const ids = (...wanted: string[]): string[] => chooseApps({ container: "box", ...found }, wanted).map(({ id }) => id);
  assertEquals(ids(), ["a", "b"]);
  assertEquals(ids("B", "app a", "b", "hidden"), ["b", "a", "hidden"]);
  found.apps.push(app("firefox-esr"), app("office-calc"), app("office-writer"));
  assertEquals(ids("Firefox", "app firefox"), ["firefox-esr"]);
  found.apps.push({ ...app("org.gnome.Evince"), program: "evince" });
  assertEquals(ids("evince"), ["org.gnome.Evince"]);
  for (const word of ["fire", "firefox-", "office", "app", "xpra"]) assertThrows(() => ids(word), UserError);
  found.apps.splice(-4);
  const missing = assertThrows(() => ids("a", "c"), UserError);
  assertEquals([missing.message, missing.hint, missing.exitCode], [
    'There is no app "c" in "box"',
    "There are: a (App a), b (App b)",
    2,
  ]);
  assertEquals(assertThrows(() => ids("top"), UserError).message, '"top" of "box" runs in a terminal');
  assertEquals(assertThrows(() => chooseApps({ container: "box", ...found, apps: [] }, []), UserError).exitCode, 1);
});

Deno.test("exportApps() writes entries and icons, and keeps what it wrote in step with the container", async () => {
  const entries: Record<string, string> = { one: writer, two: other };
  await withMenu(entries, async ({ data, exportNow, unexport, recorded }) => {
    assertEquals(await exportNow(), ["one", "two"]);
    const [one, two, icon] = [
      "applications/gui-container-box.one.desktop",
      "applications/gui-container-box.two.desktop",
      "gui-container/icons/box/one.png",
    ];
    assertEquals(await filesIn(data), [one, two, icon]);
    assertStringIncludes(await Deno.readTextFile(join(data, one)), `Icon=${join(data, icon)}\n`);
    // Not what the container names: that may be an icon of the host's own apps.
    assertStringIncludes(await Deno.readTextFile(join(data, two)), "Icon=application-x-executable\n");
    assert(!recorded.calls.some(([program]) => program === "update-desktop-database"));

    // One of them, with its types; then all, of which one is gone.
    assertEquals(await exportNow({ wanted: ["two"], withTypes: true }), ["two"]);
    assertEquals(await filesIn(data), [one, two, "gui-container/icons/box/two.png", icon].sort());
    assertEquals(recorded.calls.at(-1), ["update-desktop-database", "--quiet", join(data, "applications")]);
    delete entries.one;
    assertEquals(await exportNow(), ["two"]);
    assertEquals(await filesIn(data), [two, "gui-container/icons/box/two.png"]);

    assertEquals(await unexport(), [join(data, two)]);
    assertEquals(await filesIn(data), []);
    assertEquals(await Deno.stat(join(data, "gui-container")).catch(() => "gone"), "gone");
  });
});

Deno.test("exportApps() of all apps leaves alone what is a default and opens in copies; one that names it says so", async () => {
  await withMenu(
    { one: writer, two: writer.replace("text/rtf", "text/csv") },
    async ({ data, exportNow, recorded }) => {
      const entry = join(data, "applications/gui-container-box.one.desktop");
      const list = join(data, ".config/mimeapps.list");
      const copy = sortOptions(["--disposable", "--border=red"]);
      await exportNow({ wanted: ["one"], defaultTypes: ["text/rtf"], ...copy });
      const before = [await Deno.readTextFile(entry), await Deno.readTextFile(list)];
      const warnings = (): string[] => recorded.said.splice(0).filter((line) => line.startsWith("warn"));
      assertEquals(warnings(), []);
      assertEquals(await exportNow({ withTypes: true }), ["two"]);
      assertEquals([await Deno.readTextFile(entry), await Deno.readTextFile(list)], before);
      assertSaid(warnings(), [["warn", 'Not exported: "one"', "copies"]]);
      assertEquals(await exportNow(copy), ["one", "two"]);
      assertEquals(warnings(), [], "two is the default for nothing");
      assertEquals(await exportNow({ wanted: ["one"] }), ["one"]);
      assertSaid(warnings(), [["warn", '"one"', '"box"', "not in copies"]]);
      assert(!(await Deno.readTextFile(entry)).includes("--disposable"));
    },
  );
});

Deno.test("what is a default is on record before the list has it, and until it has it no more; a dry run changes neither", async () => {
  await withMenu({ one: writer }, async ({ data, exportNow, recorded, unexport }) => {
    const [list, record] = [join(data, ".config/mimeapps.list"), join(data, "gui-container/defaults.json")];
    const [{ mkdir, rename }, recordedThen] = [Deno, [] as boolean[]];
    using _ = {
      [Symbol.dispose]() {
        Object.assign(Deno, { mkdir, rename });
      },
    };
    // The directory of the list is missing, and not among what create.ts may write.
    Deno.mkdir = async (path, options) => {
      if (path === dirname(list)) throw new Deno.errors.NotCapable();
      await mkdir(path, options);
    };
    Deno.rename = async (from, to) => {
      if (to === list) recordedThen.push((await Deno.readTextFile(record)).includes("text/rtf"));
      await rename(from, to);
    };
    await exportNow({ defaultTypes: ["text/rtf"] });
    const files = await filesIn(data);
    const dry = dryRunHost({ ui: recorded.host.ui, signal: recorded.host.signal });
    await unexportApps({ ...menuOf(recorded.host, "box"), host: dry });
    assertEquals(await filesIn(data), files);
    await unexport();
    assertEquals(recordedThen, [true, true]);
    assertEquals([await exists(list), await exists(record)], [false, false]);
  });
});

Deno.test("exportApps() and unexportApps() change no list of defaults that is a link or a pipe, and say so", async () => {
  await withMenu({ one: writer }, async ({ data, exportNow, unexport, recorded }) => {
    const path = join(data, ".config/mimeapps.list");
    await Deno.mkdir(dirname(path));
    const types = { withTypes: true, defaultTypes: ["text/rtf"] };
    const others = [() => Deno.symlink(join(data, "mine"), path), () => runProcess(["mkfifo", path])];
    await Deno.writeTextFile(join(data, "mine"), "[Default Applications]\n");
    for (const other of others) {
      await other();
      await assertRejects(() => exportNow(types), UserError, `"${path}"`);
      assertEquals(await filesIn(data), ["mine"]);
      await Deno.remove(path);
    }
    await exportNow(types);
    await Deno.rename(path, join(data, "mine"));
    await others[0]!();
    assertEquals((await unexport()).length, 1);
    assertStringIncludes(recorded.said.at(-1)!, "cannot be restored");
    assertStringIncludes(await Deno.readTextFile(join(data, "mine")), "text/rtf=gui-container-box.one.desktop");
  });
});

Deno.test("exportApps() that fails leaves the list of defaults, and warns of one that comes first", async () => {
  await withMenu(
    { one: writer, two: writer.replace(/text.*office;/, "text/csv;x-scheme-handler/https;") },
    async ({ data, exportNow, recorded }) => {
      const directory = join(data, ".config");
      await Deno.mkdir(directory);
      const { rename } = Deno;
      {
        using _ = {
          [Symbol.dispose]() {
            Deno.rename = rename;
          },
        };
        Deno.rename = async (from, to) => {
          if (String(to).endsWith("mimeapps.list")) throw new Error("The disk is full");
          await rename(from, to);
        };
        await assertRejects(() => exportNow({ withTypes: true, defaultTypes: ["text/csv"] }), Error, "full");
      }
      assertEquals(await filesIn(data), []);
      const types = { withTypes: true, defaultTypes: ["text/csv", "x-scheme-handler/office"] };
      const https = { ...types, wanted: ["two"], defaultTypes: ["x-scheme-handler/https"] };
      await Deno.writeTextFile(join(directory, "kdeglobals"), "[General]\nBrowserApplication=mine.desktop\n");
      await Deno.writeTextFile(
        join(directory, "gnome-mimeapps.list"),
        "[Default Applications]\ntext/csv=mine.desktop\n",
      );
      await Deno.writeTextFile(
        join(directory, "x-cinnamon-mimeapps.list"),
        "[Default Applications]\nx-scheme-handler/office=mine.desktop\n",
      );
      await Deno.symlink("none", join(directory, "a-mimeapps.list"));
      await Deno.mkdir(join(directory, "b-mimeapps.list"));
      const comesFirst = (name: string, type: string): string =>
        `warn: "${join(directory, name)}" comes first on its desktop, and names an app for ${type}`;
      await exportNow(types);
      await exportNow(https);
      assertEquals(recorded.said.filter((line) => line.startsWith("warn")).sort(), [
        comesFirst("gnome-mimeapps.list", "text/csv"),
        comesFirst("kdeglobals", "x-scheme-handler/https"),
        comesFirst("x-cinnamon-mimeapps.list", "x-scheme-handler/office"),
      ]);
    },
  );
});

Deno.test("exportApps() and unexportApps() leave alone what is not theirs", async () => {
  await withMenu({ one: writer }, async ({ data, exportNow, unexport }) => {
    const applications = join(data, "applications");
    await Deno.mkdir(applications);
    // The user's own file, another container's, a link to an entry of ours, a directory.
    const path = join(applications, "gui-container-box.one.desktop");
    const ours = "[Desktop Entry]\nX-GuiContainer-Name=box\n";
    for (const text of ["[Desktop Entry]\n", ours.replace("box", "box2"), ours.replace("X-", "#X-")]) {
      await Deno.writeTextFile(path, text);
      const error = await assertRejects(() => exportNow({ wanted: ["one"] }), UserError);
      assertEquals([error.message, error.exitCode], [`"${path}" is there, and was not made by create.ts --export`, 1]);
      assertEquals(await unexport(), []);
      assertEquals(await Deno.readTextFile(path), text);
    }
    await Deno.remove(path);
    await Deno.writeTextFile(join(data, "ours"), ours);
    await Deno.symlink(join(data, "ours"), path);
    await assertRejects(() => exportNow({ wanted: ["one"] }), UserError);
    assertEquals(await unexport(), []);
    await Deno.remove(path);
    await Deno.mkdir(path);
    await assertRejects(() => exportNow({ wanted: ["one"] }), UserError);
    await Deno.remove(path);
    for (
      const name of ["gui-container-box2.one.desktop", "gui-container-boxer.one.desktop", "gui-container-box.desktop"]
    ) {
      await Deno.writeTextFile(join(applications, name), ours);
    }
    assertEquals(await unexport(), []);
    assertEquals((await filesIn(data)).length, 4);
  });
});

Deno.test("exportApps() of all apps leaves out one whose entry the user has changed, and its icon stays", async () => {
  await withMenu({ one: writer, two: writer }, async ({ data, exportNow, unexport, recorded }) => {
    await exportNow();
    const path = join(data, "applications/gui-container-box.one.desktop");
    const changed = (await Deno.readTextFile(path)).replace("X-GuiContainer-Name=box\n", "");
    await Deno.writeTextFile(path, changed);
    assertEquals(await exportNow(), ["two"]);
    const warnings = recorded.said.filter((line) => line.startsWith("warn"));
    assertSaid(warnings, [["warn", `Not exported: "${path}"`, "create.ts --export"]]);
    await unexport();
    assertEquals(await filesIn(data), [
      "applications/gui-container-box.one.desktop",
      "gui-container/icons/box/one.png",
    ]);
    assertEquals(await Deno.readTextFile(path), changed);
  });
});

Deno.test("two exports at once do not take each other's entries away", async () => {
  await withMenu({ one: writer, two: writer }, async ({ data, exportNow, unexport, recorded }) => {
    await Promise.all([exportNow(), exportNow({ wanted: ["two"] }), exportNow()]);
    assertEquals((await filesIn(data)).length, 4);
    let isOver = false;
    const turn = await menuTurn(menuOf(recorded.host, "box"));
    setTimeout(() => {
      isOver = true;
      turn?.[Symbol.dispose]();
    }, 200);
    await unexport();
    assertEquals([isOver, await filesIn(data)], [true, []]);
  });
});

Deno.test("exportApps() that fails half-way leaves what there was", async () => {
  await withMenu({ one: writer, two: writer }, async ({ data, exportNow }) => {
    const { rename } = Deno;
    using _ = {
      [Symbol.dispose]() {
        Deno.rename = rename;
      },
    };
    Deno.rename = async (from, to) => {
      if (String(to).endsWith("two.desktop")) throw new Error("The disk is full");
      await rename(from, to);
    };
    await assertRejects(() => exportNow(), Error, "full");
    assertEquals(await filesIn(data), []);
    await exportNow({ wanted: ["one"] });
    const before = await Deno.readTextFile(join(data, "applications/gui-container-box.one.desktop"));
    await assertRejects(() => exportNow(sortOptions(["--border=red"])), Error, "full");
    assertEquals(await filesIn(data), [
      "applications/gui-container-box.one.desktop",
      "gui-container/icons/box/one.png",
    ]);
    assertEquals(await Deno.readTextFile(join(data, "applications/gui-container-box.one.desktop")), before);
  });
});

Deno.test("exportApps() bounds what the container answers, and tells what it leaves out", async () => {
  const entries = { one: writer, evil: writer.replace("office", "sh -c 'x y'"), top: `${writer}Terminal=true\n` };
  await withMenu(entries, async ({ exportNow, recorded }) => {
    assertEquals(await exportNow(), ["one"]);
    const asked = recorded.options.filter((_, index) => recorded.calls[index]![0] === "ssh");
    assertEquals(asked.length, 2);
    for (const { timeoutMs, maxOutputBytes } of asked) assert(timeoutMs! <= 30_000 && maxOutputBytes! <= 32 * 2 ** 20);
    const warnings = recorded.said.filter((line) => line.startsWith("warn"));
    assertSaid(warnings, [["warn", 'Not exported: "evil"', "command line"]]);
  });
});

Deno.test("exportApps() warns where a desktop would not find what starts its entries", async () => {
  for (const [path, warned] of [["/no-such", 1], [undefined, 0]] as const) {
    await withMenu({ one: writer }, async ({ exportNow, recorded }) => {
      await exportNow();
      const told = recorded.said.filter((line) => line.startsWith('warn: "open-in-container" is not on $PATH'));
      assertEquals(told.length, warned);
    }, path === undefined ? {} : { path });
  }
});
