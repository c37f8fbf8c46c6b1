// Links and files that open in other containers.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { programPath } from "../../../lib/base/script_names.ts";
import { MissingProgram } from "../../../lib/base/errors.ts";
import { noteOpened } from "../../../lib/channels/opening.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { ownServer } from "../../../lib/engine/server.ts";
import { inWorld, type Outcome, web } from "../agent_desktop.ts";
import { recordingHost } from "../recording_host.ts";

const copyOfWeb = { on: "copy", container: "web" } as const;

Deno.test("a link opens in another container, in a copy that opens none, or where the user chooses", async () => {
  const url = "https://example.com/a";
  await inWorld({ linkDestinations: [web] }, async ({ ask, done }) => {
    assertEquals(await ask({ ask: "link", url }), "done");
    assertEquals(done.map((argv) => argv.slice(1)), [["web", "--", url]]);
    assertEquals(done[0]![0], programPath("attach.ts"));
  });
  await inWorld({ linkDestinations: [copyOfWeb], asks: ["links"] }, async ({ ask, done, asked }) => {
    await ask({ ask: "link", url });
    assertEquals(done.map((argv) => argv.slice(1)), [["--disposable", "--deny=links", "web", "--", url]]);
    assertStringIncludes(asked[0]!, 'The container "box" asks to open a link in a copy of "web". You can');
  });
  const linkDestinations = [{ on: "host" }, web, copyOfWeb] as const;
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
    await inWorld({ linkDestinations, answer }, async ({ ask, done, asked }) => {
      assertEquals(await ask({ ask: "link", url }), argv ? "done" : "not done");
      assertEquals([done, asked.length], [argv ? [[...argv]] : [], 1], answer);
    });
  }
});

Deno.test("a link goes to the engine and the project that are set for its container, else to those of its own", async () => {
  const engine = { ...engineCalled("incus"), byOption: true, server: { ...ownServer, project: "mine" } };
  for (
    const [set, kept] of [
      ["{ name: web, engine: lxc, project: shop }", []],
      ["{ name: web, engine: lxc }", ["--project=mine"]],
      ["{ name: web, project: shop }", ["--engine=incus"]],
      ["{ name: other, engine: lxc, project: shop }", ["--engine=incus", "--project=mine"]],
    ] as const
  ) {
    const settings = `containers:\n  - ${set}\n`;
    await inWorld({ linkDestinations: [web], engine, settings }, async ({ ask, done }) => {
      await ask({ ask: "link", url: "https://example.com/" });
      assertEquals(done.map((argv) => argv.slice(1, -3)), [[...kept]], set);
    });
  }
});

