#!/bin/sh
/*bin/true 2>/dev/null # A comment for TypeScript, commands for sh: $PATH without relative directories, the path of this file, one
# permission a line, Deno's version, and Deno.
set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
GUI_CALLED=$0; [ "$(command -v "${0##*"/"}")" != "$0" ] || GUI_CALLED=${0##*"/"}; export GUI_CALLED
set -- "$(command -p readlink -f -- "$0" 2>/dev/null || readlink -f -- "$0")" "$@"
set -- --allow-read "$@"
set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
set -- --allow-run=lxc,incus,setfacl,getfacl,stat,readlink,cp,mv,rm,zenity,gdbus,notify-send "$@"
set -- --allow-env='DISPLAY,WAYLAND_DISPLAY,XDG_CURRENT_DESKTOP,GIO_LAUNCHED_DESKTOP_FILE,HOME,PATH,GUI_CALLED,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_*,XDG_CONFIG_HOME,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
v=$(deno -V 2>&1); case $v in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' "Deno 2.9.0 or newer is needed. \`deno -V\` says: $v" 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
trap '' TTIN # In the background it goes on, and the time of --for ends what is lent.
exec deno run --quiet --no-prompt "$@" # */
/**
 * Lends files of the host to a container, and takes them back exactly as they were.
 *
 * @module
 */

import { type Arguments, parseDuration, type ScriptSpec } from "./lib/cli/options.ts";
import { engineOptionsFor } from "./lib/settings/apply.ts";
import { runScript } from "./lib/cli/script.ts";
import { inputError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";

const spec = {
  name: "map.ts",
  summary: "Lend files of this host to a container, and take them back exactly as they were.",
  usage: ["[options] [NAME [FILE...]]", "--list", "--unmap [NAME [FILE...]]"],
  examples: [
    ["my-container ~/Documents/letter.odt", "Lend a file until you press Enter"],
    ["my-container ~/Documents/letter.odt --read-only --for 30m", "To read, for half an hour"],
    ["", "Be asked for the container and the files"],
  ],
  options: {
    "list": { group: "Other commands", help: "Show the files that are lent" },
    "unmap": { help: "Take files back: those of a container, some of them, or, once you agree, all" },
    "force": { needs: "unmap", help: "With --unmap: forget files whose container cannot be reached" },
    "read-only": { group: "Lending", help: "The container may read the files, not write them" },
    "for": { value: "DURATION", help: "Take the files back automatically after this time: 90s, 30m, 2h" },
    "no-wait": { help: "Return at once; the files stay lent until --unmap" },
  },
  leaves: { "list": [], "unmap": ["force"] },
  operands: { first: ["container"], rest: "file" },
  operandsWith: { "list": { first: [] } },
  manual: [
    "The container's user gets an entry in the ACL of each file (setfacl), and a disk device shows the file in the " +
    "container, below ~/maps of that user, under its own name. Enter, the end of the input, Ctrl-C, a signal or the end of --for's time takes " +
    "the files back: the devices are removed, and the ACLs are restored.",
    "Without NAME or FILE it asks: on the terminal, or in dialogs where it is started from a menu. Files that a killed run " +
    "has lent, and what a session that ended unattended still has, are taken back by --unmap, and by the next run.",
    "A file that an editor replaces is replaced in the container as well, but with --no-wait. What the container has " +
    "written to a file that is deleted or replaced is put beside its place, and the exit status is 1.",
    "REMOTE:NAME is a container on a remote of the engine's CLI. A copy is lent to it, and comes back if it was changed " +
    "there; if the file was changed here as well, beside it.",
  ],
  showErrors: { except: ["list"] },
} satisfies ScriptSpec<string>;

/**
 * The command line's options, for the man page.
 *
 * @ignore For `tools/package.ts` and tests.
 */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** Runs the script; loads only the code for the requested command. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number | void> {
  const { flags, positionals: words } = args;
  const options = await engineOptionsFor(host, words[0], args.values);
  const time = args.values.get("for");
  if (time !== undefined && flags.has("no-wait")) {
    throw inputError(
      "--for and --no-wait exclude each other: with --no-wait, no run is left to take the files back",
      "Omit one of them",
    );
  }
  if (flags.has("list")) return await (await import("./lib/map/list.ts")).listLoans(host, options);
  if (flags.has("unmap")) {
    const { takeBack } = await import("./lib/map/take_back.ts");
    return await takeBack(host, words, { ...options, forget: flags.has("force") });
  }
  const { lend } = await import("./lib/map/lend.ts");
  return await lend(host, {
    ...options,
    words,
    readOnly: flags.has("read-only"),
    stays: flags.has("no-wait"),
    forMs: time === undefined ? undefined : parseDuration(time),
    yes: flags.has("yes"),
  });
}

if (import.meta.main) {
  await runScript(spec, {
    main,
    diagnosis: async () => (await import("./lib/cli/doctor_checks.ts")).mapDiagnosis,
  });
}
