// The question for consent, as a dialog: what is shown, and which answers count.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { askInDialog, checkAsking, dialogOptions } from "../../../../lib/attach/agent/ask.ts";
import { MissingProgram, UserError } from "../../../../lib/base/errors.ts";
import { openHistory } from "../../../../lib/container/history.ts";
import type { Answer } from "../../../../lib/guard/consent.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { question } from "../../questions.ts";
import { recordingHost } from "../../recording_host.ts";

/** A dialog that is answered like this, each time after so long. */
async function asked(
  answers: { code: number; stdout?: string }[],
  { afterMs = 3_000, ...more }: { afterMs?: number; choices?: string[] } = {},
): Promise<{ answer: Answer; texts: string[] }> {
  let time = 0;
  const { host, calls } = recordingHost({
    answer() {
      time += afterMs;
      return answers.shift()!;
    },
  });
  const history = openHistory(host, undefined);
  const options = { signal: AbortSignal.any([]), clock: () => time };
  const answer = await askInDialog({ host, label: "box", history }, { ...question(), ...more }, options);
  return { answer, texts: calls.map((argv) => argv.find((word) => word.startsWith("--text="))!) };
}

Deno.test("dialogOptions() shows the whole text as it is, in lines, and nothing that the container says is markup", () => {
  const address = `https://example.org/?${"<b>&amp;_x".repeat(40)}end`;
  const options = dialogOptions("box", question(address));
  const text = options.find((word) => word.startsWith("--text="))!.slice("--text=".length);
  for (const word of ["--no-markup", "--no-wrap", "--default-cancel", "--timeout=60"]) {
    assert(options.includes(word), word);
  }
  assertStringIncludes(text, 'The container "box" asks to open a link.');
  assertEquals(text.split("\n\u200e    ").join("").split("\n").at(-1), `Address: ${address}`);
  assert(text.split("\n").every((line) => line.length <= 88 + 5));
  // A window of the container's has a title that begins with a bracket.
  assert(options.some((word) => word.startsWith("--title=gui-container: may box ")));
});

Deno.test("dialogOptions() says why it asks, in lines that are shown whole, also when a yes is confirmed", () => {
  for (const confirms of [undefined, "hour", "session"] as const) {
    const asked = { ...question(), why: "It has no network:\nyours is used.", ...confirms ? { confirms } : {} };
    const options = dialogOptions("box", asked);
    const text = options.find((word) => word.startsWith("--text="))!;
    assertStringIncludes(text, "\n\nIt has no network:\nyours is used.");
  }
});

Deno.test("dialogOptions() has the buttons in an order in which neither Tab nor Shift-Tab leads to a last yes at once", () => {
  const buttons = dialogOptions("box", question()).filter((word) => /^--(?:ok|cancel|extra)-/.test(word));
  assertEquals(buttons, [
    "--cancel-label=Refuse",
    "--ok-label=Refuse for this session",
    "--extra-button=Allow once",
    "--extra-button=Allow for an hour",
    "--extra-button=Allow for this session",
  ]);
});

Deno.test("dialogOptions() asks for a second time for how long a yes is, and has no other yes", () => {
  for (
    const [confirms, words, label] of [
      ["hour", "as often as it likes for an hour?", "Allow for an hour"],
      ["session", "as often as it likes until attach.ts ends?", "Allow for this session"],
    ] as const
  ) {
    const options = dialogOptions("box", { ...question(), confirms });
    assertStringIncludes(options.find((word) => word.startsWith("--text="))!, words);
    assertEquals(options.filter((word) => word.startsWith("--extra-")), [`--extra-button=${label}`]);
  }
});

Deno.test("dialogOptions() has a button for each choice, and the last is none that nothing follows", () => {
  const asked = { ...question(), choices: ["On this host", 'In "web"'] };
  const buttons = (more: { confirms?: "hour" | "session" }): string[] =>
    dialogOptions("box", { ...asked, ...more }).filter((word) => /^--(?:ok|cancel|extra)-/.test(word));
  const no = ["--cancel-label=Refuse", "--ok-label=Refuse for this session"];
  const choices = ["--extra-button=On this host", '--extra-button=In "web"'];
  const longer = ["--extra-button=Allow for an hour", "--extra-button=Allow for this session"];
  assertEquals(buttons({}), [...no, ...choices, ...longer]);
  for (const confirms of ["hour", "session"] as const) assertEquals(buttons({ confirms }), [...no, ...choices]);
});

const session = { code: 1, stdout: "Allow for this session\n" };
const once = { code: 1, stdout: "Allow once\n" };

Deno.test("askInDialog() reads the button from zenity's status and words; all else is a no", async () => {
  assertEquals((await asked([once])).answer, "once");
  assertEquals((await asked([{ code: 0 }])).answer, "never");
  for (const [code, stdout] of [[1, ""], [255, ""], [255, "Allow once"], [1, "Allow"]] as const) {
    assertEquals((await asked([{ code, stdout }])).answer, "no");
  }
  for (const stdout of ["", "Allow once"]) {
    await assertRejects(() => asked([{ code: 5, stdout }]), Refusal, "nobody has answered");
  }
});

Deno.test("askInDialog() asks for a second time when the answer is yes for the whole session", async () => {
  const { answer, texts } = await asked([session, session]);
  assertEquals([answer, texts.length], ["session", 2]);
  assertStringIncludes(texts[1]!, 'May the container "box" open a link as often as it likes until attach.ts ends?');
  assertEquals((await asked([session, { code: 1 }])).answer, "no");
  assertEquals((await asked([session, { code: 0 }])).answer, "never");
});

Deno.test("askInDialog() asks again when a yes comes before anybody can have read the question", async () => {
  for (const yes of [once, session]) {
    const { answer, texts } = await asked([yes, yes, yes], { afterMs: 2_900 });
    assertEquals([answer, texts.length, new Set(texts).size], ["no", 3, 1]);
  }
  assertEquals((await asked([{ code: 0 }], { afterMs: 10 })).answer, "never");
});

Deno.test("askInDialog() takes a choice for a yes, once or for the session, and no other yes then", async () => {
  const choices = ["On this host", 'In "web"'];
  const web = { code: 1, stdout: 'In "web"\n' };
  assertEquals((await asked([web], { choices })).answer, { yes: "once", choice: 'In "web"' });
  assertEquals((await asked([session, web], { choices })).answer, { yes: "session", choice: 'In "web"' });
  for (const answers of [[once], [session, once], [session, session, session, session], [{ ...web, code: 255 }]]) {
    assertEquals((await asked([...answers], { choices })).answer, "no");
  }
  assertEquals((await asked([web, web, web], { choices, afterMs: 2_900 })).answer, "no");
  assertEquals((await asked([web])).answer, "no");
});

Deno.test("checkAsking() wants zenity where there is something to ask", async () => {
  const missing = new MissingProgram("The program is not installed", { hint: "" });
  const { host, calls } = recordingHost({ answer: () => missing });
  await checkAsking(host, new Set());
  assertEquals(calls, []);
  const error = await assertRejects(() => checkAsking(host, new Set(["links", "files"] as const)), UserError);
  assertEquals([error.message, error.exitCode], [
    "No question can be shown for links, files: zenity is not installed",
    127,
  ]);
});
