// Links, notifications, files and print jobs of apps: what the host does of what a container asks for.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type DesktopLine, desktopOf, type Outcome } from "../../../../lib/attach/agent/desktop.ts";
import { maxHandedBytes } from "../../../../lib/container/handed.ts";
import { parseRequest } from "../../../../lib/attach/agent/requests.ts";
import { programPath } from "../../../../lib/base/called.ts";
import { ExitCode, UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { type AskableChannel, askableNames } from "../../../../lib/guard/channel.ts";
import type { Place } from "../../../../lib/attach/session/places.ts";
import { noteOpened } from "../../../../lib/container/opened.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { createConsent } from "../../../../lib/guard/consent.ts";
import { createPermissions, type Permissions } from "../../../../lib/attach/session/permissions.ts";
import { ubuntuUser } from "../../../../lib/container/user.ts";
import { openHistory, readHistory } from "../../../../lib/container/history.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

/** What runs here as it would: all but dialogs, the desktop and the printer. */
const real = ["head", "mv"];

interface World {
  /** Says one line as the agent. */
  ask: (line: Record<string, unknown>) => Promise<Outcome>;
  /** The same, by its own words only. */
  act: (line: DesktopLine) => Promise<Outcome>;
  /** The programs that have run. */
  programs: () => string[];
  /** What the desktop and the printer were told. */
  done: string[][];
  /** Ends the runs of attach.ts that go on, with this exit status, as if their containers had made this of their files. */
  endRuns: (code: number, version?: string) => Promise<void>;
  /** Waits until nothing is waited for any more. */
  settled: () => Promise<void>;
  /** Ends them where the files stay with sessions that go on. */
  endStarted: () => void;
  /** The directory of the container on the host. */
  directory: string;
  /** The texts of the questions. */
  asked: string[];
  said: string[];
  /** Writes a file into the container. */
  put: (name: string, text: string) => Promise<{ path: string; size: number }>;
  kept: () => Promise<Record<string, string>>;
  downloads: string;
  pass: (ms: number) => void;
  over: AbortController;
  permissions: Permissions;
  /** The lines of the container's history. */
  written: () => Promise<unknown[]>;
}

async function inWorld(
  {
    open = askableNames,
    asks = [],
    linkPlaces,
    filePlaces,
    answer = "Allow once",
    printer = "Office",
    isConfined = false,
    options: engineOptions = [],
    settings,
    missing = [],
    opens = true,
  }: {
    open?: readonly AskableChannel[];
    asks?: readonly AskableChannel[];
    linkPlaces?: readonly Place[];
    filePlaces?: readonly Place[];
    answer?: string | ((over: AbortController) => string);
    printer?: string;
    /** Whether the container's network is closed. */
    isConfined?: boolean;
    /** What other runs need for the same engine. */
    options?: readonly string[];
    /** The text of the settings file. */
    settings?: string;
    /** Programs that are not installed. */
    missing?: readonly string[];
    /** Whether the host's program opens links. */
    opens?: boolean;
  },
  test: (world: World) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [inside, own, downloads] = ["inside", "own", "Down loads"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [inside, own, downloads]) await Deno.mkdir(path);
  if (settings !== undefined) {
    const config = join(directory, ".config/gui-container");
    await Deno.mkdir(config, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(join(config, "config.yaml"), settings, { mode: 0o600 });
  }
  const { host, said } = recordingHost({ env: { HOME: directory, XDG_DOWNLOAD_DIR: downloads } });
  const done: string[][] = [];
  const asked: string[] = [];
  const over = new AbortController();
  let time = 0;
  const programs: string[] = [];
  host.run = async (argv, options) => {
    programs.push(argv[0]!);
    if (real.includes(argv[0]!)) return await runProcess(argv, options);
    // What is to run in the container runs here, as this user.
    const inside = argv[1] === "exec" ? argv.slice(argv.indexOf("--") + 1) : [];
    if (inside.length > 0) {
      return await runProcess(inside.filter((word) => !/^(setpriv|--re[ug]id=.*|--clear-groups)$/.test(word)), options);
    }
    const result = { argv, code: 0, signal: null, stdout: "", stderr: "" };
    if (argv[0] === "zenity") {
      asked.push(argv.find((word) => word.startsWith("--text="))!.slice("--text=".length));
      // A yes counts after three seconds only.
      time += 3_050;
      const said = typeof answer === "string" ? answer : answer(over);
      return { ...result, code: said === "Refuse for this session" ? 0 : 1, stdout: said };
    }
    if (argv[0] === "lpstat") {
      return {
        ...result,
        stdout: printer === "" ? "no system default destination\n" : `system default destination: ${printer}\n`,
      };
    }
    done.push([...argv]);
    return result;
  };
  const runs: ((code: number) => void)[] = [];
  host.start = (argv) => {
    if (missing.includes(argv[0]!)) throw new UserError(`${argv[0]} is not installed`, { hint: "Install it" });
    done.push([...argv]);
    const { promise, resolve } = Promise.withResolvers<number>();
    if (argv[0] === "xdg-open") resolve(opens ? 0 : 3);
    else runs.push(resolve);
    const ended = promise.then((code) => ({ argv, code, signal: null, stdout: "", stderr: "" }));
    return { pid: 1, ended, kill() {} };
  };
  const history = openHistory(host, { name: "box" });
  const user = { ...ubuntuUser, home: join(directory, "home") };
  const box = localBox(host, { user, directory: own, mounts: mountsIn({ env: () => directory }, "box"), history });
  await Deno.mkdir(box.mounts.directory);
  const container = { ...box, options: engineOptions, run: host.run, isConfined: () => Promise.resolve(isConfined) };
  const now = (): number => time;
  const permissions = createPermissions(container, { open: new Set(open) });
  const opening = {
    ...linkPlaces ? { links: { places: linkPlaces } } : {},
    ...filePlaces ? { files: { places: filePlaces } } : {},
  };
  const options = { permissions, asks: new Set(asks), opening, signal: over.signal, now };
  const { act, settled } = desktopOf(container, { ...options, consent: createConsent({ now, startHour: () => {} }) });
  try {
    await test({
      act,
      settled,
      permissions,
      ask: (line) => act(parseRequest(JSON.stringify(line)) as DesktopLine),
      programs: () => programs,
      done,
      async endRuns(code, version) {
        for (const { name } of Deno.readDirSync(own)) {
          if (version !== undefined) await Deno.writeTextFile(join(own, name, ".version"), version);
          for (const file of Deno.readDirSync(join(own, name))) {
            if (file.name !== ".version") await Deno.remove(join(own, name, file.name));
          }
        }
        for (const end of runs.splice(0)) end(code);
        const left = (): string[] => [...Deno.readDirSync(own)].map(({ name }) => name);
        let tries = 0;
        do await new Promise((resolve) => setTimeout(resolve)); while (left().length > 0 && ++tries < 5_000);
        assertEquals(left(), [], "runs have ended, and this is left of them");
      },
      endStarted: () => runs.splice(0).forEach((end) => end(0)),
      directory: box.mounts.directory,
      asked,
      said,
      async put(name, text) {
        const path = join(inside, name);
        await Deno.writeTextFile(path, text);
        return { path, size: new TextEncoder().encode(text).length };
      },
      async kept() {
        const names = [...Deno.readDirSync(downloads)].map(({ name }) => name).toSorted();
        return Object.fromEntries(
          await Promise.all(names.map(async (name) => [name, await Deno.readTextFile(join(downloads, name))])),
        );
      },
      downloads,
      pass: (ms) => void (time += ms),
      over,
      async written() {
        await history.written();
        return (await readHistory(host, "box")).map(({ time: _, ...line }) => line);
      },
    });
    over.abort();
    await settled();
    await history.written();
    assertEquals([...Deno.readDirSync(own)], [], "something is left of a file");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("links, files, print jobs and answers are written down: of a link the host only", () =>
  inWorld({ asks: ["links", "notifications"] }, async ({ ask, put, written }) => {
    await ask({ ask: "link", url: "https://example.com/secret?q=1" });
    await ask({ ask: "notify", summary: "From Jane", body: "private" });
    await ask({ ask: "file", id: 1, name: "a.txt", ...await put("a", "12345") });
    await ask({ ask: "print", id: 2, name: "b.pdf", ...await put("b", "%PDF-1.7") });
    assertEquals(await written(), [
      { kind: "question", channel: "links", about: "example.com", answer: "Allow once" },
      { kind: "link", host: "example.com", where: "on this host" },
      { kind: "question", channel: "notifications", about: "", answer: "Allow once" },
      { kind: "download", name: "a.txt", bytes: 5 },
      { kind: "question", channel: "printing", about: "b.pdf", answer: "Allow once" },
      { kind: "print", name: "b.pdf", bytes: 8, printer: "Office" },
    ]);
  }));

Deno.test("a link is not written down that no program opens", async () => {
  for (const linkPlaces of [[{ on: "host" }], [web]] as const) {
    const missing = ["xdg-open", programPath("attach.ts")];
    await inWorld({ linkPlaces, missing }, async ({ ask, said, written }) => {
      assertEquals(await ask({ ask: "link", url: "https://example.com/" }), "not done");
      assertStringIncludes(said.join("\n"), "is not installed. Install it");
      assertEquals(await written(), []);
    });
  }
});

Deno.test("a link that the host's program could not open is written down as that", () =>
  inWorld({ opens: false }, async ({ ask, said, written }) => {
    await ask({ ask: "link", url: "https://example.com/" });
    const link = { kind: "link", host: "example.com", where: "on this host" };
    assertEquals(await written(), [link, { ...link, failed: true }]);
    assertStringIncludes(said.join("\n"), "xdg-open ended with exit status 3");
  }));

Deno.test("a storm of links ends with the lines for an hour, not with the first line", () =>
  inWorld({}, async ({ ask, done, said, written, pass }) => {
    for (let number = 0; number < 400; number++) {
      await ask({ ask: "link", url: `https://${number}.example/` });
      pass(2_000);
    }
    assertEquals(done.length, 300);
    assertStringIncludes(said.join("\n"), "as often as the history has room for in an hour");
    const lines = await written();
    assertEquals([lines.length, lines[0]], [300, { kind: "link", host: "0.example", where: "on this host" }]);
  }));

Deno.test("only links of the web are opened, and not many", () =>
  inWorld({}, async ({ ask, done, said, pass }) => {
    await ask({ ask: "link", url: "https://example.com/a b?q=1#x" });
    assertEquals(done, [["xdg-open", "https://example.com/a%20b?q=1#x"]]);
    for (
      const url of [
        ...[
          "file:///etc/passwd",
          "javascript:alert(1)",
          "mailto:?attach=/etc/passwd",
          "-h",
          "x",
          "https://",
          "ssh://a",
        ],
        ...[`https://${"a".repeat(254)}/`, `https://a/${"b".repeat(8192)}`],
      ]
    ) {
      pass(10_000);
      assertEquals(await ask({ ask: "link", url }), "not done", url);
    }
    assertEquals(done.length, 1);
    pass(10_000);
    for (let times = 0; times < 50; times++) await ask({ ask: "link", url: "https://example.com/" });
    assertEquals(done.length, 6);
    pass(4_000);
    for (let times = 0; times < 50; times++) await ask({ ask: "link", url: "https://example.com/" });
    assertEquals(done.length, 8);
    // Each reason is told once.
    assertEquals(new Set(said).size, said.length);
  }));

const web = { on: "container", container: "web" } as const;
const copyOfWeb = { on: "copy", container: "web" } as const;

Deno.test("a link opens in another container, in a copy that opens none, or where the user chooses", async () => {
  const url = "https://example.com/a";
  await inWorld({ linkPlaces: [web] }, async ({ ask, done }) => {
    assertEquals(await ask({ ask: "link", url }), "done");
    assertEquals(done.map((argv) => argv.slice(1)), [["web", "--", url]]);
    assertEquals(done[0]![0], programPath("attach.ts"));
  });
  await inWorld({ linkPlaces: [copyOfWeb], asks: ["links"] }, async ({ ask, done, asked }) => {
    await ask({ ask: "link", url });
    assertEquals(done.map((argv) => argv.slice(1)), [["--disposable", "--deny=links", "web", "--", url]]);
    assertStringIncludes(asked[0]!, 'The container "box" asks to open a link in a copy of "web". A yes');
  });
  const linkPlaces = [{ on: "host" }, web, copyOfWeb] as const;
  for (
    const [answer, argv] of [
      ["On this host", ["xdg-open", url]],
      ['In "web"', [programPath("attach.ts"), "web", "--", url]],
      ['In a copy of "web"', [programPath("attach.ts"), "--disposable", "--deny=links", "web", "--", url]],
      ["Refuse", undefined],
      ["Allow once", undefined],
    ] as const
  ) {
    // Also when the channel is open without a question.
    await inWorld({ linkPlaces, answer }, async ({ ask, done, asked }) => {
      assertEquals(await ask({ ask: "link", url }), argv ? "done" : "not done");
      assertEquals([done, asked.length], [argv ? [[...argv]] : [], 1], answer);
    });
  }
});

Deno.test("a link goes to the engine and the project that are set for its container, else to those of its own", async () => {
  const options = ["--engine=incus", "--project=mine"];
  for (
    const [set, kept] of [
      ["{ name: web, engine: lxc, project: shop }", []],
      ["{ name: web, engine: lxc }", ["--project=mine"]],
      ["{ name: web, project: shop }", ["--engine=incus"]],
      ["{ name: other, engine: lxc, project: shop }", options],
    ] as const
  ) {
    const settings = `containers:\n  - ${set}\n`;
    await inWorld({ linkPlaces: [web], options, settings }, async ({ ask, done }) => {
      await ask({ ask: "link", url: "https://example.com/" });
      assertEquals(done.map((argv) => argv.slice(1, -3)), [[...kept]], set);
    });
  }
});

Deno.test("a link says nothing to another container but an address: no option, no place, no command", () =>
  inWorld({ linkPlaces: [web] }, async ({ ask, done, pass }) => {
    for (const url of ["--disposable", "-oProxyCommand=x", "--preset=trusted https://a/", "file:///etc/passwd", ""]) {
      pass(10_000);
      assertEquals(await ask({ ask: "link", url }), "not done", url);
    }
    for (
      const [url, written] of [
        [
          "https://a/$(touch x);`id`' \"*?\n--preset=trusted",
          "https://a/$(touch%20x);%60id%60'%20%22*?--preset=trusted",
        ],
        [" --x", undefined],
        ["  https://a/%u%f", "https://a/%u%f"],
        ["https://disposable:bank@a/", "https://disposable:bank@a/"],
      ] as const
    ) {
      pass(10_000);
      await ask({ ask: "link", url });
      if (written !== undefined) assertEquals(done.at(-1)!.slice(1), ["web", "--", written]);
    }
    // Each as one word, after the mark that ends the options.
    for (const argv of done) assertEquals([argv.length, argv[2]], [4, "--"]);
    assertEquals(done.length, 3);
  }));

Deno.test("a storm of links for another container ends with a sentence, until what they have opened is closed", () =>
  inWorld({ linkPlaces: [copyOfWeb] }, async ({ ask, done, said, pass, endRuns }) => {
    for (let times = 0; times < 20; times++) {
      await ask({ ask: "link", url: `https://example.com/${times}` });
      // Each is slow enough for the rate.
      pass(3_000);
    }
    assertEquals(done.length, 4);
    assertEquals(said.map((line) => line.replace(/^.* not done: /, "")), [
      "4 links and files that it has opened in containers are still starting, or shown: close one",
    ]);
    await endRuns(1);
    assertMatch(said.at(-1)!, /: a link to example\.com: \S+ ended with exit status 1\. Try it/);
    await ask({ ask: "link", url: "https://example.com/" });
    assertEquals(done.length, 5);
  }));

Deno.test("a link that may come from another container, by way of this one, waits for the user", async () => {
  for (const answer of ["Refuse", "Allow once"]) {
    await inWorld({ linkPlaces: [web], answer }, async ({ ask, done, asked, directory, pass }) => {
      const { host } = recordingHost();
      await noteOpened(host, { directory });
      await ask({ ask: "link", url: "https://example.com/round" });
      assertStringIncludes(asked[0]!, "A link or a file was opened in this container from outside a moment ago");
      assertEquals(done.length, answer === "Refuse" ? 0 : 1);
      await Deno.utime(join(directory, "link-opened"), 0, Date.now() / 1000 - 31);
      pass(10_000);
      await ask({ ask: "link", url: "https://example.com/later" });
      assertEquals([asked.length, done.at(-1)?.at(-1)], [1, "https://example.com/later"]);
    });
  }
});

const office = { on: "container", container: "office" } as const;
const copyOfOffice = { on: "copy", container: "office" } as const;

Deno.test("a file opens in another container, in a copy that opens none, or where the user chooses", async () => {
  for (const [place, options] of [[office, []], [copyOfOffice, ["--disposable", "--deny=links,files"]]] as const) {
    await inWorld({ filePlaces: [place] }, async ({ ask, done, put, kept, written, endRuns }) => {
      assertEquals(await ask({ ask: "file", id: 1, name: "a b%.pdf", ...await put("x", "abc") }), "done");
      const [argv] = done as [string[]];
      const address = argv.at(-1)!;
      assertEquals(argv.slice(0, -1), [programPath("attach.ts"), ...options, "office", "--"]);
      assert(/^file:\/\/\/.*\/file-[0-9a-f-]{36}\.out\/a%20b%25\.pdf$/.test(address), address);
      // Nothing of the container's is in it but what it said, and only the user can read it.
      const path = new URL(address);
      assertEquals([await Deno.readTextFile(path), (await Deno.stat(path)).mode! & 0o777], ["abc", 0o600]);
      assertEquals((await Deno.stat(new URL(".", path))).mode! & 0o777, 0o700);
      const where = place === office ? 'in "office"' : 'in a copy of "office"';
      assertEquals(await written(), [{ kind: "download", name: "a b%.pdf", bytes: 3, where }]);
      assertEquals(await kept(), {});
      await endRuns(0);
    });
  }
  const filePlaces = [{ on: "host" }, office, copyOfOffice] as const;
  for (const [answer, words, isKept] of [["On this host", [], true], ['In "office"', ["office"], false]] as const) {
    await inWorld({ filePlaces, answer }, async ({ ask, done, asked, put, kept, endRuns }) => {
      await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
      const runs = done.filter(([program]) => program === programPath("attach.ts"));
      assertEquals([runs.map(([, name]) => name), Object.keys(await kept()).length === 1], [[...words], isKept]);
      assertStringIncludes(asked[0]!, 'The container "box" asks to open a file. A yes');
      assertStringIncludes(asked[0]!, "\n\nName: a.pdf\nSize: 3 bytes");
      await endRuns(0);
    });
  }
  await inWorld({ filePlaces: [office], asks: ["files"], answer: "Refuse" }, async ({ ask, done, asked, put }) => {
    assertEquals(await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") }), "not done");
    assertStringIncludes(asked[0]!, 'asks to open a file in "office". A yes');
    assertEquals(done, []);
  });
});

Deno.test("a file says nothing to another container but a name and bytes, and is no program", () =>
  inWorld({ filePlaces: [office] }, async ({ ask, done, put, said, pass, endRuns }) => {
    const hand = async (name: string): Promise<Outcome> => {
      pass(10_000);
      const outcome = await ask({ ask: "file", id: 1, name, ...await put("x", "#!/bin/sh\n") });
      await endRuns(0);
      return outcome;
    };
    for (
      const [name, last] of [
        ["--preset=trusted.pdf", "preset=trusted.pdf"],
        ["../../../.ssh/a.txt", "a.txt"],
        ["a\n\u001b[31m $(x)\u202e.txt", "a%20[31m%20$(x).txt"],
        ["..%2f..%2fa.txt", "%252f..%252fa.txt"],
      ] as const
    ) {
      assertEquals(await hand(name), "done");
      assertEquals(done.at(-1)!.slice(1, 3), ["office", "--"]);
      assertEquals([done.at(-1)!.length, done.at(-1)!.at(-1)!.split("/").at(-1)], [4, last]);
    }
    for (const name of ["a", "a.sh", "a.desktop", "a.jar", "a.py", "a.pdf.exe", ".pdf"]) {
      assertEquals(await hand(name), "not done", name);
    }
    assertEquals(done.length, 4);
    assertStringIncludes(said.at(-1)!, "does not end as that of a document");
  }));

Deno.test("a file that containers do not open comes to the downloads, where these are among the places, once you agree", async () => {
  for (const answer of ["Allow once", "Refuse"]) {
    await inWorld({ filePlaces: [{ on: "host" }, office], answer }, async ({ ask, asked, put, kept }) => {
      const file = { ask: "file", id: 1, name: "a.blend", ...await put("x", "abc") };
      assertEquals(await ask(file), answer === "Refuse" ? "not done" : "done");
      assertEquals(Object.keys(await kept()), answer === "Refuse" ? [] : ["a.blend"]);
      assertStringIncludes(asked[0]!, "asks to save a file among your downloads");
    });
  }
});

Deno.test("a storm of files for another container ends with a sentence, and links are counted with them", () =>
  inWorld({ filePlaces: [copyOfOffice], linkPlaces: [web] }, async ({ ask, done, said, pass, put, endRuns }) => {
    const file = { ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") };
    for (let times = 0; times < 20; times++) {
      await ask(times === 0 ? { ask: "link", url: "https://example.com/" } : file);
      pass(3_000);
    }
    assertEquals(done.length, 4);
    assertStringIncludes(said.join("\n"), "4 links and files that it has opened in containers are still starting");
    await endRuns(0);
    await ask(file);
    assertEquals(done.length, 5);
    await endRuns(0);
  }));

const save = "Save the new version";

Deno.test("what another container has made of a file is saved beside it, once, after a yes only", async () => {
  for (const [place, where] of [[office, 'in "office"'], [copyOfOffice, 'in a copy of "office"']] as const) {
    for (const answer of [save, "Discard it"]) {
      await inWorld({ filePlaces: [place], answer }, async (world) => {
        const { ask, asked, put, written, said, endRuns, downloads, kept } = world;
        const directory = join(downloads, "../inside");
        const file = { ask: "file", id: 1, name: "a b.ods", ...await put("a b.ods", "abc"), directory };
        assertEquals([await ask(file), asked], ["done", []]);
        await endRuns(0, "changed");
        const question = `A file of the container "box" was changed ${where}. Save it as a new version? A yes`;
        assertStringIncludes(asked[0]!, question);
        assertStringIncludes(asked[0]!, `\n\nName: a b.ods\nSize: 7 bytes\nSaved beside it in: /`);
        assertEquals(asked.length, 1);
        const isSaved = answer === save;
        const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
        assertEquals(names, isSaved ? ["a b (2).ods", "a b.ods"] : ["a b.ods"]);
        assertEquals(await Deno.readTextFile(join(directory, "a b.ods")), "abc");
        const path = join(directory, "a b (2).ods");
        if (isSaved) assertEquals(await Deno.readTextFile(path), "changed");
        else assertStringIncludes(said.at(-1)!, 'The new version of "a b.ods" is discarded');
        const lines = (await written() as Record<string, unknown>[]).filter(({ kind }) => kind === "file");
        assertEquals(lines, isSaved ? [{ kind: "file", what: "saved", path, bytes: 7, where }] : []);
        assertEquals(await kept(), {});
      });
    }
  }
});

Deno.test("nobody is asked about a file that was not changed, or whose run has failed", () =>
  inWorld({ filePlaces: [office], answer: save }, async ({ ask, asked, put, pass, endRuns }) => {
    for (const code of [0, 1]) {
      pass(10_000);
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc") });
      await endRuns(code);
    }
    assertEquals(asked, []);
  }));

Deno.test("a yes to all files is none to what becomes of one, and a no for the session ends it", async () => {
  await inWorld({ filePlaces: [office], asks: ["files"], answer: "Allow for this session" }, async (world) => {
    const file = { ask: "file", id: 1, name: "a.ods", ...await world.put("a.ods", "abc") };
    assertEquals(await world.ask(file), "done");
    assertEquals(world.asked.length, 2);
    await world.endRuns(0, "changed");
    assertEquals(world.asked.length, 3);
    assertStringIncludes(world.asked[2]!, "Save it as a new version");
  });
  await inWorld({ filePlaces: [office], answer: "Refuse for this session" }, async (world) => {
    const file = { ask: "file", id: 1, name: "a.ods", ...await world.put("a.ods", "abc") };
    assertEquals(await world.ask(file), "done");
    await world.endRuns(0, "changed");
    assertEquals([await world.ask(file), world.asked.length], ["not done", 1]);
    assertStringIncludes(world.said.at(-1)!, "you have closed the channel");
  });
});

Deno.test("what another container has made of a file is among the downloads, unless a click saves or discards it", async () => {
  const answers = {
    "nobody answers": "",
    "no": "Refuse",
    "no for the session": "Refuse for this session",
    "there is no zenity": () => {
      throw new UserError("zenity is not installed", { hint: "Install it", exitCode: ExitCode.missingProgram });
    },
    "the run ends meanwhile": (over: AbortController) => {
      over.abort();
      return "Discard it";
    },
    "a name that cannot be shown": save,
    "no room there": save,
  };
  for (const [why, answer] of Object.entries(answers)) {
    await inWorld({ filePlaces: [office], answer }, async ({ ask, put, endRuns, kept, said, written, downloads }) => {
      const directory = why === "a name that cannot be shown" ? `/${"\u200b".repeat(100)}` : "/proc/none";
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
      // Its share cannot be made then.
      if (why === "no room there") await Deno.writeTextFile(join(downloads, "../home"), "");
      await endRuns(0, "changed");
      assertEquals(await kept(), { "a.ods": "changed" }, why);
      assertStringIncludes(said.at(-1)!, `is here: ${join(downloads, "a.ods")}`);
      const line = { kind: "download", name: "a.ods", bytes: 7, where: 'in "office"' };
      assertEquals((await written()).filter((each) => (each as { kind: string }).kind === "download").at(-1), line);
    });
  }
});

Deno.test("without downloads, what another container has made of a file is in the home directory", () =>
  inWorld({ filePlaces: [office], answer: "" }, async ({ ask, put, endRuns, downloads }) => {
    await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc") });
    await Deno.remove(downloads);
    await endRuns(0, "changed");
    assertEquals(await Deno.readTextFile(join(downloads, "../a.ods")), "changed");
  }));

Deno.test("of a storm of changed files, a few are asked about, one after the other, and none is lost", () =>
  inWorld(
    { filePlaces: [copyOfOffice], answer: save },
    async ({ ask, asked, said, done, put, endRuns, kept, downloads }) => {
      const directory = join(downloads, "../inside");
      for (let times = 0; times < 24; times++) {
        await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
        if (times % 4 === 3) await endRuns(0, `changed ${times}`);
      }
      assert(asked.length < 24, `${asked.length}`);
      assertStringIncludes(said.join("\n"), 'a new version of "a.ods" is not saved there: it asks too often');
      const saved = [...Deno.readDirSync(directory)].length - 1;
      const opened = done.filter((argv) => argv.includes("--disposable")).length;
      assertEquals(saved + Object.keys(await kept()).length, opened);
    },
  ));

Deno.test("a place that a container may not write to, or has not said, is its share", async () => {
  for (const directory of ["/proc/none", "docs", `/${"a".repeat(500)}`, "/a\u0000", 7, undefined]) {
    await inWorld({ filePlaces: [office], answer: save }, async ({ ask, asked, put, said, endRuns, downloads }) => {
      const share = join(downloads, "../home/share");
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
      await endRuns(0, "changed");
      assertStringIncludes(asked[0]!, `in: ${directory === "/proc/none" ? directory : share}`);
      assertStringIncludes(said.at(-1)!, join(share, "a (2).ods"));
    });
  }
});

Deno.test("who ends a run is told of files that are open elsewhere: what becomes of them does not come back to it", async () => {
  for (const how of ["the run ends", "the channel is closed"]) {
    await inWorld({ filePlaces: [office], answer: save }, async (world) => {
      const { ask, asked, put, said, over, permissions, settled } = world;
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc") });
      if (how === "the run ends") over.abort();
      else permissions.close(["files"]);
      assertStringIncludes(
        said.join("\n"),
        '"a.ods" may still be open in "office": what is saved there comes to your downloads, and not back to "box"',
      );
      // The other run goes on, and finds nobody who waits.
      await settled();
      assertEquals(asked, []);
    });
  }
});

Deno.test("files that stay open in another container are not without end", () =>
  inWorld({ filePlaces: [office] }, async ({ ask, done, put, said, pass, endRuns, endStarted }) => {
    for (let times = 0; times < 20; times++) {
      await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
      pass(3_000);
      endStarted();
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(done.length, 16);
    assertStringIncludes(
      said.join("\n"),
      "16 files that it has opened in containers are still there: end the app that has them",
    );
    await endRuns(0);
    await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
    assertEquals(done.length, 17);
    await endRuns(0);
  }));

Deno.test("a file that may be on its way round, or may leave by another container, waits for the user", async () => {
  for (const [isOpened, isConfined] of [[true, false], [false, true], [false, false]]) {
    for (const filePlaces of [[office], [{ on: "host" }]] as const) {
      const options = { filePlaces, isConfined: isConfined!, answer: "Refuse" };
      await inWorld(options, async ({ ask, asked, directory, put, endRuns }) => {
        if (isOpened) await noteOpened(recordingHost().host, { directory });
        // On this host, such a file loads nothing, and nothing opens it.
        await ask({ ask: "file", id: 1, name: "a.txt", ...await put("x", "abc") });
        const isAsked = filePlaces[0].on !== "host" && (isOpened || isConfined);
        assertEquals(asked.length, isAsked ? 1 : 0);
        if (isAsked) assertStringIncludes(asked[0]!, isOpened ? "on its way round" : "what is in a file can leave");
        await endRuns(0);
      });
    }
  }
});

Deno.test("notifications begin with the container's name, have no markup and no buttons, and there are not many", () =>
  inWorld({}, async ({ ask, done }) => {
    const body = `<a href="x">b</a> & c\u202e\n${"line\n".repeat(100)}`;
    await ask({ ask: "notify", summary: "Restart\nnow\u001b", body, actions: ["yes"], icon: "/etc/passwd" });
    const [program, app, dashes, title, text] = done[0]!;
    assertEquals([program, app, dashes, title], ["notify-send", "--app-name=gui-container", "--", "[box] Restart now"]);
    assertEquals(text!.split("\n")[0], "&lt;a href=&quot;x&quot;&gt;b&lt;/a&gt; &amp; c");
    assertEquals(text!.split("\n").length, 40);
    for (let times = 0; times < 50; times++) await ask({ ask: "notify", summary: "a", body: "b" });
    assertEquals(done.length, 20);
  }));

Deno.test("nothing is done over a channel that is closed, whatever the agent asks for", () =>
  inWorld({ open: [] }, async ({ ask, done, said, put }) => {
    const file = await put("a.pdf", "%PDF-");
    for (
      const line of [
        { ask: "link", url: "https://example.com/" },
        { ask: "notify", summary: "a", body: "b" },
        { ask: "file", id: 1, name: "a.pdf", ...file },
        { ask: "print", id: 1, name: "a.pdf", ...file },
      ]
    ) assertEquals(await ask(line), "not done");
    assertEquals(done, []);
    assertEquals(said.length, 4);
    assert(said.every((line) => line.includes("is closed")), said.join("\n"));
  }));

Deno.test("what is asked for has all of its own words in the question, and is done after a yes only", async () => {
  for (const [answer, outcome] of [["Allow once", "done"], ["Refuse", "not done"], ["", "not done"]] as const) {
    await inWorld({ asks: ["links", "notifications", "files"], answer }, async ({ ask, asked, done, put, kept }) => {
      assertEquals(await ask({ ask: "link", url: "https://bank.example@evil.example/\u202e" }), outcome);
      assertStringIncludes(asked[0]!, "\n\nHost: evil.example\nAddress: https://bank.example@evil.example/%E2%80%AE");
      if (answer === "") return;
      assertEquals(await ask({ ask: "notify", summary: "Restart", body: "<b>now</b>\nor later" }), outcome);
      assertStringIncludes(asked[1]!, "\n\nTitle: Restart\nText: <b>now</b> or later");
      const file = await put("x", "abc");
      assertEquals(await ask({ ask: "file", id: 1, name: "/tmp/invoice\u202efdp.txt", ...file }), outcome);
      assertStringIncludes(asked[2]!, "\n\nName: invoicefdp.txt\nSize: 3 bytes");
      assertEquals(asked.length, 3);
      assertEquals(await kept(), outcome === "done" ? { "invoicefdp.txt": "abc" } : {});
      assertEquals(
        done.map(([program]) => program),
        outcome === "done" ? ["xdg-open", "notify-send", "notify-send"] : [],
      );
    });
  }
});

Deno.test("a container without a network asks for what a browser of the host would send, whatever is open", async () => {
  const address = `http://192.168.0.1/?${"secret".repeat(20)}`;
  for (const isConfined of [false, true]) {
    await inWorld({ isConfined, answer: "Refuse" }, async ({ ask, asked, done, put, kept, pass }) => {
      const file = await put("x", "<img src=https://example.org/secret>");
      const hand = async (name: string): Promise<Outcome> => {
        pass(10_000);
        return await ask({ ask: "file", id: 1, name, ...file });
      };
      await ask({ ask: "link", url: address });
      for (const name of ["a.html", "a.SVG", "a.pdf", "a.odt", "a", "a.mp3"]) await hand(name);
      for (const name of ["a.png", "a.JPG", "a.txt"]) assertEquals(await hand(name), "done");
      const open = done.filter(([program]) => program === "xdg-open");
      assertEquals([asked.length, open.length, Object.keys(await kept()).length], isConfined ? [7, 0, 3] : [0, 1, 9]);
      for (const text of asked) assertStringIncludes(text, "The network of this container is closed or limited");
    });
  }
});

Deno.test("who refuses a file for the session has closed the channel, also to files that nobody asks for", () =>
  inWorld({ isConfined: true, answer: "Refuse for this session" }, async ({ ask, asked, kept, put, pass }) => {
    const file = { ask: "file", id: 1, ...await put("x", "abc") };
    await ask({ ...file, name: "a.html" });
    pass(10_000);
    assertEquals([await ask({ ...file, name: "a.txt" }), await kept(), asked.length], ["not done", {}, 1]);
  }));

Deno.test("nothing is done of a question that is answered when the run is over", () =>
  inWorld({ asks: ["links"] }, async ({ ask, done, over }) => {
    const asking = ask({ ask: "link", url: "https://example.com/" });
    over.abort();
    assertEquals([await asking, done], ["not done", []]);
  }));

Deno.test("nothing is done of what was asked for before the channel was closed, and the rest goes on", () =>
  inWorld({ asks: ["links"] }, async ({ ask, done, kept, permissions, put, said }) => {
    const file = await put("a", "abc");
    const asking = [
      ask({ ask: "link", url: "https://example.com/" }),
      ask({ ask: "file", id: 1, name: "a.txt", ...file }),
    ];
    permissions.close(["links", "files"]);
    assertEquals([await Promise.all(asking), done, await kept(), said], [["not done", "not done"], [], {}, []]);
    assertEquals(await ask({ ask: "link", url: "https://example.com/" }), "not done");
    assertEquals(said, ['warn: What an app of "box" asked for was not done: the channel links is closed']);
    assertEquals(await ask({ ask: "notify", summary: "a", body: "" }), "done");
  }));

Deno.test("a file is kept under a plain name, over no other one, and never opened", () =>
  inWorld({}, async ({ ask, kept, put, done, downloads, pass }) => {
    const hand = async (name: string, text: string): Promise<Outcome> => {
      pass(10_000);
      return await ask({ ask: "file", id: 1, name, ...await put("x", text) });
    };
    await Deno.writeTextFile(join(downloads, "cv.odt"), "the user's");
    await Deno.symlink("/etc/no-such", join(downloads, "link.txt"));
    await Deno.mkdir(join(downloads, "sub"));
    await hand("cv.odt", "first");
    await hand("../../cv.odt", "second");
    await hand("link.txt", "third");
    await hand("sub", "fourth");
    for (const name of ["x\\..\\..\\.profile", "../x/.bashrc", "evil.desktop", "run.SH", "-rf", "a\nb\u001b[31m.txt"]) {
      await hand(name, name);
    }
    for (const name of ["", "..", "/", ".", "\u202e"]) assertEquals(await hand(name, "x"), "not done", name);
    await Deno.remove(join(downloads, "link.txt"));
    await Deno.remove(join(downloads, "sub"));
    assertEquals(await kept(), {
      "a b[31m.txt": "a\nb\u001b[31m.txt",
      "bashrc": "../x/.bashrc",
      "cv (2).odt": "first",
      "cv (3).odt": "second",
      "cv.odt": "the user's",
      "evil.desktop_": "evil.desktop",
      "link (2).txt": "third",
      "profile": "x\\..\\..\\.profile",
      "rf": "-rf",
      "run.SH_": "run.SH",
      "sub (2)": "fourth",
    });
    assert(done.every(([program]) => program === "notify-send"), done.join("\n"));
  }));

Deno.test("a file is as large as it said, not empty, not too large, and there are not many", () =>
  inWorld({}, async ({ ask, kept, put, said, pass }) => {
    const { path } = await put("x", "0123456789");
    const hand = (size: number, name = "x.txt"): Promise<Outcome> => {
      pass(10_000);
      return ask({ ask: "file", id: 1, name, path, size });
    };
    assertEquals(await Promise.all([hand(9), hand(11), hand(0), hand(maxHandedBytes + 1)]), Array(4).fill("not done"));
    assertEquals(await ask({ ask: "file", id: 1, name: "y", path: join(path, "no"), size: 1 }), "not done");
    for (const words of ["larger than it said", "smaller than it said", "is empty, or larger", "cannot be read"]) {
      assert(said.some((line) => line.includes(words)), words);
    }
    assertEquals(await kept(), {});
    // A pipe that says nothing keeps nobody waiting for its turn for ever: few wait.
    const many = await Promise.all(
      Array.from({ length: 30 }, (_, id) => ask({ ask: "file", id, name: "z", path, size: 10 })),
    );
    const count = many.filter((outcome) => outcome === "done").length;
    assert(count >= 1 && count <= 4, `${count}`);
    for (let times = 0; times < 30; times++) await ask({ ask: "file", id: 1, name: "z", path, size: 10 });
    assert(Object.keys(await kept()).length <= 10);
  }));

Deno.test("a file with the longest name is kept, and what cannot be is told a few times only", () =>
  inWorld({}, async ({ ask, put, kept, said, downloads, pass }) => {
    const hand = async (name: string): Promise<Outcome> => {
      pass(10_000);
      return await ask({ ask: "file", id: 1, name, ...await put("x", "x") });
    };
    for (const character of ["東", "\u{1f600}"]) assertEquals(await hand(character.repeat(80)), "done");
    assertEquals(Object.keys(await kept()).length, 2);
    await Deno.remove(downloads, { recursive: true });
    await Deno.writeTextFile(downloads, "");
    said.length = 0;
    for (let count = 0; count < 30; count++) assertEquals(await hand(`${count}`), "not done");
    assert(said.length >= 1 && said.length <= 20, `${said.length}`);
  }));

Deno.test("what is handed over in a run does not fill the disk", () =>
  inWorld({}, async ({ ask, put, said, pass }) => {
    const { path } = await put("x", "0123456789");
    for (let times = 0; times < 17; times++) {
      pass(10_000);
      await ask({ ask: "file", id: 1, name: "x.txt", path, size: maxHandedBytes });
    }
    assertEquals(said.map((line) => line.split(": ").at(-1)), [
      "a file is smaller than it said",
      "it has handed over too much for this run",
    ]);
  }));

Deno.test("a PDF is printed once the user agrees, whatever is open without questions, and nothing else is", () =>
  inWorld({ open: ["printing"] }, async ({ ask, asked, done, put, said }) => {
    const print = async (name: string, text: string): Promise<Outcome> =>
      await ask({ ask: "print", id: 1, name, ...await put("x", text) });
    assertEquals(await print("letter.pdf", "%PDF-1.7\n"), "done");
    assertStringIncludes(asked[0]!, "asks to print a document");
    assertStringIncludes(asked[0]!, "Name: letter.pdf\nSize: 9 bytes\nPrinter: Office");
    const [argv] = done;
    assertEquals(argv!.slice(0, -1), [
      "lp",
      "-d",
      "Office",
      "-t",
      "letter.pdf",
      "-o",
      "document-format=application/pdf",
    ]);
    assertEquals(await print("-o raw.pdf", "%!PS\n(x) run"), "not done");
    assert(said.at(-1)!.includes("not a PDF"));
    assertEquals(done.length, 1);
  }));

Deno.test("print jobs without end start no programs without end", () =>
  inWorld({ printer: "" }, async ({ ask, put, programs }) => {
    const file = await put("x", "%PDF-");
    for (let id = 0; id < 100; id++) await ask({ ask: "print", id, name: "a.pdf", ...file });
    assertEquals(programs(), Array(5).fill("lpstat"));
  }));

Deno.test("without a printer, a place is to be chosen for what an app prints", () =>
  inWorld({ printer: "" }, async ({ ask, asked, done, put }) => {
    assertEquals(await ask({ ask: "print", id: 1, name: "a.pdf", ...await put("x", "%PDF-") }), "no printer");
    assertEquals([asked, done], [[], []]);
  }));
