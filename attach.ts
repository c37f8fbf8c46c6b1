#!/bin/sh
/*bin/true 2>/dev/null # A comment for TypeScript, commands for sh: $PATH without relative directories, the path of this file, one
# permission a line, Deno's version, and Deno.
set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
GUI_CALLED=$0; [ "$(command -v "${0##*"/"}")" != "$0" ] || GUI_CALLED=${0##*"/"}; export GUI_CALLED
me=$(command -p readlink -f -- "$0" 2>/dev/null || readlink -f -- "$0")
set -- "$me" "$@"; case $me in *,*) me= ;; *) me=,$me ;; esac
set -- --allow-read "$@"
set -- --allow-write="${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}" "$@"
set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
c=${XDG_CONFIG_HOME:-}; case $c in /*,* | [!/]* | '') c=$HOME/.config ;; esac; set -- --allow-write="$c/gui-container" "$@"
m=${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}; case $m in [!/]* | *,*) m= ;; esac
set -- --allow-net="unix:$m/.attach-$$/guard,unix:$m/.attach-$$/answer,unix:$m/.attach-$$/commands/command,unix:$m/.attach-$$/ssh-agent" "$@"
set -- --allow-run="lxc,incus,ssh,ssh-keygen,setfacl,getfacl,stat,readlink,cp,mv,rm,find,firewall-cmd,ss,bwrap,ln,xpra,xrandr,xrdb,gsettings,waypipe,setpriv,systemd-run,pacat,zenity,gdbus,notify-send,xdg-open,lpstat,lp,xclip,wl-copy,wl-paste$me" "$@"
set -- --allow-env='DISPLAY,XAUTHORITY,WAYLAND_DISPLAY,XDG_CURRENT_DESKTOP,XDG_RUNTIME_DIR,XDG_ACTIVATION_TOKEN,XDG_DOWNLOAD_DIR,GIO_LAUNCHED_DESKTOP_FILE,LANG,LANGUAGE,LC_ALL,LC_CTYPE,LC_MESSAGES,TZ,XCURSOR_THEME,XCURSOR_SIZE,XDG_CONFIG_HOME,HOME,PATH,GUI_CONTAINER_DISPLAY,GUI_CALLED,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,SSH_AUTH_SOCK,LD_*,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
v=$(deno -V 2>&1); case $v in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' "Deno 2.9.0 or newer is needed. \`deno -V\` says: $v" 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
exec deno run --quiet --no-prompt --v8-flags=--max-old-space-size=512 "$@" # */
/**
 * Runs an app in a container and shows its windows among the host's own.
 *
 * @module
 */

