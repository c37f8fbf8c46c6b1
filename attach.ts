#!/bin/sh
//bin/true; exec deno run --no-prompt --allow-read="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" --allow-run=lxc,incus,ssh,xpra,xrandr --allow-env=DISPLAY,HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,LD_* "$0" "$@"
/**
 * Runs an app in a container and shows its windows among the host's own.
 *
 * @module
 */

import { channelLine, openChannels } from "./lib/channels.ts";
import { type Arguments, runScript, type ScriptSpec } from "./lib/cli.ts";
import { attachClient, screenSize } from "./lib/client.ts";
import { checkInstanceName, chooseEngine } from "./lib/engine.ts";
import { ExitCode, inputError, Interrupted, UserError } from "./lib/errors.ts";
import type { Host } from "./lib/host.ts";
import { mountsOf } from "./lib/mounts.ts";
import { reachContainer } from "./lib/reach.ts";
import { appEnding, checkSessionName, sessionNameOf, socketPath, startSession } from "./lib/session.ts";
import { quoteWords, splitWords, WordsError } from "./lib/words.ts";

const spec = {
  name: "attach.ts",
  summary: "Runs an app in a container and shows its windows among the host's own.",
  usage: ["[options] NAME APP_CMDLINE [XPRA_OPTION...]"],
  options: {
    "session": { value: "S", help: "Name of the session (default: the app's base name, then -2, -3, …)" },
    "preset": { value: "P", help: "isolated, desktop (default) or trusted: which channels are open" },
    "allow": { value: "C,…", help: "Open these channels as well" },
    "deny": { value: "C,…", help: "Close these channels" },
  },
  epilogue: `
Channels: clipboard-in (host to app), clipboard-out (app to host), clipboard (both), sound, microphone, webcam,
notifications, links, files, printing, tray. "isolated" opens none, "desktop" clipboard and sound, "trusted" all but
microphone and webcam.

Example:
  attach.ts my-container "firefox https://xkcd.com/" --border=red

What happens: the container is started if it does not run (lxc start). One ssh call starts a systemd user unit in it: an X
server, xpra and the app. "xpra attach" shows its windows here, over a Unix socket in $GUI_CONTAINER_MOUNTS, by default
~/container_mounts. Ctrl-C detaches; the session ends with the app.`,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** Runs the script. Returns the exit code. */
export async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const [container, commandLine, ...userOptions] = args.positionals;
  if (container === undefined || commandLine === undefined) {
    throw inputError("Arguments are missing: NAME APP_CMDLINE", "See attach.ts --help");
  }
  checkInstanceName(container);
  const app = splitCommandLine(commandLine);
  const exact = args.values.get("session");
  const name = exact ?? sessionNameOf(app[0]!);
  checkSessionName(name);
  const open = openChannels({
    preset: args.values.get("preset"),
    allow: args.values.get("allow"),
    deny: args.values.get("deny"),
  });
  const mounts = mountsOf(host, container);
  socketPath(mounts.xpra, `${name}-99`);
  if (!host.dryRun && !host.env("DISPLAY")) {
    throw new UserError("There is no display to show windows on: $DISPLAY is not set", {
      hint: "Run it in a desktop session",
    });
  }

  const engine = await chooseEngine(host, args.values.get("engine"));
  const [target, screen] = await Promise.all([reachContainer(engine, container, mounts), screenSize(host)]);
  const session = await startSession(host, target, { app, name, exact: exact !== undefined, open, screen });
  host.ui.status(channelLine(open));
  const client = await attachClient(host, {
    socket: socketPath(mounts.xpra, session),
    container,
    open,
    userOptions,
  });
  if (host.dryRun) return 0;

  if (host.signal.aborted) {
    if (host.signal.reason instanceof Interrupted && await isListening(mounts.xpra, session)) {
      host.ui.status(`Detached; the app runs on. To come back: attach.ts ${quoteWords([container])}`);
    }
    throw host.signal.reason;
  }
  const ending = await appEnding(mounts.xpra, session);
  if (ending?.status === undefined && client.code !== 0) {
    throw new UserError(`The xpra client ended with exit status ${client.code}`, {
      hint: "What it said is above; the server's log is beside the socket",
      output: `${client.stdout}${client.stderr}`.split("\n").slice(-15).join("\n"),
    });
  }
  if (ending?.status) {
    const missing = ending.status === ExitCode.missingProgram;
    throw new UserError(`"${app[0]}" ended with exit status ${ending.status}`, {
      hint: `Its whole output is in ${mounts.xpra}/${session}.log`,
      exitCode: missing ? ExitCode.missingProgram : ExitCode.failed,
      output: ending.output,
    });
  }
  return 0;
}

function splitCommandLine(commandLine: string): string[] {
  try {
    const words = splitWords(commandLine);
    if (words.length === 0 || words[0] === "") throw new WordsError("It names no program");
    return words;
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    throw inputError(`APP_CMDLINE cannot be split into words: ${error.message}`, "Quote it as for a POSIX shell");
  }
}

async function isListening(directory: string, session: string): Promise<boolean> {
  try {
    return (await Deno.lstat(socketPath(directory, session))).isSocket ?? false;
  } catch {
    return false;
  }
}

if (import.meta.main) await runScript(spec, main);
