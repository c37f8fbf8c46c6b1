// An address in the place of an app: which app of the container opens it, and what a container may answer.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import findApps from "../../../lib/attach/find_apps.sh" with { type: "text" };
import {
  isAddress,
  isFileAddress,
  noteOpening,
  withDefaultApp,
  withOpenedFile,
} from "../../../lib/attach/default_app.ts";
import { typeOf } from "../../../lib/channels/file_types.ts";
import type { StartRequest } from "../../../lib/settings/request.ts";
import { findPlace } from "../../../lib/attach/same_app.ts";
import { openChannels, recordChannels } from "../../../lib/settings/channels.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { withValues } from "../../../lib/base/shell_words.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { wasOpened } from "../../../lib/channels/opening.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";

const url = "https://example.org/";

/** Tests with a container that names these browsers, and in which these apps run. */
async function withContainer(
  { browsers, apps = [] }: { browsers: string; apps?: readonly string[] },
  test: (container: Container) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const sessions = apps.map((app, index) =>
    [`s${index}`, "x11", 7, 1, 1_700_000_000, recordChannels(openChannels({}), new Set()), "", JSON.stringify(app)]
      .join("\t")
  );
  try {
    await test({
      host: recordingHost().host,
      label: "box",
      engine: engineCalled("incus"),
      mounts: { directory },
      connect: () => Promise.resolve(),
      seenSessions: () => Promise.resolve(apps.map((_, index) => `s${index}`)),
      script: ({ script }: { script: string }) =>
        Promise.resolve({ stdout: script.endsWith(findApps) ? browsers : sessions.join("\n") }),
    } as unknown as Container);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What opens what is in the place of the app. */
async function openedBy(container: Container, request: StartRequest): Promise<StartRequest> {
  await using scope = new AsyncDisposableStack();
  const found = await withDefaultApp(container, request);
  if (!found.app.includes("atril")) return found;
  const { session, live } = await findPlace(container, found);
  const given = { given: request, found, session, isLive: live !== undefined };
  return { ...await withOpenedFile(container, given, scope), session };
}

const request = { app: [url], display: "auto", open: new Set(), asks: new Set() } as unknown as StartRequest;

Deno.test("only an address of the web stands for a browser", () => {
  assertEquals([url, "http://a", "firefox", "-https://a", "file:///a", "ahttps://b"].map(isAddress), [
    ...[true, true],
    ...[false, false, false, false],
  ]);
});

Deno.test("a file in the app's place is lent, to read, and opened by the container's app for its name", async () => {
  const calls: unknown[] = [];
  const loansOf = (session: string) =>
    Promise.resolve({
      open: (...given: unknown[]) => (calls.push([session, ...given]), Promise.resolve(["/home/ubuntu/maps/1-a.pdf"])),
      end: (given: unknown) => Promise.resolve(void calls.push(given)),
    });
  const pdf = { ...request, app: ["file:///home/me/a%20b.pdf"] };
  const path = "/home/me/a b.pdf";
  const scripts: string[] = [];
  const test = async (apps: string[], given: StartRequest): Promise<StartRequest> => {
    let found: StartRequest | undefined;
    await withContainer({ browsers: "atril %U\n", apps }, async (container) => {
      const { script } = container;
      const spied: Container["script"] = (options) => (scripts.push(options.script), script(options));
      found = await openedBy({ ...container, script: spied, loans: loansOf } as unknown as Container, given);
    });
    return found!;
  };
  const app = ["atril", "/home/ubuntu/maps/1-a.pdf"];
  const fresh = await test(["atril-x"], pdf);
  assertEquals([fresh.app, fresh.session, fresh.joinsAny], [app, "atril", true]);
  assertStringIncludes(scripts[0]!, "type=application/pdf\n");
  const toRead = { readOnly: true, handed: false };
  assertEquals(calls.splice(0), [["atril", [path], toRead], { runsOn: false }]);
  // Nor does it stay in a session that was to be left, and never began.
  await test([], { ...pdf, detached: true });
  assertEquals(calls.splice(0), [["atril", [path], toRead], { runsOn: false }]);
  // The app that runs may go on to show it when the one that was started has ended.
  assertEquals((await test(["xterm", "atril /x.pdf"], pdf)).session, "s1");
  assertEquals(calls.splice(0), [["s1", [path], toRead], { runsOn: true }]);
  // A copy goes with what it has.
  await test(["atril"], { ...pdf, session: "s0", isDisposable: true, detached: true });
  assertEquals(calls.splice(0), [["s0", [path], toRead], { runsOn: false }]);
  // In a copy it is already.
  const inCopy = { ...pdf, app: [...pdf.app, "/home/ubuntu/maps/a b.pdf"], isDisposable: true };
  assertEquals([(await test([], inCopy)).app, calls], [["atril", "/home/ubuntu/maps/a b.pdf"], []]);
});

Deno.test("only the name of a file decides by which app it is opened, and none whose app would run it is", () => {
  assertEquals(["a.pdf", "/x.y/b.ODT", "c.tar.zip"].map(typeOf), [
    "application/pdf",
    "application/vnd.oasis.opendocument.text",
    "application/zip",
  ]);
  for (
    const name of [
      ...["a", "pdf", ".pdf", "a.pdf_", "a.sh", "a.jar", "a.exe", "a.desktop", "a.py", "a.deb", "a.jnlp", "a."],
      ...["a.constructor", "a.toString", "a.pdf jpg", "a.oga ogg"],
    ]
  ) assertEquals(typeOf(name), undefined, name);
  assertEquals(["file:///a", "file://a/b", "FILE:///a", "/a", "-file:///a"].map(isFileAddress), [
    ...[true, false, false, false, false],
  ]);
});

Deno.test("an address is opened by the browser that runs, else by the first that the container names", async () => {
  const browsers = "/usr/lib/ff/firefox %u\nflatpak run --branch=stable org.chromium.Chromium @@u %U @@\nfalkon\n";
  await withContainer({ browsers }, async (container) => {
    assertEquals((await openedBy(container, request)).app, ["/usr/lib/ff/firefox", url]);
  });
  await withContainer({ browsers, apps: ["xterm", "falkon --private"] }, async (container) => {
    const found = await openedBy(container, request);
    assertEquals(found.app, ["falkon", url]);
    // It has other channels than the request, and nobody asks for those.
    assertEquals((await findPlace(container, found)).live?.session, "s1");
    await assertRejects(() => findPlace(container, { ...found, joinsAny: false }), UserError, "other channels");
  });
});

Deno.test("an address joins a browser that a launcher has started, with the address that it had then", async () => {
  const snap = "env BAMF_DESKTOP_FILE_HINT=/x/firefox.desktop /snap/bin/firefox";
  const flatpak = "flatpak run --branch=stable org.chromium.Chromium";
  await withContainer({
    browsers: `${snap} %u\n${flatpak} @@u %U @@\n`,
    apps: ["env", "flatpak run org.gnome.Maps https://a.example/", `${flatpak} https://a.example/`],
  }, async (container) => {
    const found = await openedBy(container, request);
    assertEquals([found.app, found.session], [[...flatpak.split(" "), url], "s2"]);
    assertEquals((await findPlace(container, found)).live?.session, "s2");
    // Those are for a session of their own.
    assertEquals((await openedBy(container, { ...request, session: "mine" })).session, "mine");
    assertEquals((await openedBy(container, { ...request, detached: true })).session, undefined);
  });
  await withContainer({ browsers: `${snap} %u\n`, apps: [snap.replace("firefox.d", "x.d")] }, async (container) => {
    assertEquals((await openedBy(container, request)).session, undefined);
  });
});

Deno.test("a container cannot have anything else done by the name of a browser", async () => {
  const lies = [
    "--join",
    "-x",
    "firefox; touch /tmp/x",
    "firefox '$(id)'",
    "$(id)",
    "a\tb'",
    "",
    "env",
    `${"a".repeat(1001)}`,
    "é",
  ];
  await withContainer({ browsers: lies.join("\n") }, async (container) => {
    const { message, exitCode } = await assertRejects(() => openedBy(container, request), UserError);
    assertEquals([message, exitCode], ['There is no web browser in the container "box"', 127]);
  });
  await withContainer({ browsers: `${"x;\n".repeat(30)}firefox\n` }, async (container) => {
    await assertRejects(() => openedBy(container, request), UserError, "web browser");
  });
});

Deno.test("that a link was opened in a container is noted on the host, for a moment; not of a copy", async () => {
  await withContainer({ browsers: "" }, async (container) => {
    for (const other of [{ isOpening: true, isDisposable: true }, { isOpening: false }]) {
      await noteOpening(container, other);
      assertEquals(await wasOpened(container.mounts), false);
    }
    await noteOpening(container, { isOpening: true });
    assertEquals(await wasOpened(container.mounts), true);
    await noteOpening({ ...container, mounts: { ...container.mounts, directory: "/none" } }, { isOpening: true });
  });
});

Deno.test("find_apps.sh names the default app first, then the others, and none for a terminal", async () => {
  const home = await Deno.makeTempDir();
  try {
    const applications = join(home, ".local/share/applications");
    await Deno.mkdir(applications, { recursive: true });
    const entry = (exec: string, more = ""): string =>
      `[Desktop Entry]\nExec=${exec} %u\nMimeType=text/html;x-scheme-handler/https;\n${more}` +
      "[Desktop Action new]\nExec=other\n";
    for (
      const [name, text] of [
        ["a.desktop", entry("one")],
        ["b.desktop", entry("two")],
        ["c.desktop", entry("w3m", "Terminal=true\n")],
        ["d.desktop", "[Desktop Entry]\nExec=editor\nMimeType=text/html\n"],
      ] as const
    ) await Deno.writeTextFile(join(applications, name), text);
    await Deno.mkdir(join(home, "bin"));
    const answers = async (id: string, type = "x-scheme-handler/https"): Promise<string[]> => {
      await Deno.writeTextFile(join(home, "bin/xdg-mime"), `#!/bin/sh\necho '${id}'\n`, { mode: 0o755 });
      const env = { HOME: home, PATH: `${home}/bin:${Deno.env.get("PATH")}` };
      const { stdout } = await runProcess(["/bin/sh", "-c", withValues(findApps, { type })], { env });
      return stdout.split("\n").filter((line) => /^(?:one|two|w3m|editor|other)\b/.test(line));
    };
    assertEquals(await answers("b.desktop"), ["two %u", "one %u", "two %u"]);
    assertEquals(await answers(""), ["one %u", "two %u"]);
    assertEquals(await answers("../../x $(touch y).desktop"), ["one %u", "two %u"]);
    assertEquals(await answers("", "text/html"), ["one %u", "two %u", "editor"]);
    assertEquals(await answers("", "text/htm"), []);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
