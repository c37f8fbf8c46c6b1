// The host's end of the apps' own dialogs: what is lent, and when.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { abortable } from "@std/async";
import { chooserOptions, type Choosing, dialogAsks } from "../../../lib/channels/file_dialogs.ts";
import { MissingProgram, UserError } from "../../../lib/base/errors.ts";
import { chooseFiles, completedTwice } from "../../../lib/base/zenity.ts";
import { open, withDialogs } from "../agent_dialogs.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("what an agent says is no option of zenity", async () => {
  const request = dialogAsks.save({ name: "--save --title=x", filters: [["--directory", ["*"]]] }, 1);
  assert(request);
  const { host, calls } = recordingHost();
  const options = { from: `/home/me/${request.name}`, optionsFrom: () => chooserOptions("box", request) };
  assertEquals(await chooseFiles(host, options), []);
  assertEquals(calls.filter(([program]) => program === "zenity"), [[
    "zenity",
    "--file-selection",
    "--filename=/home/me/save --title=x",
    "--separator=//:",
    "--title=box: where may it save? (gui-container)",
    "--save",
    "--confirm-overwrite",
    "--file-filter=box: --directory | *",
    "--file-filter=box: All files | *",
  ]]);
});

Deno.test("a dialog for saving says whose it is beside its title, too, which GNOME does not show", () => {
  const filters = (asking: Choosing): string[] =>
    chooserOptions("box", asking).filter((option) => option.startsWith("--file-filter="));
  assertEquals(filters({ ask: "save", id: 1, filters: [], name: "" }), ["--file-filter=box: All files | *"]);
  assertEquals(filters({ ask: "open", id: 1, filters: [], multiple: false }), []);
});

Deno.test("a dialog lends what the user has chosen, and tells the container's path of it only", async () => {
  await withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/home/me/a.txt//:/home/me/b.txt\n" }),
    async ({ say, told, lent, pass, shown }) => {
      const asking = say({ ask: "open", id: 7, multiple: true });
      pass(5_000);
      await asking;
      assertEquals(lent, ["/home/me/a.txt", "/home/me/b.txt"]);
      const paths = ["/home/ubuntu/maps/1-a.txt", "/home/ubuntu/maps/1-b.txt"];
      assertEquals(told, [{ watch: paths[0] }, { watch: paths[1] }, { id: 7, paths }]);
      assertEquals(shown.length, 1);
    },
  );
});

