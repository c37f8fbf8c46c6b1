// The user's consent for single uses of a channel: what is asked, what the answers do, and that a container cannot
// flood its user.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { openHistory } from "../../../lib/container/history.ts";
import { askInDialog, checkAsking, dialogOptions } from "../../../lib/attach/agent/ask.ts";
import type { AskableChannel } from "../../../lib/guard/channel.ts";
import { type Answer, type Consent, createConsent, type Question } from "../../../lib/guard/consent.ts";
import { Refusal } from "../../../lib/guard/faults.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { revealInvisible } from "../../../lib/base/text.ts";
import { recordingHost } from "../recording_host.ts";

function question(text = "https://example.org/", channel: AskableChannel = "links"): Question {
  return { channel, what: "open a link", details: [["Address", text]] };
}

/** A consent whose questions wait until they are answered here. The clock stands until it is moved. */
function asking(): {
  consent: { request(question: Question): ReturnType<Consent["request"]> };
  shown: string[];
  answer: (answer: Answer | Error) => Promise<void>;
  wait: (ms: number) => void;
  /** The hours that were begun, each with what ends it. */
  hours: (() => void)[];
  hourOf: Consent["hourOf"];
} {
  let time = 0;
  const hours: (() => void)[] = [];
  const shown: string[] = [];
  let settle: PromiseWithResolvers<Answer> | undefined;
  const consent = createConsent({ now: () => time, startHour: (_, end) => hours.push(end) });
  const ask = (asked: Question): Promise<Answer> => {
    assertEquals(settle, undefined, "one question at a time");
    shown.push(asked.details[0]![1]);
    settle = Promise.withResolvers();
    return settle.promise;
  };
  return {
    consent: { request: (question) => consent.request(question, ask) },
    hourOf: consent.hourOf,
    hours,
    shown,
    async answer(answer) {
      const { resolve, reject } = settle!;
      settle = undefined;
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
      await new Promise((resolve) => setTimeout(resolve));
    },
    wait: (ms) => void (time += ms),
  };
}

Deno.test("createConsent() asks one question after the other, and an answer is for one use", async () => {
  const { consent, shown, answer } = asking();
  const first = consent.request(question("1"));
  const second = consent.request(question("2"));
  assertEquals(shown, ["1"]);
  await answer("once");
  assertEquals([await first, shown.length], [true, 2]);
  await answer("no");
  assertEquals(await second, false);
  consent.request(question("3"));
  assertEquals(shown, ["1", "2", "3"]);
});

Deno.test("createConsent() takes a dialog that fails for a no", async () => {
  const { consent, answer } = asking();
  const asked = consent.request(question());
  await answer(new Error("killed"));
  assertEquals(await asked, false);
});

Deno.test("createConsent() remembers an answer for the session only when told to, for that channel, also for what waits", async () => {
  const { consent, shown, answer } = asking();
  const [first, second, other] = [question("1"), question("2"), question("3", "files")].map(consent.request);
  await answer("session");
  assertEquals([await first, await second], [true, true]);
  assertEquals(shown, ["1", "3"]);
  await answer("never");
  assertEquals(await other, false);
  assertEquals(consent.request(question("4")), true);
  assertThrows(() => consent.request(question("5", "files")), Refusal, "you have closed the channel");
  assertEquals(shown, ["1", "3"]);
});

Deno.test("createConsent() takes a yes for an hour for all uses until that is over, and no use prolongs it", async () => {
  const { consent, shown, answer, hours, hourOf } = asking();
  const first = consent.request(question("1"));
  await answer("hour");
  assertEquals([await first, hours.length], [true, 1]);
  const hour = hourOf("links")!;
  for (const text of ["2", "3"]) assertEquals(consent.request(question(text)), true);
  assertEquals([shown, hours.length, hour.aborted, hourOf("files")], [["1"], 1, false, undefined]);
  hours[0]!();
  assertEquals([hour.aborted, hourOf("links")], [true, undefined]);
  const later = consent.request(question("4"));
  assertEquals(shown, ["1", "4"]);
  await answer("no");
  assertEquals([await later, hours.length], [false, 1]);
});

Deno.test("createConsent() says which of a question's choices the user has chosen, also for the whole session", async () => {
  const { consent, answer } = asking();
  const [first, second, third] = ["1", "2", "3"].map((text) => consent.request(question(text)));
  await answer({ yes: "once", choice: "Here" });
  assertEquals(await first, "Here");
  await answer({ yes: "session", choice: "There" });
  assertEquals([await second, await third, consent.request(question("4"))], ["There", "There", "There"]);
});

