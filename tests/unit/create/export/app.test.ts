// Desktop entries as a container may write them: what of them becomes an app of the host's menu, and what never does.

import { assert, assertEquals } from "@std/assert";
import { type App, isAppId, parseEntry } from "../../../../lib/create/export/app.ts";
import { entry } from "../../menus.ts";
import { randomWords } from "../../samples.ts";

/** The app that an entry gives. */
function appOf(...lines: string[]): App {
  const app = parseEntry("editor", entry(...lines));
  assert(app && "command" in app, JSON.stringify(app));
  return app;
}

/** Why an entry gives no app. */
function refusalOf(...lines: string[]): string {
  const refused = parseEntry("editor", entry(...lines));
  assert(refused && "reason" in refused, JSON.stringify(refused));
  return refused.reason;
}

Deno.test("parseEntry() takes an honest entry as it is meant", () => {
  const text = `# a comment
[Desktop Entry]
Version=1.0
Type=Application
Name=LibreOffice Writer
Name[de]=LibreOffice Writer, deutsch
Name[sr@latin]=Pisac
GenericName[pt_BR]=Processador de texto
Comment=Create & edit text – "quickly"
Keywords=Text;Letter;Fax;
Keywords[ja]=テキスト;手紙;
Exec=env A=b libreoffice --writer %U
Icon=libreoffice-writer
StartupNotify=true
StartupWMClass=libreoffice-writer
Categories=X-Suite;Office;WordProcessor;
MimeType=application/vnd.oasis.opendocument.text;text/rtf;text/rtf;x-scheme-handler/vnd.libreoffice.command;
Actions=NewDocument;

[Desktop Action NewDocument]
Name=New Document
Exec=sh -c evil
Icon=other
`;
  assertEquals(parseEntry("libreoffice-writer", text), {
    id: "libreoffice-writer",
    name: "LibreOffice Writer",
    texts: new Map([
      ["Name", "LibreOffice Writer"],
      ["Name[de]", "LibreOffice Writer, deutsch"],
      ["Name[sr@latin]", "Pisac"],
      ["GenericName[pt_BR]", "Processador de texto"],
      ["Comment", 'Create & edit text – "quickly"'],
      ["Keywords", "Text;Letter;Fax;"],
      ["Keywords[ja]", "テキスト;手紙;"],
    ]),
    command: ["env", "A=b", "libreoffice", "--writer"],
    program: "libreoffice",
    opens: "address",
    icon: "libreoffice-writer",
    windowClass: "libreoffice-writer",
    category: "Office",
    mimeTypes: ["application/vnd.oasis.opendocument.text", "text/rtf", "x-scheme-handler/vnd.libreoffice.command"],
    notifies: true,
    isHidden: false,
  });
});

Deno.test("parseEntry() takes a command line apart, and keeps no field code", () => {
  for (
    const [exec, command, opens] of [
      ["gimp-3.0 %U", "gimp-3.0", "address"],
      ["/usr/bin/vlc --started-from-file %F", "/usr/bin/vlc --started-from-file", "file"],
      ['"/usr/bin/xterm" -name "a" %i %c %k', "/usr/bin/xterm -name a", "nothing"],
      [
        "flatpak run --command=gedit --file-forwarding org.gnome.gedit @@u %U @@",
        "flatpak run --command=gedit --file-forwarding org.gnome.gedit",
        "address",
      ],
      [
        "env BAMF_DESKTOP_FILE_HINT=/var/lib/x.desktop /snap/bin/firefox %u",
        "env BAMF_DESKTOP_FILE_HINT=/var/lib/x.desktop /snap/bin/firefox",
        "address",
      ],
    ] as const
  ) {
    const app = appOf(`Exec=${exec}`);
    assertEquals([app.command.join(" "), app.opens], [command, opens]);
  }
  assertEquals(appOf("Exec=env A=b C=d /opt/it/run").program, "run");
  assertEquals(appOf("Exec=/usr/lib/foo/foo").windowClass, "foo");
});

Deno.test("parseEntry() refuses a command line with anything that a shell or a launcher obeys", () => {
  for (
    const exec of [
      "",
      "%f",
      "env",
      "env A=b",
      "sh -c 'evil; more'",
      'sh -c "$HOME/evil"',
      "editor `id`",
      "editor \\$(id)",
      "editor\\nevil;",
      "editor & evil",
      "editor | evil",
      "editor > /tmp/x",
      "editor %%f",
      "editor --file=%f",
      "editor %f%",
      "--no-box editor",
      "/usr/bin/",
      "-x",
      "-/x",
      "--border=/x",
      "éditeur",
      "editor 'a b'",
      'editor "unclosed',
      "editor a\\\\\\\\b",
      "editor \x1b[2J",
      `editor ${"a".repeat(1_000)}`,
      `editor ${"a ".repeat(41)}`,
    ]
  ) assert(/command line/.test(refusalOf(`Exec=${exec}`)), exec);
  for (const word of randomWords(2_000, 1)) {
    const app = parseEntry("x", entry(`Exec=editor ${word.replaceAll("\n", " ")}`));
    if (app && "command" in app) assert(/^[A-Za-z0-9@+=:,./_ -]+$/.test(app.command.join(" ")), word);
  }
});

