// What the desktop opens files and addresses with: whose word decides, what of the user's list changes, and what is put
// back.

import { assertEquals, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { exists, modeOf } from "../../../../lib/base/files.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { type App, parseEntry } from "../../../../lib/create/export/app.ts";
import {
  chooseDefaults,
  type Defaults,
  parseTypes,
  withDefaults,
  withoutDefaults,
} from "../../../../lib/create/export/defaults.ts";
import { readExport } from "../../../../lib/create/export/export.ts";
import { withMenu, writer } from "../../menus.ts";
import { testWith } from "../../samples.ts";

const list = `# Mine

[Added Associations]
text/html=other.desktop;

[Default Applications]
text/html=firefox.desktop
application/pdf=evince.desktop;okular.desktop;

[Removed Associations]
application/pdf=gimp.desktop;
`;

const [pdf, html] = ["application/pdf", "text/html"];
const none = { text: list, records: [] } satisfies Defaults;

/** Makes an entry the default for a type. */
const set = (before: Defaults, type: string, entry: string): Defaults => withDefaults(before, [{ type, entry }]);

/** Takes an entry away. */
const remove = (before: Defaults, gone: string): Defaults => withoutDefaults(before, ({ entry }) => entry === gone);

/** The list with another line for PDF, or without one. */
const withPdf = (value: string | undefined): string =>
  list.replace(/^application\/pdf=evince.*\n/m, value === undefined ? "" : `application/pdf=${value}\n`);

Deno.test("parseTypes() takes types and schemes, and nothing that makes another line of a list", () => {
  assertEquals(parseTypes("https,http,application/pdf,https"), [
    "x-scheme-handler/https",
    "x-scheme-handler/http",
    pdf,
  ]);
  for (const value of ["", "https,", "application/pdf=x", "a\nb", "a b", "inode/directory", "[x]", "text/*", "a/b/c"]) {
    assertEquals(assertThrows(() => parseTypes(value), UserError).exitCode, 2);
  }
});

Deno.test("an app is the default for what the user names, whatever else the container says that it opens", () => {
  const app = (id: string, types: string, exec = "x %u"): App =>
    parseEntry(id, `[Desktop Entry]\nType=Application\nName=${id}\nExec=${exec}\nMimeType=${types}`) as App;
  const apps = [app("a", `${pdf};x-scheme-handler/https;x-scheme-handler/mailto;`), app("b", `${html};${pdf};`)];
  assertEquals([...chooseDefaults(apps, [html!])], [[html, apps[1]]]);
  assertEquals([...chooseDefaults(apps, [])], []);
  assertThrows(() => chooseDefaults(apps, [html!, pdf!]), UserError, `${pdf}: a, b`);
  assertThrows(() => chooseDefaults(apps, ["text/plain"]), UserError, "text/plain");
  assertThrows(() => chooseDefaults([app("c", html!, "x")], [html!]), UserError, "None of the apps");
  const [https] = parseTypes("https");
  assertThrows(() => chooseDefaults([app("d", https!, "x %f")], [https!]), UserError, "None of the apps");
});

Deno.test("a default is a line of the list, of which all else stays, and is put back", () => {
  const made = set(none, pdf!, "box.desktop");
  assertEquals(made.text, withPdf("box.desktop"));
  assertEquals(set(made, pdf!, "box.desktop"), made, "a second time");
  assertEquals(remove(made, "box.desktop"), none);
  assertEquals(remove(made, "other.desktop"), made);
  for (
    const [text, expected] of [
      ["", "[Default Applications]\ntext/html=box.desktop\n"],
      ["[X]\ny=z", "[X]\ny=z\n[Default Applications]\ntext/html=box.desktop\n"],
      [
        "[Default Applications]\n[X]\ntext/html=z\n",
        "[Default Applications]\ntext/html=box.desktop\n[X]\ntext/html=z\n",
      ],
      // Programs take the last.
      [
        "[Default Applications]\ntext/html=a\nb=c\ntext/html = d\n",
        "[Default Applications]\ntext/html=box.desktop\nb=c\n",
      ],
    ] as const
  ) {
    const made = set({ text, records: [] }, html!, "box.desktop");
    assertEquals(made.text, expected);
    const line = text.includes("= d") ? "text/html=d\n" : "";
    // A group that was not there is not there again.
    const left = expected.replace("text/html=box.desktop\n", line).replace(/\[Default Applications\]\n$/, "");
    assertEquals(remove(made, "box.desktop"), { text: left, records: [] });
  }
});

Deno.test("what the user has changed meanwhile stays", () => {
  const made = set(none, pdf!, "box.desktop");
  for (const text of [withPdf("mine.desktop;box.desktop;"), withPdf(undefined), "", withPdf("")]) {
    assertEquals(remove({ ...made, text }, "box.desktop"), { text, records: [] });
  }
  const again = set({ ...made, text: withPdf("mine.desktop") }, pdf!, "box.desktop");
  assertEquals(remove(again, "box.desktop"), { text: withPdf("mine.desktop"), records: [] });
});

Deno.test("whichever of several containers goes first, the end is what was there before the first", () => {
  const steps = { one: "one.desktop", two: "two.desktop", three: "three.desktop" };
  const names = Object.values(steps);
  const orders = names.flatMap((a) => names.flatMap((b) => names.map((c) => [a, b, c])))
    .filter((order) => new Set(order).size === 3);
  for (const order of orders) {
    // The first takes it back at the end.
    let defaults: Defaults = ["one.desktop", "two.desktop", "three.desktop", "one.desktop"]
      .reduce((before, name) => set(before, pdf!, name), none as Defaults);
    const left = [...names];
    for (const name of order) {
      defaults = remove(defaults, name);
      left.splice(left.indexOf(name), 1);
      const latest = ["one.desktop", "three.desktop", "two.desktop"].find((one) => left.includes(one));
      assertEquals(defaults.text, latest === undefined ? list : withPdf(latest), order.join());
    }
    assertEquals(defaults, none);
    assertEquals(
      withoutDefaults(names.reduce((before, name) => set(before, pdf!, name), none as Defaults), () => true),
      none,
    );
  }
});

testWith(
  ["gio", "update-desktop-database"],
  "exportApps() makes an app the default for what the user names, and unexportApps() undoes it",
  async () => {
    const entries: Record<string, string> = { one: writer, two: writer.replace("text/rtf", "text/csv;text/html") };
    await withMenu(entries, async ({ data, exportNow, unexport, recorded }) => {
      const path = join(data, ".config/mimeapps.list");
      const applications = join(data, "applications");
      await Deno.mkdir(applications);
      await Deno.mkdir(dirname(path));
      for (const id of ["editor", "browser"]) {
        await Deno.writeTextFile(
          join(applications, `${id}.desktop`),
          "[Desktop Entry]\nType=Application\nName=x\nExec=true\n",
        );
      }
      // GLib leaves out an entry whose program is not there.
      await Deno.symlink("/bin/true", join(data, "open-in-container"));
      const before = "[Default Applications]\ntext/rtf=editor.desktop\ntext/html=browser.desktop\n";
      await Deno.writeTextFile(path, before, { mode: 0o600 });
      const opens = async (type: string): Promise<string | undefined> => {
        await runProcess(["update-desktop-database", applications]);
        const env = {
          HOME: data,
          PATH: `${data}:${Deno.env.get("PATH")}`,
          XDG_DATA_HOME: data,
          XDG_DATA_DIRS: join(data, "none"),
          XDG_CONFIG_HOME: dirname(path),
          LC_ALL: "C",
        };
        return / (\S+\.desktop)$/m.exec((await runProcess(["gio", "mime", type], { env, okCodes: "any" })).stdout)?.[1];
      };
      // Of the types that have no default, a container gets none.
      const request = readExport([], { flags: new Map(), values: new Map([["default", "text/rtf"]]) });
      assertEquals(await exportNow(request), ["one", "two"]);
      assertEquals([await opens("text/rtf"), await opens("text/html"), await opens("text/csv"), await modeOf(path)], [
        "gui-container-box.one.desktop",
        "browser.desktop",
        undefined,
        0o600,
      ]);
      assertEquals(recorded.said.filter((line) => line.includes("opens")), [
        "status: text/rtf opens in [box] Writer",
      ]);

      // Without --default it stays; the app that opens it no more is the default no more.
      for (const withTypes of [true, false]) {
        await exportNow({ withTypes });
        assertEquals([await opens("text/rtf"), await opens("text/csv")], [
          "gui-container-box.one.desktop",
          withTypes ? "gui-container-box.two.desktop" : undefined,
        ]);
      }
      for (const change of [() => entries.one = writer.replace("text/rtf", "text/x"), () => delete entries.one]) {
        entries.one = writer;
        await exportNow(request);
        change();
        await exportNow();
        assertEquals(await Deno.readTextFile(path), before);
        assertEquals(await exists(join(data, "gui-container/defaults.json")), false);
      }
      await exportNow({ defaultTypes: ["text/html", "text/csv"] });
      assertEquals(await opens("text/html"), "gui-container-box.two.desktop");
      await unexport();
      assertEquals(await Deno.readTextFile(path), before);
      assertEquals(await exists(join(data, "gui-container")), false);
      assertEquals((await Deno.lstat(path)).isFile, true);
    });
  },
);
