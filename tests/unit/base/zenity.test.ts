import { assertEquals, assertRejects } from "@std/assert";
import { MissingProgram, UserError } from "../../../lib/base/errors.ts";
import { chooseFiles } from "../../../lib/base/zenity.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const request = { from: "/home/me/", optionsFrom: () => ["--title=x"] };

Deno.test("files are chosen in the dialog of the desktop's portal where there is one", async () => {
  const answers: [Answer, boolean][] = [
    [{ stdout: "(<uint32 4>,)\n" }, true],
    [new Error("It takes too long"), false],
    [{ code: 1, stderr: "Error: GDBus.Error: No such interface\n" }, false],
    [new MissingProgram("gdbus is not installed", { hint: "Install it" }), false],
  ];
  for (const [portal, isAsked] of answers) {
    const answer = ([program]: readonly string[]): Answer =>
      program === "gdbus" ? portal : { stdout: "/home/me/a.txt\n" };
    const { host, options } = recordingHost({ answer, env: { XDG_CURRENT_DESKTOP: "GNOME" } });
    assertEquals(await chooseFiles(host, request), ["/home/me/a.txt"]);
    assertEquals(options.map(({ env }) => env), [undefined, isAsked ? { GDK_DEBUG: "portals" } : {}]);
    assertEquals(options[0]?.timeoutMs, 5_000);
  }
});

Deno.test("without a desktop, as by ssh -X, no dialog is shown on that of another login", async () => {
  const { host, options } = recordingHost({ answer: () => ({ stdout: "/home/me/a.txt\n" }) });
  assertEquals(await chooseFiles(host, request), ["/home/me/a.txt"]);
  assertEquals(options.map(({ env }) => env), [{}]);
});

Deno.test("a file is not chosen at the path at which the portal shows it to apps in sandboxes", async () => {
  const choose = (stdout: string): Promise<string[]> =>
    chooseFiles(recordingHost({ answer: () => ({ stdout }) }).host, request);
  await assertRejects(
    () => choose("/home/me/a.txt//:/run/user/1000/doc/5a1b/b.txt\n"),
    UserError,
    '"/run/user/1000/doc/5a1b/b.txt" is a path for sandboxed apps',
  );
  assertEquals(await choose("/run/user/1000/docs/a.txt\n"), ["/run/user/1000/docs/a.txt"]);
});
