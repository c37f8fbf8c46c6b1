/** The frame of each script: it handles the common options, signals and errors, and sets the exit code. */

import config from "../../deno.json" with { type: "json" };
import { ExitCode, Interrupted, isSystemError, ProcessError, UserError } from "../base/errors.ts";
import { dryRunHost, type Host, realHost } from "../base/host.ts";
import { readEnv } from "../base/process.ts";
import { onceEach, terminalUi, type Ui } from "../base/ui.ts";
import type { Diagnosis } from "./doctor.ts";
import { asCalled, calledName, programPath } from "../base/script_names.ts";
import { type Arguments, briefText, helpText, optionsOf, parseCommandLine, type ScriptSpec } from "./options.ts";
import { completionStub } from "./shells.ts";

export interface ScriptActions<Name extends string> {
  /** Does its work. Returns the exit code, by default 0. */
  main(host: Host, args: Arguments<Name>): Promise<number | void>;
  diagnosis(): Promise<Diagnosis>;
}

/**
 * Runs a script: parses the command line, handles the common options, signals and errors, and calls an action. Ends the
 * process after the cleanup.
 */
export async function runScript<Name extends string>(
  spec: ScriptSpec<Name>,
  actions: ScriptActions<Name>,
): Promise<never> {
  const [first, ...rest] = Deno.args;
  if (first === "--complete") {
    const { printOffer } = await import("./completions.ts");
    await printOffer({ ...spec, options: optionsOf(spec) }, rest);
    Deno.exit(0);
  }
  if (Deno.permissions.querySync({ name: "env", variable: "GUI_CALLED" }).state !== "granted") {
    terminalUi({ signal: AbortSignal.any([]) }).error({
      message: "Deno was started without the permissions of this script",
      hint: `Run it as a program, ./${spec.name}, or with all permissions: deno run -A ${spec.name}`,
    });
    Deno.exit(ExitCode.usage);
  }
  Deno.exit(await runToExitCode(spec, actions));
}

async function runToExitCode<Name extends string>(
  spec: ScriptSpec<Name>,
  actions: ScriptActions<Name>,
): Promise<number> {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => ending.abort(new Interrupted(signal)));
  }
  // An unhandled error ends the run, too, with the same cleanup.
  const end = (event: Event, reason: unknown): void => {
    event.preventDefault();
    const isKnown = reason === ending.signal.reason || reason instanceof Interrupted;
    // Nobody would read it where stderr is closed.
    if (ending.signal.aborted && !isKnown && !(reason instanceof Deno.errors.BrokenPipe)) {
      ui.warn(explain(reason).message);
    }
    ending.abort(reason);
  };
  addEventListener("unhandledrejection", (event) => end(event, event.reason));
  addEventListener("error", (event) => end(event, event.error));
  const spell = (text: string): string => asCalled(text, readEnv);
  const called = { ...spec, name: calledName(spec.name, readEnv) };
  const common = { signal: ending.signal, spell };
  let ui = terminalUi(common);
  let verbose = false;
  let meant = "";
  let isShown = spec.showErrors !== undefined;
  const notices: Promise<void>[] = [];
  try {
    if (Deno.args.length === 0 && spec.needsArguments) {
      const { nextLine } = await import("./completions.ts");
      ui.status(`${briefText(called)}\n${await nextLine({ env: readEnv })}`);
      return ExitCode.usage;
    }
    const args = parseCommandLine(spec, Deno.args);
    // Somebody may type "list" for "--list", as in other programs. A container may have that name: so it is a hint
    // only.
    if (args.positionals[0] === Deno.args[0] && Object.hasOwn(spec.options, Deno.args[0] ?? "")) {
      meant = `. If you mean the option: ${called.name} --${Deno.args.join(" ")}`;
    }
    const { flags } = args;
    if (spec.showErrors?.except.some((name) => flags.has(name))) isShown = false;
    verbose = flags.has("verbose");
    ui = terminalUi({ ...common, quiet: flags.has("quiet"), json: flags.has("json"), yes: flags.has("yes") });
    if (isShown) ui.warn = withNotice(ui.warn, { title: called.name, spell, notices });
    const about = aboutItself(spec, args);
    if (about) {
      ui.result(...about);
      return 0;
    }
    // The checks change nothing, so a dry run makes them, too.
    const isDoctor = flags.has("doctor");
    const host = flags.has("dry-run") && !isDoctor
      ? dryRunHost({ ui, signal: ending.signal })
      : realHost({ ui, signal: ending.signal, verbose });
    if (isDoctor) {
      const { diagnose } = await import("./doctor.ts");
      return await diagnose(host, { ...await actions.diagnosis(), wanted: args.values.get("engine") });
    }
    await (await import("../container/paths.ts")).checkMountsRoot(host);
    const code = await actions.main(host, args) ?? 0;
    if (!(ending.signal.reason instanceof Interrupted)) ending.signal.throwIfAborted();
    return code;
  } catch (error) {
    const [reason, ...later] = failuresIn(ending.signal.aborted ? ending.signal.reason : error);
    // Nobody reads our output any more, so nobody would see an error.
    if (reason instanceof Deno.errors.BrokenPipe) return ExitCode.failed;
    for (const error of later) {
      if (error instanceof Interrupted || error instanceof Deno.errors.BrokenPipe) continue;
      const { message, hint } = explain(error);
      ui.warn(`${message}. ${hint}`);
    }
    if (reason instanceof Interrupted) return reason.exitCode;
    const { message, hint, output = "", exitCode = ExitCode.failed } = explain(reason);
    const stack = verbose && reason instanceof Error ? reason.stack ?? "" : "";
    ui.error({ message, hint: hint + meant, output: [output, stack].filter(Boolean).join("\n") });
    if (isShown) await showUnseen(`${spec.name}: ${message}`, hint, "error");
    return exitCode;
  } finally {
    await Promise.all(notices);
  }
}

