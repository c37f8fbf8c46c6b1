// An address in the place of an app: which browser of the container opens it, and what a container may answer.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import findBrowsers from "../../../lib/attach/find_browsers.sh" with { type: "text" };
import { isAddress, noteOpenedLink, withBrowser } from "../../../lib/attach/browser.ts";
import type { StartRequest } from "../../../lib/attach/display/request.ts";
import { findSameApp } from "../../../lib/attach/same_app.ts";
import { openChannels, recordChannels } from "../../../lib/attach/session/channels.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { wasLinkOpened } from "../../../lib/container/opened_links.ts";
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
      ...{ label: "box", options: [], mounts: { directory } },
      connect: () => Promise.resolve(),
      seenSessions: () => Promise.resolve(apps.map((_, index) => `s${index}`)),
      script: ({ script }: { script: string }) =>
        Promise.resolve({ stdout: script === findBrowsers ? browsers : sessions.join("\n") }),
    } as unknown as Container);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const request = { app: [url], display: "auto", open: new Set(), asks: new Set() } as unknown as StartRequest;

Deno.test("only an address of the web stands for a browser", () => {
  assertEquals([url, "http://a", "firefox", "-https://a", "file:///a", "ahttps://b"].map(isAddress), [
    ...[true, true],
    ...[false, false, false, false],
  ]);
});

Deno.test("an address is opened by the browser that runs, else by the first that the container names", async () => {
  const browsers = "/usr/lib/ff/firefox %u\nflatpak run --branch=stable org.chromium.Chromium @@u %U @@\nfalkon\n";
  await withContainer({ browsers }, async (container) => {
    assertEquals((await withBrowser(container, request)).app, ["/usr/lib/ff/firefox", url]);
  });
  await withContainer({ browsers, apps: ["xterm", "falkon --private"] }, async (container) => {
    const found = await withBrowser(container, request);
    assertEquals(found.app, ["falkon", url]);
    // It has other channels than the request, and nobody asks for those.
    assertEquals((await findSameApp(container, found))?.session, "s1");
    await assertRejects(() => findSameApp(container, { ...found, joinsAny: false }), UserError, "other channels");
  });
});

Deno.test("an address joins a browser that a launcher has started, with the address that it had then", async () => {
  const snap = "env BAMF_DESKTOP_FILE_HINT=/x/firefox.desktop /snap/bin/firefox";
  const flatpak = "flatpak run --branch=stable org.chromium.Chromium";
  await withContainer({
    browsers: `${snap} %u\n${flatpak} @@u %U @@\n`,
    apps: ["env", "flatpak run org.gnome.Maps https://a.example/", `${flatpak} https://a.example/`],
  }, async (container) => {
    const found = await withBrowser(container, request);
    assertEquals([found.app, found.session], [[...flatpak.split(" "), url], "s2"]);
    assertEquals((await findSameApp(container, found))?.session, "s2");
    // Those are for a session of their own.
    assertEquals((await withBrowser(container, { ...request, session: "mine" })).session, "mine");
    assertEquals((await withBrowser(container, { ...request, detached: true })).session, undefined);
  });
  await withContainer({ browsers: `${snap} %u\n`, apps: [snap.replace("firefox.d", "x.d")] }, async (container) => {
    assertEquals((await withBrowser(container, request)).session, undefined);
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
    const { message, exitCode } = await assertRejects(() => withBrowser(container, request), UserError);
    assertEquals([message, exitCode], ['There is no web browser in the container "box"', 127]);
  });
  await withContainer({ browsers: `${"x;\n".repeat(30)}firefox\n` }, async (container) => {
    await assertRejects(() => withBrowser(container, request), UserError, "There is no web browser");
  });
});

Deno.test("that a link was opened in a container is noted on the host, for a moment; not of a copy", async () => {
  await withContainer({ browsers: "" }, async (container) => {
    for (const other of [{ opensLink: true, isDisposable: true }, { opensLink: false }]) {
      await noteOpenedLink(container, other);
      assertEquals(await wasLinkOpened(container.mounts), false);
    }
    await noteOpenedLink(container, { opensLink: true });
    assertEquals(await wasLinkOpened(container.mounts), true);
    await noteOpenedLink({ ...container, mounts: { ...container.mounts, directory: "/none" } }, { opensLink: true });
  });
});

Deno.test("find_browsers.sh names the default browser first, then the others, and none for a terminal", async () => {
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
        ["d.desktop", "[Desktop Entry]\nExec=editor\nMimeType=text/html;\n"],
      ] as const
    ) await Deno.writeTextFile(join(applications, name), text);
    await Deno.mkdir(join(home, "bin"));
    const answers = async (id: string): Promise<string[]> => {
      await Deno.writeTextFile(join(home, "bin/xdg-mime"), `#!/bin/sh\necho '${id}'\n`, { mode: 0o755 });
      const env = { HOME: home, PATH: `${home}/bin:${Deno.env.get("PATH")}` };
      const { stdout } = await runProcess(["/bin/sh", "-c", findBrowsers], { env });
      return stdout.split("\n").filter((line) => /^(?:one|two|w3m|editor|other)\b/.test(line));
    };
    assertEquals(await answers("b.desktop"), ["two %u", "one %u", "two %u"]);
    assertEquals(await answers(""), ["one %u", "two %u"]);
    assertEquals(await answers("../../x $(touch y).desktop"), ["one %u", "two %u"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