Deno.test("a dialog whose path GTK has completed twice comes again, with the file that was meant", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = (name: string): string => `${directory}/${name}`;
    for (const name of ["letter.txt", "aa"]) await Deno.writeTextFile(path(name), "");
    for (const name of ["letter.txtr.txt", "letter.txtletter.txt", "letter.txtt"]) {
      assertEquals(await completedTwice(path(name)), path("letter.txt"), name);
    }
    for (const name of ["letter.txt", "letter.txt~", "letter.tx", "other.txt", "letter.txtx.txt"]) {
      assertEquals(await completedTwice(path(name)), undefined, name);
    }
    const second = Promise.withResolvers<void>();
    let dialogs = 0;
    const user = async (): Promise<{ code: number; stdout: string }> => {
      if (++dialogs === 1) return { code: 0, stdout: `${path("letter.txtr.txt")}\n` };
      await second.promise;
      return { code: 0, stdout: `${path("letter.txt")}\n` };
    };
    await withDialogs(user, async ({ say, lent, pass, shown }) => {
      const asking = say(open(1));
      while (dialogs < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      pass(5_000);
      second.resolve();
      await asking;
      while (lent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assertEquals([lent, dialogs], [[path("letter.txt")], 2]);
      assert(shown[1]!.includes(`--filename=${path("letter.txt")}`), shown[1]!.join(" "));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a file in the share of the container is not lent: it is there already", async () => {
  await withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/m/box/share/sub/a.txt\n" }),
    async ({ say, told, lent, pass }) => {
      const asking = say(open(1));
      pass(5_000);
      await asking;
      assertEquals([told, lent], [[{ id: 1, paths: ["/home/ubuntu/share/sub/a.txt"] }], []]);
    },
  );
});

Deno.test("files that are dropped are lent, all or none, and the user is told of what cannot be", async () => {
  await withDialogs(
    () => Promise.resolve({ code: 0, stdout: "" }),
    async ({ drop, told, lent, said, shown, loans, settled }) => {
      const path = "/home/ubuntu/maps/1-a b.txt";
      assertEquals(await drop("file:///home/me/a%20b.txt\r\n"), `file://${path.replace(" ", "%20")}\r\n`);
      await settled();
      assertEquals([lent, told], [["/home/me/a b.txt"], [{ watch: path }]]);
      const line = 'Dropped on "box" and lent to it: a b.txt';
      assertEquals(said, [`status: ${line}`]);
      // Who has started it by a menu reads that, too.
      const [argv] = shown;
      assertEquals([argv?.[0], argv?.at(-1)], ["notify-send", line.replaceAll('"', "&quot;")]);
      const inShare = await drop("file:///m/box/share/sub/a.txt\r\n");
      assertEquals([inShare, lent.length], ["file:///home/ubuntu/share/sub/a.txt\r\n", 1]);
      const mixed = await drop("file:///m/box/share/a\r\nfile:///home/me/b\r\nfile:///m/box/share/c\r\n");
      const [first, last] = ["a", "c"].map((each) => `file:///home/ubuntu/share/${each}\r\n`);
      assertEquals(mixed, `${first}file:///home/ubuntu/maps/1-b\r\n${last}`);
      assertEquals([lent.splice(1), told.splice(1)], [["/home/me/b"], [{ watch: "/home/ubuntu/maps/1-b" }]]);
      said.length = 0;
      for (const times of [1, 2]) {
        assertEquals(await drop("file:///home/me/a\r\nsftp://there/b\r\n"), "");
        const why = 'Something dropped on "box" is not a file of this host: "sftp://there/b"';
        assertEquals(said.filter((line) => line.includes(why)).length, times);
      }
      loans.open = () => Promise.reject(new UserError('"/home/me" is a directory', { hint: "" }));
      assertEquals([await drop("file:///home/me\r\n"), await drop("")], ["", ""]);
      assertStringIncludes(said.at(-1)!, '"/home/me" is a directory');
      assertEquals([lent.length, told.length], [1, 1]);
    },
  );
});

Deno.test("the user is told what is lent, whatever it is called, also where it is much", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async ({ drop, said }) => {
    const names = ["a\n.txt", "b\u202etxt.exe", ..."cdefghi"];
    await drop(names.map((name) => `file:///home/me/${encodeURIComponent(name)}\r\n`).join(""));
    const shown = "a<U+000A>.txt, b<U+202E>txt.exe, c, d, e, f, g, h, …";
    assertEquals(said, [`status: Dropped on "box" and lent to it: ${shown}`]);
  });
});

Deno.test("a waypipe of somebody else's that says again and again that files were dropped is heard twelve times", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async ({ drop, lent, said }) => {
    for (let times = 0; times < 1_000; times++) await drop(`file:///home/me/${times}\r\n`);
    assertEquals(lent.length, 12);
    assertEquals(said.filter((line) => line.startsWith("warn: ")), [
      'warn: Files dropped on "box" are not lent: they come too often',
    ]);
  });
});

Deno.test("what is dropped after dialogs has been closed is not lent", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async ({ drop, lent, said, permissions }) => {
    permissions.close(["dialogs"]);
    said.length = 0;
    assertEquals([await drop("file:///home/me/a\r\n"), lent], ["", []]);
    assertEquals(said, ['status: Files dropped on "box" are not lent: dialogs is closed']);
  });
});

/** What zenity does when its user presses one of our buttons. */
const pressed = (button: string): { code: number; stdout: string } => ({ code: 1, stdout: `${button}\n` });

