// Files and print jobs that apps hand over.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { maxHandedBytes } from "../../../lib/container/handed.ts";
import { inWorld, type Outcome } from "../agent_desktop.ts";

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
    for (const words of ["larger than announced", "smaller than announced", "is empty, or larger", "cannot be read"]) {
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
      "a file is smaller than announced",
      "it has handed over too much in this run",
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
    assertEquals(programs().filter((program) => program === "lpstat").length, 5);
    assert(programs().length < 20, programs().join());
  }));

Deno.test("without a printer, a place is to be chosen for what an app prints", () =>
  inWorld({ printer: "" }, async ({ ask, asked, done, put }) => {
    assertEquals(await ask({ ask: "print", id: 1, name: "a.pdf", ...await put("x", "%PDF-") }), "no printer");
    assertEquals([asked, done], [[], []]);
  }));
