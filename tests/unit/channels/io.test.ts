// Links, notifications, files and print jobs of apps: what the host does of what a container asks for.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { programPath } from "../../../lib/base/script_names.ts";
import { inWorld, type Outcome, web } from "../agent_desktop.ts";

Deno.test("links, files, print jobs and answers are written down: of a link the host only", () =>
  inWorld({ asks: ["links", "notifications"] }, async ({ ask, put, written }) => {
    await ask({ ask: "link", url: "https://example.com/secret?q=1" });
    await ask({ ask: "notify", id: 1, summary: "From Jane", body: "private" });
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
  for (const linkDestinations of [[{ on: "host" }], [web]] as const) {
    const missing = ["xdg-open", programPath("attach.ts")];
    await inWorld({ linkDestinations, missing }, async ({ ask, said, written }) => {
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
    assertStringIncludes(said.join("\n"), "the history is full: it takes no more such lines this hour");
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

Deno.test("notifications begin with the container's name, have no markup and no buttons, and there are not many", () =>
  inWorld({}, async ({ ask, done }) => {
    const body = `<a href="x">b</a> & c\u202e\n${"line\n".repeat(100)}`;
    await ask({ ask: "notify", id: 1, summary: "Restart\nnow\u001b", body, actions: ["yes"], icon: "/etc/passwd" });
    const text = done[0]!.at(-1);
    assertEquals(done[0]!.slice(0, -1), [
      ...["notify-send", "--app-name=gui-container", "--print-id", "--", "[box] Restart now"],
    ]);
    assertEquals(text!.split("\n")[0], "&lt;a href=&quot;x&quot;&gt;b&lt;/a&gt; &amp; c");
    assertEquals(text!.split("\n").length, 40);
    for (let times = 0; times < 50; times++) await ask({ ask: "notify", id: 1, summary: "a", body: "b" });
    assertEquals(done.length, 20);
  }));

Deno.test("a notification replaces that of its id, and is withdrawn, by ids that the desktop has given to it alone", () =>
  inWorld({}, async ({ ask, done, pass }) => {
    const notify = (id: number, summary: string): Promise<unknown> => ask({ ask: "notify", id, summary, body: "" });
    for (const [id, text] of [[1, "10 %"], [2, "other"], [1, "50 %"]] as const) await notify(id, text);
    await ask({ ask: "withdraw", id: 1 });
    // Neither is known to the desktop, whatever is called so there.
    for (const id of [1, 700, 701]) await ask({ ask: "withdraw", id });
    await notify(701, "new");
    const shown = (): string[][] =>
      done.splice(0).map((argv) => argv.filter((word) => /^--replace|^\d+$|^\[box/.test(word)));
    assertEquals(shown(), [
      ["[box] 10 %"],
      ["[box] other"],
      ["--replace-id=700", "[box] 50 %"],
      ["700"],
      ["[box] new"],
    ]);
    // The oldest are forgotten, the newest are not.
    pass(1_000_000);
    for (let id = 1_000; id < 1_064; id++) {
      pass(1_000);
      await notify(id, "a");
    }
    await notify(2, "other");
    pass(1_000);
    await notify(1_063, "b");
    assertEquals(shown().slice(-2), [["[box] other"], ["--replace-id=766", "[box] b"]]);
  }));

Deno.test("a file that was allowed comes to downloads that are made for it, and only one that has come is in the history", () =>
  inWorld({}, async ({ ask, put, kept, downloads, written }) => {
    await Deno.remove(downloads, { recursive: true });
    assertEquals(await ask({ ask: "file", id: 1, name: "a.txt", ...await put("a", "abc") }), "done");
    assertEquals(await kept(), { "a.txt": "abc" });
    await Deno.remove(downloads, { recursive: true });
    await Deno.writeTextFile(downloads, "no directory");
    assertEquals(await ask({ ask: "file", id: 2, name: "b.txt", ...await put("b", "abc") }), "not done");
    assertEquals((await written() as { name: string }[]).map(({ name }) => name), ["a.txt"]);
  }));

Deno.test("nothing is done over a channel that is closed, whatever the agent asks for", () =>
  inWorld({ open: [] }, async ({ ask, done, said, put }) => {
    const file = await put("a.pdf", "%PDF-");
    for (
      const line of [
        { ask: "link", url: "https://example.com/" },
        { ask: "notify", id: 1, summary: "a", body: "b" },
        { ask: "file", id: 1, name: "a.pdf", ...file },
        { ask: "print", id: 1, name: "a.pdf", ...file },
      ]
    ) assertEquals(await ask(line), "not done");
    assertEquals(done, []);
    // What is printed is saved in the container.
    assertEquals(said.length, 3);
    assert(said.every((line) => line.includes("is closed")), said.join("\n"));
  }));

Deno.test("what is asked for has all of its own words in the question, and is done after a yes only", async () => {
  for (const [answer, outcome] of [["Allow once", "done"], ["Refuse", "not done"], ["", "not done"]] as const) {
    await inWorld({ asks: ["links", "notifications", "files"], answer }, async ({ ask, asked, done, put, kept }) => {
      assertEquals(await ask({ ask: "link", url: "https://bank.example@evil.example/\u202e" }), outcome);
      assertStringIncludes(asked[0]!, "\n\nHost: evil.example\nAddress: https://bank.example@evil.example/%E2%80%AE");
      if (answer === "") return;
      assertEquals(await ask({ ask: "notify", id: 1, summary: "Restart", body: "<b>now</b>\nor later" }), outcome);
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
    assertEquals(said, ['warn: A request from "box" failed: the channel links is closed']);
    assertEquals(await ask({ ask: "notify", id: 1, summary: "a", body: "" }), "done");
  }));