Deno.test("files that are pasted are lent once the user has agreed to these, and no others", async () => {
  let button = "Refuse";
  await withDialogs(
    (argv) => Promise.resolve(argv[0] === "zenity" ? pressed(button) : { code: 0, stdout: "" }),
    async ({ paste, drop, lent, said, shown, pass }) => {
      const list = "file:///home/me/a%20b.txt\r\nfile:///home/me/c\r\nfile:///tmp/d%E2%80%AE\r\n";
      assertEquals([await paste(list), lent, said], ["", [], []]);
      const [argv] = shown;
      assertStringIncludes(argv!.join(), 'The container "box" asks to read and change the files that you have copied.');
      assertStringIncludes(argv!.join(), "Files: a b.txt, c in /home/me; d<U+202E> in /tmp");
      const buttons = argv!.filter((option) => /-(?:button|label)=/.test(option)).map((option) => option.split("=")[1]);
      assertEquals(buttons, ["Refuse", "Refuse for this session", "Allow once"]);
      button = "Allow once";
      assertEquals([await paste(list), lent], ["", []], "sooner than anybody reads");
      pass(3_100);
      const places = ["1-a%20b.txt", "1-c", "1-d%E2%80%AE"].map((name) => `file:///home/ubuntu/maps/${name}\r\n`);
      assertEquals(await paste(list), places.join(""));
      assertEquals(lent.splice(0), ["/home/me/a b.txt", "/home/me/c", "/tmp/d\u202e"]);
      assertEquals(said.splice(0), ['status: Pasted into "box" and lent to it: a b.txt, c, d<U+202E>']);
      shown.length = 0;
      const asked = (): string[][] => shown.filter(([program]) => program === "zenity");
      for (const wrong of ["file:///home/me/.ssh/id", "sftp://there/a"]) assertEquals(await paste(wrong), undefined);
      assertEquals(await paste(""), "");
      assertEquals(asked(), [], "nobody is asked for what is not lent");
      assertEquals(said.splice(0).length, 2);
      const many = Array.from({ length: 40 }, (_, at) => `file:///home/me/${"x".repeat(80)}${at}`).join("\r\n");
      assertEquals([await paste(many), asked()], [undefined, []]);
      assertStringIncludes(said.splice(0).join(), "it is too long to be shown whole");
      button = "Allow for this session";
      assertEquals(await paste(list), "", "there is no such button");
      assertEquals(await drop("file:///home/me/e"), "file:///home/ubuntu/maps/1-e\r\n");
    },
  );
});

Deno.test("the user can refuse all pastes of a session, and closing the channel takes a question away", async () => {
  const asked = Promise.withResolvers<void>();
  const answers = [
    Promise.resolve({ code: 0, stdout: "" }),
    new Promise<never>(() => {}),
  ];
  await withDialogs((argv, signal) => {
    if (argv[0] !== "zenity") return Promise.resolve({ code: 0, stdout: "" });
    const answer = answers.shift()!;
    if (answers.length === 0) asked.resolve();
    return abortable(answer, signal!);
  }, async ({ paste, drop, lent, said }) => {
    assertEquals([await paste("file:///home/me/a"), await paste("file:///home/me/b"), answers.length], ["", "", 1]);
    assertEquals(said, ['warn: Files pasted into "box" are not lent: you have refused it for this session']);
    assertEquals(await drop("file:///home/me/c"), "file:///home/ubuntu/maps/1-c\r\n");
    assertEquals(lent, ["/home/me/c"]);
  });
  await withDialogs((argv, signal) => {
    if (argv[0] !== "zenity") return Promise.resolve({ code: 0, stdout: "" });
    asked.resolve();
    return abortable(answers[0]!, signal!);
  }, async ({ paste, lent, permissions }) => {
    const pasting = paste("file:///home/me/a");
    await asked.promise;
    permissions.close(["dialogs"]);
    assertEquals([await pasting, lent], ["", []]);
  });
});

Deno.test("a waypipe of somebody else's that says again and again that files were copied has few questions asked", async () => {
  await withDialogs(() => Promise.resolve({ code: 1, stdout: "" }), async ({ paste, lent, shown, said }) => {
    for (let times = 0; times < 1_000; times++) await paste(`file:///home/me/${times}`);
    assertEquals([shown.filter(([program]) => program === "zenity").length, lent], [6, []]);
    assertEquals(said, [
      'warn: Files pasted into "box" are not lent: it asks too often',
      'warn: Files pasted into "box" are not lent: they come too often',
    ]);
  });
});

Deno.test("a paste that nobody has answered, or that failed, is no no, and what was agreed to is lent again without a question", async () => {
  let answer = (): Promise<{ code: number; stdout: string }> => Promise.resolve({ code: 5, stdout: "" });
  await withDialogs(
    (argv) => argv[0] === "zenity" ? answer() : Promise.resolve({ code: 0, stdout: "" }),
    async ({ paste, lent, loans, said, shown, pass }) => {
      const list = "file:///home/me/a\r\n";
      pass(60_000);
      assertEquals(await paste(list), undefined);
      answer = () => Promise.reject(new Error("no screen"));
      assertEquals(await paste(list), undefined);
      answer = () => Promise.resolve(pressed("Allow once"));
      const { open } = loans;
      loans.open = () => Promise.reject(new Error("the disk is full"));
      for (const _ of [1, 2]) {
        pass(4_000);
        assertEquals(await paste(list), undefined);
      }
      assertEquals(said.splice(0), [
        'warn: Files pasted into "box" are not lent: nobody has answered',
        "warn: no screen",
        "warn: the disk is full",
      ]);
      loans.open = open;
      shown.length = 0;
      assertEquals(await paste(list, "again"), "file:///home/ubuntu/maps/1-a\r\n");
      assertEquals([lent, shown, said], [["/home/me/a"], [], []]);
    },
  );
});

