// The user's consent for single uses of a channel: what is asked, what the answers do, and that a container cannot
// flood its user.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { revealInvisible } from "../../../lib/base/text.ts";
import { type Answer, type Consent, createConsent, type Question } from "../../../lib/guard/consent.ts";
import { Refusal } from "../../../lib/guard/faults.ts";
import { question } from "../questions.ts";

/** Waits until all that is due has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
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
  isClosed: Consent["isClosed"];
} {
  let time = 0;
  const hours: (() => void)[] = [];
  const shown: string[] = [];
  let settle: PromiseWithResolvers<Answer> | undefined;
  const ask = (asked: Question): Promise<Answer> => {
    assertEquals(settle, undefined, "one question at a time");
    shown.push(asked.details[0]![1]);
    settle = Promise.withResolvers();
    return settle.promise;
  };
  const consent = createConsent({ ask, now: () => time, startHour: (_, end) => hours.push(end) });
  const { signal } = new AbortController();
  return {
    consent: { request: (question) => consent.request(question, signal) },
    hourOf: consent.hourOf,
    isClosed: consent.isClosed,
    hours,
    shown,
    async answer(answer) {
      await turn();
      const { resolve, reject } = settle!;
      settle = undefined;
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
      await turn();
    },
    wait: (ms) => void (time += ms),
  };
}

Deno.test("createConsent() asks one question after the other, and an answer is for one use", async () => {
  const { consent, shown, answer } = asking();
  const first = consent.request(question("1"));
  const second = consent.request(question("2"));
  await turn();
  assertEquals(shown, ["1"]);
  await answer("once");
  assertEquals([await first, shown.length], [true, 2]);
  await answer("no");
  assertEquals(await second, false);
  consent.request(question("3"));
  await turn();
  assertEquals(shown, ["1", "2", "3"]);
});

Deno.test("createConsent() takes a dialog that fails for no yes, and asks the next question", async () => {
  const { consent, shown, answer } = asking();
  const [failed, next] = [consent.request(question("1")), consent.request(question("2"))];
  const failing = assertRejects(async () => await failed, Error, "killed");
  await answer(new Error("killed"));
  await failing;
  await answer("once");
  assertEquals([await next, shown], [true, ["1", "2"]]);
});

Deno.test("createConsent() remembers an answer for the session only when told to, for that channel, also for what waits", async () => {
  const { consent, shown, answer, isClosed } = asking();
  const [first, second, other] = [question("1"), question("2"), question("3", "files")].map(consent.request);
  await answer("session");
  assertEquals([await first, await second], [true, true]);
  assertEquals(shown, ["1", "3"]);
  await answer("never");
  assertEquals(await other, false);
  assertEquals(consent.request(question("4")), true);
  assertThrows(() => consent.request(question("5", "files")), Refusal, "you have closed the channel");
  assertEquals(shown, ["1", "3"]);
  assertEquals([question("1").channel, "files", "links"].map((channel) => isClosed(channel)), [false, true, false]);
});

Deno.test("createConsent() asks what is for one use only whatever has been allowed, and not where all is refused", async () => {
  const { consent, shown, answer } = asking();
  const [first, other] = [question("1"), question("2", "files")].map(consent.request);
  await answer("session");
  await answer("never");
  assertEquals([await first, await other], [true, false]);
  const once = consent.request({ ...question("3"), isForOnce: true });
  await answer("once");
  assertEquals([await once, shown], [true, ["1", "2", "3"]]);
  const refused = (): unknown => consent.request({ ...question("4", "files"), isForOnce: true });
  assertThrows(refused, Refusal, "you have closed the channel");
  assertEquals(shown.length, 3);
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
  await turn();
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
  await turn();
  assertEquals([shown.length, refused], [1, 996]);
  for (let times = 0; times < 4; times++) await answer("no");
  flood();
  for (let times = 0; times < 2; times++) await answer("no");
  assertEquals(shown.length, 6);
  assertThrows(() => consent.request(question()), Refusal, "it asks too often");
  wait(5_000);
  consent.request(question());
  await turn();
  assertEquals(shown.length, 7);
});

Deno.test("createConsent() refuses what is too long to be shown whole", async () => {
  const { consent, shown } = asking();
  assertThrows(() => consent.request(question("a".repeat(2001))), Refusal, "too long to be shown whole");
  const [half, spaces] = ["a".repeat(1000), "\u00a0".repeat(251)];
  const details = [["Host", half], ["Address", `${half}a`]] as const;
  assertThrows(() => consent.request({ ...question(), details }), Refusal, "too long to be shown whole");
  assertThrows(() => consent.request(question(spaces)), Refusal, "too long to be shown whole");
  const choices = ["Here"];
  assertThrows(() => consent.request({ ...question("a".repeat(701)), choices }), Refusal, "too long");
  consent.request(question("a".repeat(2000)));
  await turn();
  assertEquals(shown.length, 1);
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
