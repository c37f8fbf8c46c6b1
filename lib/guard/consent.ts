/**
 * Consent: the user is asked for single uses of a channel. The container decides when it uses a channel, and how often.
 * So there is one question at a time, few wait, and none that come too often are asked at all.
 */

import { createQueue } from "../base/promises.ts";
import { revealInvisible } from "../base/text.ts";
import { Refusal } from "./faults.ts";
import { rate } from "./rate.ts";

export interface Question {
  channel: string;
  /** What the container wants to do: "open a link". */
  what: string;
  /** The first sentence, where the container has not asked to do this. */
  asks?: string;
  /** Why the user is asked, where that is not what `--ask` says: lines of at most 88 characters. */
  why?: string;
  /** Its details, each with its name. All texts are printable; some are the container's own. */
  details: readonly (readonly [name: string, text: string])[];
  /** The ways to do it, where the user chooses one: the words of the buttons. */
  choices?: readonly string[];
  /** A yes counts for this use alone, and an earlier yes for more does not cover it. */
  isForOnce?: boolean;
}

/** The user's answer: yes or no for this use, yes for an hour, or either for all uses of the channel in this session. */
export type Answer = Yes | "no" | "never" | Choice;

/** The uses that a yes covers. */
export type Yes = "once" | "hour" | "session";

export interface Choice {
  yes: Yes;
  choice: string;
}

/** Whether the user agrees; to a question with choices, the one that is chosen. */
export type Agreed = boolean | string;

export interface Consent {
  /**
   * Asks for a use of a channel.
   *
   * @param signal takes the question away, and the answer is no
   * @returns not a promise when that is settled already
   * @throws {Refusal} when the user has closed the channel, and when there are too many questions
   * @throws when it cannot be asked
   */
  request(question: Question, signal: AbortSignal): Agreed | Promise<Agreed>;
  isClosed(channel: string): boolean;
  /** Aborts when the hour is over for which the user has allowed a channel; undefined while none runs. */
  hourOf(channel: string): AbortSignal | undefined;
}

/** How many questions there may be at once, with the one that is shown. */
const maxQuestions = 4;

/**
 * How long all details of a question may be together as they are shown, in UTF-16 code units. What is longer is
 * refused, since the user could not see all of it: this much takes half of a screen.
 */
const maxDetailsLength = 2000;

/** The same for a question with choices: zenity 4 puts that many buttons one below the other (seen at 1280 × 800). */
const maxDetailsOverChoices = 700;

/**
 * Makes the consent of a run that has just begun.
 *
 * @param options `ask`: shows a question, and waits for the answer; `now`: a clock in milliseconds; `startHour`: calls `end`
 * after an hour. Nothing but that answer of the user's begins one, so that a container cannot prolong it
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
    const known = settled.get(channel);
    return isForOnce && known !== false ? undefined : known;
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
    const known = settledFor(question);
    if (known !== undefined) return known;
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
      const known = settledFor(question);
      if (known === false) throw new Refusal("you have closed the channel");
      if (known !== undefined) return known;
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