/** Shows a message on the desktop where nobody would see it on stderr. */
async function showUnseen(title: string, text: string, kind: "error" | "warning"): Promise<void> {
  const { isUnseen, showOnDesktop } = await import("../base/desktop.ts");
  if (await isUnseen(readEnv)) await showOnDesktop(title, text, { kind });
}

/** Shows warnings on the desktop as well, each once, where nobody would see them. */
function withNotice(
  warn: Ui["warn"],
  { title, spell, notices }: { title: string; spell: (text: string) => string; notices: Promise<void>[] },
): Ui["warn"] {
  const show = onceEach((text) => void notices.push(showUnseen(title, spell(text), "warning")));
  return (text, options) => {
    warn(text, options);
    if (!options?.onDesktop) show(text);
  };
}

/** The help, the version or the completions of a script, if one of these is asked for. */
function aboutItself<Name extends string>(
  spec: ScriptSpec<Name>,
  { flags, values }: Arguments<Name>,
): [text: string, data: string] | undefined {
  const { name } = spec;
  if (flags.has("help")) {
    const help = asCalled(helpText({ ...spec, name: calledName(name, readEnv) }), readEnv);
    return [help, help];
  }
  if (flags.has("version")) return [`${name} ${config.version}`, config.version];
  const shell = values.get("completions");
  if (shell === undefined) return undefined;
  const text = completionStub({ name, path: programPath(name) }, shell);
  return [text.trimEnd(), text];
}

/** The errors that a SuppressedError joins, in the order of time: leaving a scope may fail after its body has. */
function failuresIn(error: unknown): unknown[] {
  return error instanceof SuppressedError ? [...failuresIn(error.suppressed), ...failuresIn(error.error)] : [error];
}

const verboseHint = "Run it again with --verbose to see each command";

export function explain(error: unknown): { message: string; hint: string; output?: string; exitCode?: number } {
  if (error instanceof UserError) return error;
  if (error instanceof ProcessError) return { message: error.message, hint: verboseHint, output: error.output };
  if (!(error instanceof Error)) return explain(new Error(String(error)));
  if (isSystemError(error)) {
    const isDisks = /^E(?:NOSPC|DQUOT|ACCES|ROFS)$/.test((error as { code?: string }).code!);
    const hint = isDisks ? "See whether the disk is full, and whether you may write there" : verboseHint;
    return { message: error.message, hint };
  }
  return {
    message: `${error.name}: ${error.message}`,
    hint:
      "This is a bug: run it again with --verbose, and report what it prints where you got gui-container (CONTRIBUTING.md)",
  };
}
