/**
 * Consent: asks the user about single uses of a channel. The container decides when and how often it uses a channel: so
 * there is one question at a time, few wait, and questions that come too often are not asked.
 */

import { createQueue } from "../base/promises.ts";
import { revealInvisible } from "../base/text.ts";
import { Refusal } from "./faults.ts";
import { rate } from "./rate.ts";

export interface Question {
  channel: string;
  /** What the container wants to do: "open a link". */
  what: string;
  /** The first sentence of the question, when the container did not ask to do this. */
  asks?: string;
  /** Why the user is asked, if not because of `--ask`: lines of at most 88 characters. */
  why?: string;
  /** Details, each with its name. The texts are printable; some come from the container. */
  details: readonly (readonly [name: string, text: string])[];
  /** The labels of the buttons, when the user chooses one of several ways. */
  choices?: readonly string[];
  /** A yes covers this use alone, and no earlier yes covers it. */
  isForOnce?: boolean;
}

/** The user's answer: yes or no to this use, yes for an hour, or either to all uses of the channel in this session. */
export type Answer = Yes | "no" | "never" | Choice;

/** The uses that a yes covers. */
export type Yes = "once" | "hour" | "session";

export interface Choice {
  yes: Yes;
  choice: string;
}

/** Whether the user agrees; for a question with choices, the chosen one. */
export type Agreed = boolean | string;

export interface Consent {
  /**
   * Asks for a use of a channel.
   *
   * @param signal takes the question away, and the answer is no
   * @returns a promise only if the user must be asked
   * @throws {Refusal} when the user has closed the channel, and when there are too many questions
   * @throws when it cannot be asked
   */
  request(question: Question, signal: AbortSignal): Agreed | Promise<Agreed>;
  isClosed(channel: string): boolean;
  /** Aborts at the end of the hour for which the user has allowed a channel; undefined when none runs. */
  hourOf(channel: string): AbortSignal | undefined;
}

/** How many questions may wait, counting the one that is shown. */
const maxQuestions = 4;

/**
 * How long all details of a question may be as they are shown, in UTF-16 code units: this much takes half of a screen.
 * More is refused, since the user could not see all of it.
 */
const maxDetailsLength = 2000;

/** The same for a question with choices: zenity 4 puts that many buttons one below the other (seen at 1280 × 800). */
const maxDetailsOverChoices = 700;

/**
 * Makes the consent of a run that has just begun.
 *
 * @param options `ask`: shows a question, and waits for the answer; `now`: a clock in milliseconds; `startHour`: calls
 * `end` after an hour. Only the user's answer begins an hour, so that a container cannot prolong it
 */
export function createConsent(
  { ask, now, startHour }: {
    ask: (question: Question, signal: AbortSignal) => Promise<Answer>;
    now: () => number;
    startHour: (channel: string, end: () => void) => void;
  },
): Consent {
  const settled = new Map<string, Agreed>();
  const hours = new Map<string, AbortController>();
  const inOrder = createQueue();
  let waiting = 0;
  const isBearable = rate({ perSecond: 0.2, burst: 6 }, now);

  const settledFor = ({ channel, isForOnce }: Question): Agreed | undefined => {
    const agreed = settled.get(channel);
    return isForOnce && agreed !== false ? undefined : agreed;
  };
  const beginHour = (channel: string): void => {
    const hour = new AbortController();
    hours.set(channel, hour);
    startHour(channel, () => {
      settled.delete(channel);
      hours.delete(channel);
      hour.abort();
    });
  };

  const answerTo = async (question: Question, signal: AbortSignal): Promise<Agreed> => {
    const { channel } = question;
    const earlier = settledFor(question);
    if (earlier !== undefined) return earlier;
    const answer = await ask(question, signal);
    const { yes, choice = true } = typeof answer === "object" ? answer : { yes: answer };
    const agreed = yes === "once" || yes === "hour" || yes === "session" ? choice : false;
    if (yes === "hour" || yes === "session" || yes === "never") settled.set(channel, agreed);
    if (yes === "hour") beginHour(channel);
    return agreed;
  };
  return {
    isClosed: (channel) => settled.get(channel) === false,
    hourOf: (channel) => hours.get(channel)?.signal,
    request(question, signal) {
      const earlier = settledFor(question);
      if (earlier === false) throw new Refusal("you have closed the channel");
      if (earlier !== undefined) return earlier;
      const length = question.details.reduce((sum, [, text]) => sum + revealInvisible(text).length, 0);
      if (length > (question.choices ? maxDetailsOverChoices : maxDetailsLength)) {
        throw new Refusal("it is too long to be shown whole");
      }
      if (waiting >= maxQuestions) throw new Refusal("too many questions are waiting for your answer");
      if (!isBearable()) throw new Refusal("it asks too often");
      waiting++;
      return inOrder(() => answerTo(question, signal)).finally(() => waiting--);
    },
  };
}