Deno.test("what waits to be lent when dialogs is closed is not lent", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async ({ drop, loans, permissions, settled }) => {
    const opened = Promise.withResolvers<string[]>();
    const asked: string[] = [];
    loans.open = (paths) => {
      asked.push(...paths);
      return opened.promise;
    };
    const dropping = [drop("file:///home/me/a"), drop("file:///home/me/b")];
    await settled();
    permissions.close(["dialogs"]);
    opened.resolve(["/home/ubuntu/maps/1-a"]);
    await Promise.all(dropping);
    assertEquals([asked, await dropping[1]], [["/home/me/a"], ""]);
  });
});

Deno.test("what is dropped when the session ends is lent before all is taken back, and nothing after that", async () => {
  await withDialogs(() => Promise.resolve({ code: 0, stdout: "" }), async ({ drop, loans, end, settled }) => {
    const events: string[] = [];
    const opened = Promise.withResolvers<string[]>();
    loans.open = () => {
      events.push("lends");
      return opened.promise.finally(() => events.push("lent"));
    };
    loans.end = () => Promise.resolve(void events.push("taken back"));
    const dropping = drop("file:///home/me/a\r\n");
    await settled();
    const ending = end();
    opened.resolve(["/home/ubuntu/maps/1-a"]);
    await Promise.all([dropping, ending]);
    assertEquals(events, ["lends", "lent", "taken back"]);
    assertEquals(await drop("file:///home/me/b\r\n"), "");
    assertEquals(events.length, 3);
  });
});

Deno.test("nothing is lent and nothing told when the user closes the dialog", async () => {
  await withDialogs(() => Promise.resolve({ code: 1, stdout: "/home/me/looked-at\n" }), async (dialogs) => {
    const asking = dialogs.say(open(1));
    dialogs.pass(5_000);
    await asking;
    assertEquals([dialogs.told, dialogs.lent], [[{ id: 1, paths: [] }], []]);
  });
});

Deno.test("closing the channel takes a dialog away, and apps show their own from then on", async () => {
  const chosen = Promise.withResolvers<{ code: number; stdout: string }>();
  await withDialogs((_, signal) => abortable(chosen.promise, signal!), async (dialogs) => {
    await dialogs.say(open(1));
    dialogs.pass(5_000);
    assertEquals([dialogs.shown.length, dialogs.permissions.close(["dialogs"])], [1, ["dialogs"]]);
    await dialogs.settled();
    chosen.resolve({ code: 0, stdout: "/home/me/a.txt\n" });
    await dialogs.say(open(2));
    assertEquals([dialogs.told, dialogs.lent], [[{ id: 1, paths: [] }, { id: 2, here: true }], []]);
    assertEquals(dialogs.shown.length, 1);
  });
});

Deno.test("a choice that comes while somebody is typing counts only once it is confirmed, and not soon", async () => {
  for (
    const [choiceMs, confirmMs, count, hasPortal] of [
      ...[[2_000, 500, 0, false], [2_000, 4_000, 1, false]] as const,
      // The program that shows it may come late.
      ...[[5_000, 500, 0, true], [5_000, 4_000, 1, true]] as const,
    ]
  ) {
    let pass = (_ms: number): void => {};
    await withDialogs((argv) => {
      const isConfirming = argv.includes("--question");
      pass(isConfirming ? confirmMs : choiceMs);
      return Promise.resolve(
        isConfirming ? { code: 1, stdout: "Allow once\n" } : { code: 0, stdout: "/home/me/a.txt\n" },
      );
    }, async (dialogs) => {
      pass = dialogs.pass;
      await dialogs.say(open(1));
      assertEquals(dialogs.lent.length, count, `${confirmMs} ms`);
      // A yes that comes too soon is asked for twice more.
      assertEquals(dialogs.shown.length, count === 1 ? 2 : 4);
      assert(dialogs.shown[1]!.includes("--default-cancel"));
    }, { hasPortal });
  }
});

