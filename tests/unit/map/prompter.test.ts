// What is asked on a terminal before files are lent.

import { assertEquals } from "@std/assert";
import { type Prompter, terminalPrompter } from "../../../lib/map/prompter.ts";
import { recordingHost } from "../recording_host.ts";
import { assertRefuses } from "../refusals.ts";

/** A terminal at which somebody types these lines. */
function typing(...lines: string[]): { prompter: Prompter; said: string[] } {
  const { host, said } = recordingHost({ env: { HOME: "/home/me" } });
  host.ui.ask = () => Promise.resolve(lines.shift());
  return { prompter: terminalPrompter(host), said };
}

Deno.test("files are typed as for a shell, several in a line, until a line is empty", async () => {
  const { prompter, said } = typing("~/a.txt 'it is b.txt'", "'open", "~me/c x~/d", " ", "/e");
  assertEquals(await prompter.chooseFiles("box"), ["/home/me/a.txt", "it is b.txt", "~me/c", "x~/d"]);
  assertEquals(said.filter((line) => line.startsWith("warn")).length, 1, "a quote that is open");
});

Deno.test("without a terminal, what is missing is said", async () => {
  const { prompter, said } = typing();
  await assertRefuses(() => prompter.chooseFiles("box"), { code: 2, names: "FILE..." });
  assertEquals(said.filter((line) => line.startsWith("status: ")), []);
  await assertRefuses(() => prompter.chooseContainer([]), { code: 2, names: "NAME" });
  assertEquals(await prompter.chooseContainer(["box", "bag"]), "box");
});