import { channelNames, channelWords, presetNames, splitTimes } from "./lib/settings/channels.ts";
import { askableNames, channels, channelsWith, openedKinds } from "./lib/channels/table.ts";
import { borderWords } from "./lib/settings/border_option.ts";
import { displayWords } from "./lib/settings/request.ts";
import { inputError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import { quoteWords } from "./lib/base/shell_words.ts";
import { guardWords } from "./lib/guard/process_interface.ts";
import { type Arguments, engineOptions, givenOptions, type ScriptSpec } from "./lib/cli/options.ts";
import { runScript } from "./lib/cli/script.ts";
import { xpraOptionNames } from "./lib/cli/xpra_options.ts";
import { applySettings } from "./lib/settings/apply.ts";
import { namedDestinations, optionOf, settingKeys, settingsFor } from "./lib/settings/file.ts";

const channelList = { words: channelWords, list: true };
const denied = { ...channelList, containers: true };

const spec = {
  name: "attach.ts",
  summary: "Run an app in a container and show its windows on this desktop.",
  usage: [
    "[options] NAME APP [ARG...]",
    "[options] NAME [-- APP [ARG...]]",
    "--disposable NAME APP [FILE...]",
    "--list [NAME]",
    "--stop NAME [SESSION | --all]",
    "--logs NAME [SESSION]",
    "--copy NAME | --paste NAME",
    "--deny NAME CHANNEL,…",
    "--settings NAME",
    "--history [NAME]",
  ],
  examples: [
    ["my-container firefox https://xkcd.com/", "Run an app; Ctrl-C returns the terminal, and it runs on"],
    ["my-container", "Show its windows again; on Wayland, serve its dialogs again"],
    ["my-container firefox --preset=isolated --border=red", "Without clipboard and sound, with a red border"],
  ],
  options: {
    "list": { group: "Other commands", help: "Show the sessions that run" },
    "stop": { help: "End a session and all that belongs to it" },
    "all": { needs: "stop", help: "With --stop: all sessions of the container" },
    "logs": { help: "Print what a session's app and server have printed" },
    "copy": { help: "Copy the text on a session's clipboard to yours, even while the channel is closed" },
    "paste": { help: "Copy the text on your clipboard to a session's, for a minute" },
    "settings": { help: "Show what is set for a container, and where" },
    "history": { help: "Print what passed between a container and this host, by day" },
    "save": {
      help:
        "Keep the options about channels, links, files, display, border and engine for NAME, in saved.yaml; with an " +
        "app, also run it",
    },
    "session": {
      group: "Session and display",
      value: "SESSION",
      help: "Start a new session of this name, or show this one again",
      completion: "session",
    },
    "detached": { help: "Start the session and return without showing it" },
    "join": { help: "Run the app in the session that runs, and return when it ends" },
    "disposable": { help: "Run the app in a copy of NAME that is removed when the app ends; FILEs are lent to it" },
    "display": {
      value: "DISPLAY",
      help: "auto, wayland or x11 (default: $GUI_CONTAINER_DISPLAY, else auto)",
      completion: { words: displayWords },
    },
    "border": {
      value: "COLOUR",
      help:
        "A border in this colour on all windows of the container, now and later: red, #ff8800 or red,8; auto takes the " +
        "choice back",
      completion: { words: borderWords },
    },
    "no-box": { help: "Run xpra's client without its sandbox, with all of your permissions (X only; unsafe)" },
    "preset": {
      group: "Channels: what passes besides windows, keys and pointer",
      value: "PRESET",
      help: "isolated (none), desktop (clipboard, sound, look, dialogs; the default) or trusted (all but " +
        `${channelsWith(({ presets }) => presets.length === 0).join(" and ")})`,
      completion: { words: presetNames },
    },
    "allow": {
      value: "CHANNEL,…",
      help: "Open these channels as well; microphone:20m for 20 minutes of this run (s, m or h)",
      completion: channelList,
    },
    "deny": {
      value: "CHANNEL,…",
      help: "Close these channels; with NAME and channels, at once in its sessions that run: --deny NAME microphone",
      completion: denied,
    },
    ...Object.fromEntries(channels.flatMap(({ name, opens }) =>
      opens === undefined ? [] : [[`${name}-to`, {
        value: "PLACE",
        help: opens,
        completion: { words: ["host", "ask"], containers: true },
      }]]
    )),
    "ask": {
      value: "CHANNEL,…",
      help: `Ask at each use of these: ${askableNames.join(", ")}`,
      completion: { words: askableNames, list: true },
    },
  },
  leaves: {
    "list": [],
    "stop": ["all", "session"],
    "logs": ["session"],
    "copy": ["session"],
    "paste": ["session"],
    // Not options: "history", since --history prints the history, and what only the settings say about a channel.
    "settings": settingKeys.filter((key) => !["history", ...channelsWith(({ setting }) => setting)].includes(key))
      .map(optionOf),
    "history": [],
    // The session already has its channels and windows.
    "join": ["session"],
  },
  passesOn: "always",
  operands: { first: ["container", "app"], rest: null },
  operandsWith: {
    "list": { first: ["container"] },
    "disposable": { first: ["container", "app"], rest: "file" },
    "stop": { first: ["container", "session"] },
    "logs": { first: ["container", "session"] },
    "settings": { first: ["container"] },
    "copy": { first: ["container"] },
    "paste": { first: ["container"] },
    "history": { first: ["container"] },
    "deny": { first: [denied], rest: null },
  },
  notes: `The channels are ${
    ["clipboard (both ways)", ...channelNames].join(", ")
  }. The options above are understood wherever they stand before "--", and so are those that xpra gets: ${
    xpraOptionNames.map((name) => `--${name}=…`).join(", ")
  }. All other words after APP are the app's, as are all after "--"; but one that looks like an option above, mistyped, is an error.`,
  manual: [
    "APP is split into words by the quoting rules of a shell; no shell runs it. ARGs are added as they are.",
    "The container is started if it does not run. One ssh call starts a systemd user unit in it: an X server, xpra and " +
    'the app. "xpra attach" shows its windows here, over a Unix socket in $GUI_CONTAINER_MOUNTS (default: ' +
    "~/container_mounts). Ctrl-C detaches; the session ends with the app. On a Wayland desktop, waypipe replaces the X " +
    "server and xpra if both ends have it and the options allow it; the windows then stay open after Ctrl-C, and " +
    '"attach.ts NAME" serves their dialogs, links and the like again.',
    "An app that runs in a session already is started once more in that one, where it may open another window: the same " +
    "line can be typed twice. It is refused where that session has other channels. --detached and the name of a new " +
    "session start one of its own; without a name they are called as the app is, then -2, -3 and so on.",
    "Where the container has xdg-desktop-portal, the app's own file dialogs show a dialog of this host's: what you choose " +
    "is lent to the app, and comes back when the session ends. Links, files, print jobs and notifications go the same way, " +
    "if their channels are open; you are always asked before something is printed.",
    "With --disposable, a snapshot of the container is copied first. The copy is removed when the app ends or at Ctrl-C; " +
    "if the run is killed, the next run removes it.",
    "REMOTE:NAME is a container on a remote of the engine's CLI. ssh reaches it through the engine, and a Unix socket " +
    "that ssh forwards takes the place of the shared one.",
  ],
  needsArguments: true,
  showErrors: { except: ["list", "logs", "settings", "history"] },
} satisfies ScriptSpec<string>;

/**
 * The command line's options, for the man page.
 *
 * @ignore For `tools/package.ts` and tests.
 */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** Runs the script; loads only the code for the requested command. Returns the exit code. */
async function main(host: Host, given: Arguments<Name>): Promise<number> {
  const denial = given.values.has("deny")
    ? await (await import("./lib/attach/deny.ts")).readDenial(host, given)
    : undefined;
  const { names, times } = splitTimes(given.values.get("allow") ?? "");
  const args = times.size === 0 ? given : { ...given, values: new Map(given.values).set("allow", names) };
  const { flags } = args;
  const values = denial ? new Map([...args.values].filter(([name]) => name !== "deny")) : args.values;
  const [word, ...words] = denial ? [denial.word] : args.positionals;
  const settings = word === undefined ? new Map() : await settingsFor(host, word);
  const applied = applySettings(values, settings);
  const options = engineOptions(applied);
  if (flags.has("list")) return await (await import("./lib/attach/list.ts")).showSessions(host, word, options);
  if (flags.has("history")) return await (await import("./lib/attach/history.ts")).showHistory(host, word, options);
  if (word === undefined) {
    throw inputError("The container's NAME is missing", "To see where apps run: attach.ts --list");
  }
  if (flags.has("settings")) {
    return (await import("./lib/settings/show.ts")).showSettings(host, { word, options: values, settings });
  }
  const { resolveContainer } = await import("./lib/container/resolve.ts");
  if (denial || ["stop", "logs", "copy", "paste"].some((verb) => flags.has(verb as Name))) {
    const session = words[0] ?? values.get("session");
    if (session !== undefined) (await import("./lib/container/names.ts")).checkSessionName(session);
    await using container = await resolveContainer(host, { word, ...options });
    if (denial) return await (await import("./lib/attach/deny.ts")).deny(container, { ...denial, session });
    if (flags.has("logs")) return await (await import("./lib/attach/logs.ts")).logs(container, session);
    if (flags.has("stop")) {
      return await (await import("./lib/attach/stop.ts")).stop(container, { session, all: flags.has("all") });
    }
    const { copy, paste } = await import("./lib/attach/clipboard.ts");
    return await (flags.has("copy") ? copy : paste)(container, session);
  }
  // Preparing sandboxes runs several programs, so it starts early.
  if (!flags.has("join") && !flags.has("detached")) {
    import("./lib/attach/box/box.ts").then(({ prepareBoxes }) => prepareBoxes(host)).catch(() => {});
  }
  const named = async (kind: string): Promise<string[]> =>
    applied.values.get(optionOf(kind)) === "ask" ? await namedDestinations(host, kind) : [];
  const request = (await import("./lib/attach/read_request.ts")).readRequest(host, {
    ...args,
    applied,
    named: Object.fromEntries(await Promise.all(openedKinds.map(async (kind) => [kind, await named(kind)]))),
    times,
    line: (app) => quoteWords(["attach.ts", ...givenOptions(given), word, "--", ...app]),
  });
  if (flags.has("save")) {
    const { givenSettings, saveSettings } = await import("./lib/settings/save.ts");
    const kept = givenSettings(values);
    if (kept.size === 0) throw inputError("There is no setting to save", "Give one, such as --preset");
    if (times.size > 0) throw inputError("--save does not keep the times of --allow", "Leave the time out, or --save");
    await saveSettings(host, word, kept);
    if (!("app" in request)) return 0;
  }
  await using container = await resolveContainer(host, { word, ...options });
  if (!("app" in request)) return await (await import("./lib/attach/reattach.ts")).reattach(container, request);
  if (flags.has("disposable")) {
    return await (await import("./lib/attach/disposable/disposable.ts")).runDisposable(container, request);
  }
  if (flags.has("join")) {
    await (await import("./lib/attach/session/live_sessions.ts")).checkRunning(container, request.session);
    return await (await import("./lib/attach/join.ts")).join(container, request);
  }
  return await (await import("./lib/attach/start.ts")).start(container, request);
}

if (import.meta.main) {
  const [word, request] = Deno.args;
  if (word === guardWords.wayland) await (await import("./lib/guard/wayland/process.ts")).runGuardProcess(request);
  if (word === guardWords.xpra) await (await import("./lib/guard/xpra/process.ts")).runGuardProcess(request);
  await runScript(spec, {
    main,
    diagnosis: async () => (await import("./lib/attach/doctor.ts")).attachDiagnosis,
  });
}