Deno.test("parseEntry() shows no text that could pass for another, steer a terminal or be markup", () => {
  for (
    const text of [
      "\x1b[31mRed",
      "two\\nlines",
      "a\\ttab",
      "<b>Bold</b>",
      "turned \u202eround",
      "in\u200bvisible",
      "\u2028line",
      "\ue000private",
      "back\\\\slash",
      "b\u0301\u0301\u0301\u0301\u0301",
      "b\u0301\u0301\u034f\u0301\u0301",
      "\u0301first",
      "\u3164\u115f\u2800\ufe0f",
      "\u3164 b",
      " ",
      "",
      "n".repeat(61),
    ]
  ) {
    assertEquals(refusalOf(`Name=${text}`), "has no name that can be shown", JSON.stringify(text));
    assert(!appOf("Name=Editor", `Name[de]=${text}`).texts.has("Name[de]"));
  }
  const app = appOf("Name=Editor", "Name[de\x1b]=a", "Name[../x]=b", "Name[en_us]=c", "X-Name=d", "Comment[de]=e");
  assertEquals([...app.texts.keys()], ["Name", "Comment[de]"]);
  assertEquals(appOf("Keywords=good;<bad>;\x1b;\u3164;also;").texts.get("Keywords"), "good;also;");
  assertEquals(appOf("Name=❤\ufe0f Fire\u2800f\u{e0100}ox\u3164").name, "❤ Firefox");
});

Deno.test("parseEntry() takes of other keys only what has their form", () => {
  const app = appOf(
    "Icon=../../etc\x00/shadow",
    "StartupWMClass=a\x1b",
    "Categories=constructor;__proto__;Settings;X;",
    "MimeType=text/plain;inode/directory;text/../x;evil;text/a b;",
    "Path=/etc",
    "TryExec=evil",
    "DBusActivatable=true",
  );
  assertEquals(
    [app.icon, app.windowClass, app.category, app.mimeTypes],
    [undefined, "editor", undefined, ["text/plain"]],
  );
  assertEquals(appOf(`MimeType=${Array.from({ length: 500 }, (_, n) => `text/${n};`).join("")}`).mimeTypes.length, 100);
  assertEquals(appOf("Categories=Audio;Player;").category, "AudioVideo");
});

Deno.test("parseEntry() takes an icon's name or path, as it fits into a command line", () => {
  for (const icon of ["org.gnome.Maps", "/snap/firefox/1/meta/gui/icon.png", "/opt/My App/a.svg"]) {
    assertEquals(appOf(`Icon=${icon}`).icon, icon);
  }
  for (const icon of ["", "../x", "-c", "/a'b", "/é", "/a\x1b", "a".repeat(201)]) {
    assertEquals(appOf(`Icon=${icon}`).icon, undefined);
  }
});

Deno.test("parseEntry() reads the first value of the entry's own group", () => {
  const text = `Name=Before\n[Other]\nName=Other\n${
    entry("Name=Editor", "Name=Evil")
  }\n[Desktop Entry Evil]\nExec=evil`;
  const app = parseEntry("editor", text) as App;
  assertEquals([app.name, app.command], ["Editor", ["editor"]]);
});

Deno.test("parseEntry() leaves out what is no app for a menu", () => {
  assertEquals(refusalOf("Type=Link"), "is not an application");
  assertEquals(refusalOf("Terminal=true"), "runs in a terminal");
  assertEquals(parseEntry("editor", entry("Hidden=true")), undefined);
  assert(appOf("NoDisplay=true").isHidden && appOf("OnlyShowIn=GNOME;").isHidden);
  for (const text of ["", "\n".repeat(100_000), "[Desktop Entry", "=", "[Desktop Entry]\n=x\n[]=y\n"]) {
    assertEquals((parseEntry("x", text) as { reason: string }).reason, "is not an application");
  }
});

Deno.test("isAppId() keeps paths, blanks and dots in front out of file names", () => {
  for (const id of ["xterm", "org.gnome.Maps", "gimp-3.0", "a+b_c"]) assert(isAppId(id), id);
  for (const id of ["", ".", "..", "../x", "a/b", "a b", "-a", ".a", "a\n", "é", "a".repeat(101)]) {
    assert(!isAppId(id), id);
  }
});