Deno.test("a link says nothing to another container but an address: no option, no place, no command", () =>
  inWorld({ linkDestinations: [web] }, async ({ ask, done, pass }) => {
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
  inWorld({ linkDestinations: [copyOfWeb] }, async ({ ask, done, said, pass, endRuns }) => {
    for (let times = 0; times < 20; times++) {
      await ask({ ask: "link", url: `https://example.com/${times}` });
      // Each is slow enough for the rate.
      pass(3_000);
    }
    assertEquals(done.length, 4);
    assertEquals(said.map((line) => line.replace(/^.* failed: /, "")), [
      "4 of its links and files are already open in other containers: close one",
    ]);
    await endRuns(1);
    assertMatch(said.at(-1)!, /: a link to example\.com: \S+ ended with exit status 1\. Try it/);
    await ask({ ask: "link", url: "https://example.com/" });
    assertEquals(done.length, 5);
  }));

Deno.test("a link that may come from another container, by way of this one, waits for the user", async () => {
  for (const answer of ["Refuse", "Allow once"]) {
    await inWorld({ linkDestinations: [web], answer }, async ({ ask, done, asked, directory, pass }) => {
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
    await inWorld({ fileDestinations: [place] }, async ({ ask, done, put, kept, written, endRuns }) => {
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
  const fileDestinations = [{ on: "host" }, office, copyOfOffice] as const;
  for (const [answer, words, isKept] of [["On this host", [], true], ['In "office"', ["office"], false]] as const) {
    await inWorld({ fileDestinations, answer }, async ({ ask, done, asked, put, kept, endRuns }) => {
      await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
      const runs = done.filter(([program]) => program === programPath("attach.ts"));
      assertEquals([runs.map(([, name]) => name), Object.keys(await kept()).length === 1], [[...words], isKept]);
      assertStringIncludes(asked[0]!, 'The container "box" asks to open a file. You can');
      assertStringIncludes(asked[0]!, "\n\nName: a.pdf\nSize: 3 bytes");
      await endRuns(0);
    });
  }
  await inWorld(
    { fileDestinations: [office], asks: ["files"], answer: "Refuse" },
    async ({ ask, done, asked, put }) => {
      assertEquals(await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") }), "not done");
      assertStringIncludes(asked[0]!, 'asks to open a file in "office". You can');
      assertEquals(done, []);
    },
  );
});

Deno.test("a file says nothing to another container but a name and bytes, and is no program", () =>
  inWorld({ fileDestinations: [office] }, async ({ ask, done, put, said, pass, endRuns }) => {
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
    assertStringIncludes(said.at(-1)!, "does not have the ending of a document");
  }));

Deno.test("a file that containers do not open comes to the downloads, where these are among the places, once you agree", async () => {
  for (const answer of ["Allow once", "Refuse"]) {
    await inWorld({ fileDestinations: [{ on: "host" }, office], answer }, async ({ ask, asked, put, kept }) => {
      const file = { ask: "file", id: 1, name: "a.blend", ...await put("x", "abc") };
      assertEquals(await ask(file), answer === "Refuse" ? "not done" : "done");
      assertEquals(Object.keys(await kept()), answer === "Refuse" ? [] : ["a.blend"]);
      assertStringIncludes(asked[0]!, "asks to save a file among your downloads");
    });
  }
});

Deno.test("a storm of files for another container ends with a sentence, and links are counted with them", () =>
  inWorld(
    { fileDestinations: [copyOfOffice], linkDestinations: [web] },
    async ({ ask, done, said, pass, put, endRuns }) => {
      const file = { ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") };
      for (let times = 0; times < 20; times++) {
        await ask(times === 0 ? { ask: "link", url: "https://example.com/" } : file);
        pass(3_000);
      }
      assertEquals(done.length, 4);
      assertStringIncludes(said.join("\n"), "4 of its links and files are already open in other containers");
      await endRuns(0);
      await ask(file);
      assertEquals(done.length, 5);
      await endRuns(0);
    },
  ));

const save = "Save the new version";

Deno.test("what another container has made of a file is saved beside it, once, after a yes only", async () => {
  for (
    const [place, where] of [[office, 'in "office"'], [copyOfOffice, 'in "office-d1a2b3", a copy of "office"']] as const
  ) {
    for (const answer of [save, "Discard it"]) {
      await inWorld({ fileDestinations: [place], answer }, async (world) => {
        const { ask, asked, put, written, said, endRuns, downloads, kept } = world;
        const directory = join(downloads, "../inside");
        const file = { ask: "file", id: 1, name: "a b.ods", ...await put("a b.ods", "abc"), directory };
        assertEquals([await ask(file), asked], ["done", []]);
        await endRuns(0, "changed");
        const question = `A file of the container "box" was changed ${where}. Save it as a new version? You can`;
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
  inWorld({ fileDestinations: [office], answer: save }, async ({ ask, asked, put, pass, endRuns }) => {
    for (const code of [0, 1]) {
      pass(10_000);
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc") });
      await endRuns(code);
    }
    assertEquals(asked, []);
  }));

Deno.test("a yes to all files is none to what becomes of one, and a no for the session ends it", async () => {
  await inWorld({ fileDestinations: [office], asks: ["files"], answer: "Allow for this session" }, async (world) => {
    const file = { ask: "file", id: 1, name: "a.ods", ...await world.put("a.ods", "abc") };
    assertEquals(await world.ask(file), "done");
    assertEquals(world.asked.length, 2);
    await world.endRuns(0, "changed");
    assertEquals(world.asked.length, 3);
    assertStringIncludes(world.asked[2]!, "Save it as a new version");
  });
  await inWorld({ fileDestinations: [office], answer: "Refuse for this session" }, async (world) => {
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
      throw new MissingProgram("zenity is not installed", { hint: "Install it" });
    },
    "the run ends meanwhile": (over: AbortController) => {
      over.abort();
      return "Discard it";
    },
    "a name that cannot be shown": save,
    "no room there": save,
  };
  for (const [why, answer] of Object.entries(answers)) {
    await inWorld(
      { fileDestinations: [office], answer },
      async ({ ask, put, endRuns, kept, said, written, downloads }) => {
        const directory = why === "a name that cannot be shown" ? `/${"\u200b".repeat(100)}` : "/proc/none";
        await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
        // Its share cannot be made then.
        if (why === "no room there") await Deno.writeTextFile(join(downloads, "../home"), "");
        await endRuns(0, "changed");
        assertEquals(await kept(), { "a.ods": "changed" }, why);
        assertStringIncludes(said.at(-1)!, `is here: ${join(downloads, "a.ods")}`);
        const line = { kind: "file", what: "saved", path: join(downloads, "a.ods"), bytes: 7, where: 'in "office"' };
        assertEquals((await written()).filter((each) => (each as { kind: string }).kind === "file"), [line]);
      },
    );
  }
});

Deno.test("without downloads, what another container has made of a file is in the home directory, if that takes long, too", async () => {
  const { timeout } = AbortSignal;
  const limits: number[] = [];
  try {
    AbortSignal.timeout = (ms) => {
      limits.push(ms);
      return timeout(ms);
    };
    await inWorld({ fileDestinations: [office], answer: "" }, async ({ ask, put, endRuns, downloads }) => {
      await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc") });
      await Deno.remove(downloads);
      await Deno.writeTextFile(downloads, "no directory");
      const changed = "1".repeat(1_000_000);
      await endRuns(0, changed);
      assertEquals(await Deno.readTextFile(join(downloads, "../a.ods")), changed);
      assert(limits.includes(20_100), limits.join());
    });
  } finally {
    AbortSignal.timeout = timeout;
  }
});

Deno.test("of a storm of changed files, a few are asked about, one after the other, and none is lost", () =>
  inWorld(
    { fileDestinations: [copyOfOffice], answer: save },
    async ({ ask, asked, said, done, put, endRuns, kept, downloads }) => {
      const directory = join(downloads, "../inside");
      for (let times = 0; times < 24; times++) {
        await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
        if (times % 4 === 3) await endRuns(0, `changed ${times}`);
      }
      assert(asked.length < 24, `${asked.length}`);
      assertStringIncludes(said.join("\n"), 'a new version of "a.ods" could not be saved there: it asks too often');
      const saved = [...Deno.readDirSync(directory)].length - 1;
      const opened = done.filter((argv) => argv.includes("--disposable")).length;
      assertEquals(saved + Object.keys(await kept()).length, opened);
    },
  ));

Deno.test("a place that a container may not write to, or has not said, is its share", async () => {
  for (const directory of ["/proc/none", "docs", `/${"a".repeat(500)}`, "/a\u0000", 7, undefined]) {
    await inWorld(
      { fileDestinations: [office], answer: save },
      async ({ ask, asked, put, said, endRuns, downloads }) => {
        const share = join(downloads, "../home/share");
        await ask({ ask: "file", id: 1, name: "a.ods", ...await put("a.ods", "abc"), directory });
        await endRuns(0, "changed");
        assertStringIncludes(asked[0]!, `in: ${directory === "/proc/none" ? directory : share}`);
        assertStringIncludes(said.at(-1)!, join(share, "a (2).ods"));
      },
    );
  }
});

Deno.test("who ends a run is told of files that are open elsewhere: what becomes of them does not come back to it", async () => {
  for (const how of ["the run ends", "the channel is closed"]) {
    await inWorld({ fileDestinations: [office], answer: save }, async (world) => {
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
  inWorld({ fileDestinations: [office] }, async ({ ask, done, put, said, pass, endRuns, endStarted }) => {
    for (let times = 0; times < 20; times++) {
      await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
      pass(3_000);
      endStarted();
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(done.length, 16);
    assertStringIncludes(
      said.join("\n"),
      "16 of its files are still open in other containers: close the app that has them",
    );
    await endRuns(0);
    await ask({ ask: "file", id: 1, name: "a.pdf", ...await put("x", "abc") });
    assertEquals(done.length, 17);
    await endRuns(0);
  }));

Deno.test("a file that may be on its way round, or may leave by another container, waits for the user", async () => {
  for (const [isOpened, isConfined] of [[true, false], [false, true], [false, false]]) {
    for (const fileDestinations of [[office], [{ on: "host" }]] as const) {
      const options = { fileDestinations, isConfined: isConfined!, answer: "Refuse" };
      await inWorld(options, async ({ ask, asked, directory, put, endRuns }) => {
        if (isOpened) await noteOpened(recordingHost().host, { directory });
        // On this host, such a file loads nothing, and nothing opens it.
        await ask({ ask: "file", id: 1, name: "a.txt", ...await put("x", "abc") });
        const isAsked = fileDestinations[0].on !== "host" && (isOpened || isConfined);
        assertEquals(asked.length, isAsked ? 1 : 0);
        if (isAsked) {
          assertStringIncludes(asked[0]!, isOpened ? "coming back" : "what is in it can be sent anywhere");
        }
        await endRuns(0);
      });
    }
  }
});
