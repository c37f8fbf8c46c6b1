/**
 * Asks for the user's consent in a dialog of zenity (3 or 4). The container can make it appear at any moment, over
 * whatever the user is typing, and chooses some of its words. So Enter, Space, Escape, closing it and a timeout mean
 * no. Tab leads to another no first, a yes that comes too soon does not count, and a yes for more than one use must be
 * confirmed. Text is shown literally, without markup.
 */

import { ExitCode, ifInstalled, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { revealInvisible } from "../../base/text.ts";
import { closed, dialogSeconds, okay, showDialog, timedOut } from "../../base/zenity.ts";
import { historyIsFull } from "../../container/history.ts";
import type { Container } from "../../container/container.ts";
import type { ChannelName } from "../../channels/table.ts";
import type { Answer, Choice, Question, Yes } from "../../guard/consent.ts";
import { Refusal } from "../../guard/faults.ts";

/**
 * A yes counts after this time, in seconds: before, the user may still be typing, and has not read the question. zenity
 * takes half a second to appear.
 */
const soonest = 3;

/** How often a dialog is shown if each yes comes too soon. */
const maxAsked = 3;

/** The most characters in a line. zenity breaks lines only at spaces, which an address lacks. */
const lineLength = 88;

/**
 * The width of a dialog, in pixels. In a narrower one, zenity 4 stacks the buttons, and a long text would leave no room
 * for them.
 */
const width = 1120;

const labels = {
  once: "Allow once",
  hour: "Allow for an hour",
  session: "Allow for this session",
  no: "Refuse",
  never: "Refuse for this session",
} as const satisfies Record<Exclude<Answer, Choice>, string>;

/** A question, or the confirmation of a yes for more than one use. */
type Asked = Question & { confirms?: Exclude<Yes, "once"> };

/** How long such a yes lasts, in words. */
const howLong = { hour: "for an hour", session: "until attach.ts ends" } as const;

/**
 * Checks that zenity can ask the user, if any channel asks. Not in a dry run.
 *
 * @throws {UserError} with exit code 127 when zenity is not installed
 */
export async function checkAsking(host: Host, asks: ReadonlySet<ChannelName>): Promise<void> {
  if (asks.size === 0) return;
  if (await ifInstalled(showDialog(host, ["--version"], { looksOnly: true }))) return;
  throw new UserError(`No question can be shown for ${[...asks].join(", ")}: zenity is not installed`, {
    hint: "Install the package zenity, or leave out --ask",
    exitCode: ExitCode.missingProgram,
  });
}

/**
 * Shows a question, and waits for the answer. A yes for more than one use must be confirmed.
 *
 * @param options `signal` closes the dialog, and the answer is no; `clock` returns milliseconds
 * @throws {Refusal} when nobody answers
 */
export async function askInDialog(
  { host, label, history }: Pick<Container, "host" | "label" | "history">,
  question: Question,
  { signal, clock }: { signal: AbortSignal; clock: () => number },
): Promise<Answer> {
  let isLate = false;
  const show = async (asked: Asked): Promise<Answer> => {
    const options = dialogOptions(label, asked);
    // For an extra button, zenity prints its label, with the exit status of a no.
    const yes = yesButtons(asked);
    for (let tries = 0; tries < maxAsked; tries++) {
      const startMs = clock();
      const end = await showDialog(host, options, { signal, timeoutMs: (dialogSeconds + 10) * 1_000 });
      if (!end) return "no";
      isLate = end.code === timedOut;
      if (end.code > timedOut) host.ui.warn(`zenity ended with exit status ${end.code}, which counts as a no`);
      const answer = end.code === okay ? "never" : end.code === closed ? yes.get(end.text) ?? "no" : "no";
      if (answer === "no" || answer === "never" || clock() - startMs >= soonest * 1_000) return answer;
    }
    return "no";
  };
  if (history.isFull("question")) throw new Refusal(historyIsFull);
  const first = await show(question);
  const answer = first === "hour" || first === "session" ? await show({ ...question, confirms: first }) : first;
  // The details of a notification are its text, which stays out of the history.
  const about = question.channel === "notifications" ? "" : question.details[0]?.[1] ?? "";
  const said = typeof answer === "string" ? labels[answer] : answer.choice;
  history.note({ kind: "question", channel: question.channel, about, answer: said });
  if (isLate) throw new Refusal("nobody has answered");
  return answer;
}

/**
 * zenity's options for a question, or for the confirmation of a yes for more than one use. The buttons have no
 * mnemonics. From "Refuse", Tab leads to zenity's OK first, and Shift-Tab to the last extra button: neither is a yes
 * without a confirmation.
 */
export function dialogOptions(container: string, asked: Asked): string[] {
  const { what, asks, why, details, confirms } = asked;
  const counts = `You can answer yes after ${soonest} seconds.`;
  const reason = why === undefined ? [] : ["", why];
  const lines = confirms
    ? [
      `May the container "${container}" ${what} as often as it likes ${howLong[confirms]}?`,
      `You will not be asked again. ${counts}`,
      ...reason,
    ]
    : [
      `${asks ?? `The container "${container}" asks to ${what}.`} ${counts}`,
      ...reason,
      "",
      ...details.map(([name, text]) => inLines(`${name}: ${revealInvisible(text)}`)),
    ];
  return [
    "--question",
    "--no-markup",
    "--default-cancel",
    `--timeout=${dialogSeconds}`,
    // No window of the container can have such a title: theirs begin with its name in brackets.
    `--title=gui-container: may ${container} ${what}?`,
    "--no-wrap",
    `--width=${width}`,
    `--text=${lines.join("\n")}`,
    `--cancel-label=${labels.no}`,
    `--ok-label=${labels.never}`,
    ...[...yesButtons(asked).keys()].map((label) => `--extra-button=${label}`),
  ];
}

/** The buttons for a yes, in order, each with its answer. */
function yesButtons({ choices, confirms, isForOnce = false }: Asked): Map<string, Answer> {
  const once = choices ?? (confirms ? [] : [labels.once]);
  const meaning = (choice: string): Answer => choices ? { yes: confirms ?? "once", choice } : "once";
  const longer = (["hour", "session"] as const).filter((yes) =>
    !isForOnce && (choices ? !confirms : yes === (confirms ?? yes))
  );
  return new Map([
    ...once.map((label): [string, Answer] => [label, meaning(label)]),
    ...longer.map((yes): [string, Answer] => [labels[yes], yes]),
  ]);
}

/**
 * Breaks a text into lines of one length, even within words. All lines but the first begin with a left-to-right mark,
 * and are indented, so that none looks like the dialog's own text.
 */
function inLines(text: string): string {
  const lines = text.match(new RegExp(`.{1,${lineLength}}`, "gsu")) ?? [];
  return lines.join("\n\u200e    ");
}