Deno.test("createConsent() refuses all but a few of a thousand questions, and more once time has passed", async () => {
  const { consent, shown, answer, wait } = asking();
  let refused = 0;
  const flood = (): void => {
    for (let times = 0; times < 1000; times++) {
      try {
        consent.request(question(`${times}`));
      } catch (error) {
        assert(error instanceof Refusal);
        refused++;
      }
    }
  };
  flood();
  assertEquals([shown.length, refused], [1, 996]);
  for (let times = 0; times < 4; times++) await answer("no");
  flood();
  for (let times = 0; times < 2; times++) await answer("no");
  assertEquals(shown.length, 6);
  assertThrows(() => consent.request(question()), Refusal, "it asks too often");
  wait(5_000);
  consent.request(question());
  assertEquals(shown.length, 7);
});

Deno.test("createConsent() refuses what is too long to be shown whole", () => {
  const { consent, shown } = asking();
  assertThrows(() => consent.request(question("a".repeat(2001))), Refusal, "too long to be shown whole");
  const [half, spaces] = ["a".repeat(1000), "\u00a0".repeat(251)];
  const details = [["Host", half], ["Address", `${half}a`]] as const;
  assertThrows(() => consent.request({ ...question(), details }), Refusal, "too long to be shown whole");
  assertThrows(() => consent.request(question(spaces)), Refusal, "too long to be shown whole");
  const choices = ["Here"];
  assertThrows(() => consent.request({ ...question("a".repeat(701)), choices }), Refusal, "too long");
  consent.request(question("a".repeat(2000)));
  assertEquals(shown.length, 1);
});

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

Deno.test("revealInvisible() writes out what cannot be seen, turns the text round, pushes it away, or is an escape to zenity", () => {
  assertEquals(revealInvisible("Grüße 𝄞.txt"), "Grüße 𝄞.txt");
  assertEquals(revealInvisible("invoice\u202efdp.exe"), "invoice<U+202E>fdp.exe");
  assertEquals(
    revealInvisible("a\u200b\u00ad\u3164\ufe0f\x1b\n\u2028b\\101"),
    "a<U+200B><U+00AD><U+3164><U+FE0F><U+001B><U+000A><U+2028>b<U+005C>101",
  );
  assertEquals(revealInvisible("a b  c\u00a0d\ue000"), "a b <U+0020>c<U+00A0>d<U+E000>");
  assertEquals(revealInvisible("invoice.pdf\u2800\u2800.desktop"), "invoice.pdf<U+2800><U+2800>.desktop");
  assertEquals(
    revealInvisible("Vie\u0323\u0302t b\u0301\u0302\u0303\u0304"),
    "Vie\u0323\u0302t b\u0301\u0302<U+0303><U+0304>",
  );
});

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
  const options = { container: "box", history, signal: AbortSignal.any([]), clock: () => time };
  const answer = await askInDialog(host, { ...question(), ...more }, options);
  return { answer, texts: calls.map((argv) => argv.find((word) => word.startsWith("--text="))!) };
}

const session = { code: 1, stdout: "Allow for this session\n" };
const once = { code: 1, stdout: "Allow once\n" };

Deno.test("askInDialog() reads the button from zenity's status and words; all else is a no", async () => {
  assertEquals((await asked([once])).answer, "once");
  assertEquals((await asked([{ code: 0 }])).answer, "never");
  for (const [code, stdout] of [[1, ""], [5, ""], [255, ""], [5, "Allow once"], [1, "Allow"]] as const) {
    assertEquals((await asked([{ code, stdout }])).answer, "no");
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
  for (const answers of [[once], [session, once], [session, session, session, session], [{ ...web, code: 5 }]]) {
    assertEquals((await asked([...answers], { choices })).answer, "no");
  }
  assertEquals((await asked([web, web, web], { choices, afterMs: 2_900 })).answer, "no");
  assertEquals((await asked([web])).answer, "no");
});

Deno.test("checkAsking() wants zenity where there is something to ask", async () => {
  const missing = new UserError("The program is not installed", { hint: "", exitCode: 127 });
  const { host, calls } = recordingHost({ answer: () => missing });
  await checkAsking(host, new Set());
  assertEquals(calls, []);
  const error = await assertRejects(() => checkAsking(host, new Set(["links", "files"] as const)), UserError);
  assertEquals([error.message, error.exitCode], ["Nobody can be asked for links, files: zenity is not installed", 127]);
});
