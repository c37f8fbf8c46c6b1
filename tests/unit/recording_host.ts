/** The outside of a unit test: programs answered by a function, and all that was asked of it and said by it kept. */

import { ProcessError, type ProcessResult } from "../../lib/base/errors.ts";
import type { Host, RunOptions } from "../../lib/base/host.ts";
import type { Ui } from "../../lib/base/ui.ts";
import { endMark, holding, marking } from "../../lib/engine/exec.ts";

/** What was said, and how: `warn: …`. */
export interface RecordingUi {
  ui: Ui;
  said: string[];
}

/** A {@linkcode Ui} that keeps what it is told, answers each question with `yes`, and chooses the first of several. */
export function recordingUi({ yes = false }: { yes?: boolean } = {}): RecordingUi {
  const said: string[] = [];
  return {
    said,
    ui: {
      result: (text) => void said.push(`result: ${text}`),
      status: (text) => void said.push(`status: ${text}`),
      warn: (text) => void said.push(`warn: ${text}`),
      command: (line) => void said.push(`command: ${line}`),
      plan: (line) => void said.push(`plan: ${line}`),
      progress: (text) => void said.push(`progress: ${text}`),
      error: ({ message }) => void said.push(`error: ${message}`),
      confirm(question) {
        said.push(`confirm: ${question}`);
        return Promise.resolve(yes);
      },
      choose(question, choices) {
        said.push(`choose: ${question}`);
        return Promise.resolve(choices[0]);
      },
      ask(question) {
        said.push(`ask: ${question}`);
        return Promise.resolve(undefined);
      },
      enter(prompt) {
        said.push(`enter: ${prompt}`);
        return Promise.resolve(true);
      },
    },
  };
}

/** How a program is answered: what it printed and how it ended, or an error for one that cannot be started. */
export type Answer = Partial<Pick<ProcessResult, "code" | "stdout" | "stderr">> | Error;

/** A {@linkcode Host} and what it was asked to run. */
export interface RecordingHost {
  host: Host;
  /** Argument lists in their order. */
  calls: string[][];
  /** The options of each call. */
  options: RunOptions[];
  said: string[];
}

/**
 * A {@linkcode Host} that runs nothing. As the real one, it throws a ProcessError for a status that is not expected, and
 * the answer of a program in an instance ends with the mark that `exec` asks for.
 */
export function recordingHost(
  { answer = () => ({}), env = {} }: {
    answer?: (argv: readonly string[]) => Answer;
    env?: Record<string, string>;
  } = {},
): RecordingHost {
  const { ui, said } = recordingUi();
  const calls: string[][] = [];
  const allOptions: RunOptions[] = [];
  const host: Host = {
    ui,
    signal: new AbortController().signal,
    env: (name) => env[name],
    run(argv, options = {}) {
      calls.push([...argv]);
      allOptions.push(options);
      const answered = answer(argv);
      if (answered instanceof Error) return Promise.reject(answered);
      const result = {
        argv,
        code: 0,
        signal: null,
        stdout: "",
        stderr: "",
        ...answered,
      };
      if (result.code === 0 && [holding, marking].some((words) => argv.includes(words[2]!))) result.stdout += endMark;
      const okCodes = options.okCodes ?? [0];
      return okCodes === "any" || okCodes.includes(result.code)
        ? Promise.resolve(result)
        : Promise.reject(new ProcessError(result));
    },
    start(argv) {
      calls.push([...argv]);
      return {
        pid: 1,
        ended: Promise.resolve({ argv, code: 0, signal: null, stdout: "", stderr: "" }),
        kill() {},
      };
    },
    look: async (_planned, act) => await act(),
    change: (_plan, act) => act(),
    forCleanup: () => host,
  };
  return { host, calls, options: allOptions, said };
}