Deno.test("of a thousand dialogs one is shown at a time, and few ever", async () => {
  let now = 0;
  let most = 0;
  const close: (() => void)[] = [];
  await withDialogs(async () => {
    most = Math.max(most, ++now);
    await new Promise<void>((resolve) => close.push(resolve));
    now--;
    return { code: 1, stdout: "" };
  }, async ({ say, told, said, settled, shown, lent }) => {
    // Half of the lines at once: what comes faster than twenty a second waits in the container.
    await say(...Array.from({ length: 90 }, (_, id) => open(id)));
    for (let tries = 0; tries < 20; tries++) {
      close.shift()?.();
      await settled();
    }
    assertEquals([most, lent], [1, []]);
    assert(shown.length <= 6, `${shown.length}`);
    assertEquals(told.length, 90);
    assertEquals(said.filter((line) => line.includes("too often")).length, 1);
  });
});

Deno.test("a dialog goes when the app does not want an answer any more", async () => {
  await withDialogs(
    (_argv, signal) =>
      new Promise((resolve) => signal?.addEventListener("abort", () => resolve({ code: 0, stdout: "/home/me/a\n" }))),
    async ({ say, told, lent, pass }) => {
      await say(open(1));
      pass(5_000);
      await say({ ask: "gone", id: 1 });
      assertEquals([told, lent], [[{ id: 1, paths: [] }], []]);
    },
  );
});

Deno.test("whatever fails while a file is lent or written back, the user is told once, and the app has its answer", () =>
  withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/home/me/a.txt\n" }),
    async ({ say, told, said, shown, pass, loans }) => {
      loans.open = () => Promise.reject(new Deno.errors.PermissionDenied("no stat"));
      loans.copies = () => ["/a"];
      loans.writeBack = () => Promise.reject(new Error("no space"));
      for (const id of [1, 2]) {
        const asking = say(open(id));
        pass(5_000);
        await asking;
      }
      await say({ ask: "saved", path: "/a" });
      assertEquals(told, [{ id: 1, paths: [], failed: true }, { id: 2, paths: [], failed: true }]);
      assertEquals(said, ["warn: no stat", "warn: no space"]);
      const notices = shown.filter(([program]) => program === "notify-send").map((argv) => argv.at(-1));
      assertEquals(notices, ["no stat", "no space"]);
    },
  ));

Deno.test("where nothing can be lent, a line about a file that was saved ends nothing", () =>
  withDialogs(() => Promise.resolve({ code: 1, stdout: "" }), async ({ say, said, made }) => {
    made.loans = () => Promise.reject(new Error("no journal"));
    await say({ ask: "ready" }, { ask: "saved", path: "x" });
    assertEquals(said, ["warn: no journal"]);
  }));

Deno.test("what is being lent when the session ends is lent before all is taken back", () =>
  withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/home/me/a.txt\n" }),
    async ({ say, pass, settled, loans, end }) => {
      const done: string[] = [];
      const lending = Promise.withResolvers<string[]>();
      const begun = Promise.withResolvers<void>();
      loans.open = () => {
        begun.resolve();
        return lending.promise.finally(() => done.push("lent"));
      };
      loans.end = () => Promise.resolve(void done.push("taken back"));
      const asking = say(open(1));
      pass(5_000);
      await asking;
      await begun.promise;
      const ending = end();
      await settled();
      lending.resolve(["/home/ubuntu/maps/1-a.txt"]);
      await ending;
      assertEquals(done.slice(0, 2), ["lent", "taken back"]);
    },
  ));

Deno.test("what is being lent without end is not waited for when the session ends", () =>
  withDialogs(
    () => Promise.resolve({ code: 0, stdout: "/home/me/a.txt\n" }),
    async ({ say, pass, said, loans, end }) => {
      loans.open = () => new Promise(() => {});
      let isBack = false;
      loans.end = () => Promise.resolve(void (isBack = true));
      const asking = say(open(1));
      pass(5_000);
      await asking;
      await end();
      assert(isBack);
      assertMatch(said.join(), /is still being lent.* map\.ts --unmap box/);
    },
    { lendingMs: 100 },
  ));

Deno.test("without zenity only dialogs are missing, and the container shows its own", async () => {
  const missing = new MissingProgram("There is no zenity", { hint: "Install it" });
  await withDialogs(() => Promise.reject(missing), async ({ say, told, said, recorded }) => {
    await say(open(1), open(2), { ask: "record", on: true });
    assertEquals(told, [{ id: 1, here: true }, { id: 2, here: true }]);
    assertEquals(said.toSorted(), ['warn: "box" listens to your microphone', "warn: There is no zenity. Install it"]);
    assertEquals(recorded, ["notify-send", "pacat"]);
  });
});
