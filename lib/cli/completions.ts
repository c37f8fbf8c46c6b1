/**
 * Completions of a script's command line for bash, zsh and fish, as text for the shell to read. Names of containers and
 * sessions come from the directories that create.ts has made, so that no program has to be started for them.
 */

import { inputError } from "../base/errors.ts";

/** What can stand at one place of a command line; null for what nobody can guess. */
export type Completion =
  | "container"
  | "session"
  | "file"
  | null
  | {
    words: readonly string[];
    /** Files as well. */
    files?: boolean;
    /** Several of the words, by commas. */
    list?: boolean;
  };

/** What can stand at the places of the positional arguments. */
export interface Places {
  /** One for each, in their order. */
  first: readonly Completion[];
  /** At all that come after them. */
  rest?: Completion;
}

/** One option, as the shells need it. */
export interface CompletedOption {
  /** Its name, without dashes. */
  long: string;
  /** One letter. */
  short?: string;
  /** What it is, in a line. */
  help: string;
  /** It takes a value: what that can be. */
  value?: Completion;
}

/** A script's command line, as the shells need it. */
export interface CommandLine {
  /** The names that the script may be started by. */
  commands: readonly string[];
  /** In the order of the help. */
  options: readonly CompletedOption[];
  /** The places without one of the flags below. */
  places: Places;
  /** The places behind a flag, by its long name. */
  placesWith: Readonly<Record<string, Places>>;
}

/** The shells, and what writes the text for each. */
const shells: Readonly<Record<string, (line: CommandLine) => string>> = { bash, zsh, fish };

/** The names of the shells. */
export const shellNames: readonly string[] = Object.keys(shells);

/**
 * The text that teaches a shell the command line.
 *
 * @throws {UserError} exit code 2 for another shell
 */
export function completionScript(line: CommandLine, shell: string): string {
  const write = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (!write) throw inputError(`There are no completions for "${shell}"`, `Use one of ${shellNames.join(", ")}`);
  return write(line);
}

/** The name of the shell function for a command. */
function functionOf({ commands }: CommandLine): string {
  return `_${commands[0]!.replace(/\W/g, "_")}`;
}

/** All flags that change the places, with the places; then those without such a flag, under an empty name. */
function modes({ places, placesWith }: CommandLine): [flag: string, places: Places][] {
  return [...Object.entries(placesWith), ["", places]];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// bash

function bash(line: CommandLine): string {
  const name = functionOf(line);
  const valued = line.options.filter(({ value }) => value !== undefined);
  const names = (option: CompletedOption): string[] => [
    `--${option.long}`,
    ...(option.short ? [`-${option.short}`] : []),
  ];
  const cases = modes(line).map(([flag, { first, rest }]) =>
    [
      `    ${flag === "" ? "*" : `*' --${flag} '*`})`,
      "      case $place in",
      ...first.map((completion, index) => `        ${index}) ${bashOffer(completion)} ;;`),
      ...(rest === undefined ? [] : [`        *) ${bashOffer(rest)} ;;`]),
      "      esac ;;",
    ].join("\n")
  );
  const text = `${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} word option= flags=' ' place=0 container= at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if ((place == 0)) && [[ $option == -- ]]; then
      container=$word place=1
    elif ((place > 0)); then
      place=$((place + 1))
    elif [[ $word == = ]]; then
      continue
    elif [[ $option == -* ]]; then
      option=
    elif [[ $word == -- ]]; then
      option=--
    elif [[ $word == -?* ]]; then
      flags+="$word "
      case $word in ${valued.flatMap(names).join(" | ")}) option=$word ;; esac
    else
      container=$word place=1
    fi
  done
  [[ $current == = ]] && current=
  case $option in
${valued.map((option) => `    ${names(option).join(" | ")}) ${bashOffer(option.value!)}; return ;;`).join("\n")}
  esac
  if ((place == 0)) && [[ $option != -- && $current == -* ]]; then
    @@_offer ${quote(line.options.flatMap(names).join("\n"))}
    return
  fi
  case $flags in
${cases.join("\n")}
  esac
}
complete -F ${name} ${line.commands.join(" ")}
`;
  const helpers = Object.entries(bashHelpers).filter(([helper]) => text.includes(`@@_${helper}`)).map((
    [helper, body],
  ) => `@@_${helper}() {\n${body}}\n`);
  return [`# Completions for bash. To have them: source <(${line.commands[0]} --completions bash)\n`, ...helpers, text]
    .join("").replaceAll("@@", name);
}

/** Functions that the commands of {@linkcode bashOffer} call. */
const bashHelpers: Readonly<Record<string, string>> = {
  containers: `\
  local file
  for file in "\${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}"/*/known_hosts; do
    [[ -e $file ]] && file=\${file%/*} && printf '%s\\n' "\${file##*/}"
  done
`,
  sessions: `\
  local socket
  for socket in "\${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}"/\${1:-*}/xpra/*; do
    [[ -S $socket ]] && printf '%s\\n' "\${socket##*/}"
  done
`,
  offer: `\
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -W "$1" -- "$current"))
`,
  files: `\
  local IFS=$'\\n'
  compopt -o filenames
  COMPREPLY+=($(compgen -f -- "$current"))
`,
  list: `\
  local IFS=$'\\n' before=
  [[ $current == *,* ]] && before=\${current%,*},
  compopt -o nospace
  COMPREPLY+=($(compgen -P "$before" -W "$1" -- "\${current##*,}"))
`,
};

/** The commands that offer a completion; `@@` stands for the function's name. */
function bashOffer(completion: Completion): string {
  if (completion === null) return ":";
  if (completion === "container") return '@@_offer "$(@@_containers)"';
  if (completion === "session") return '@@_offer "$(@@_sessions "$container")"';
  if (completion === "file") return "@@_files";
  const words = quote(completion.words.join("\n"));
  if (completion.list) return `@@_list ${words}`;
  return `@@_offer ${words}${completion.files ? "; @@_files" : ""}`;
}

// zsh

function zsh(line: CommandLine): string {
  const name = functionOf(line);
  const specs = line.options.map(({ long, short, help, value }) => {
    const text = `[${help.replace(/[[\]\\:]/g, "\\$&")}]`;
    const action = value === undefined ? "" : `:${long}:${zshAction(value)}`;
    const equals = value === undefined ? "" : "=";
    if (short === undefined) return quote(`--${long}${equals}${text}${action}`);
    return `${quote(`(-${short} --${long})`)}{-${short},--${long}${equals}}${quote(text + action)}`;
  });
  const cases = modes(line).map(([flag, { first, rest }]) =>
    [
      flag === "" ? "  else" : `  if (( $+opt_args[--${flag}] )); then`,
      "    case $CURRENT in",
      ...first.map((completion, index) => `      ${index + 1}) ${zshOffer(completion)} ;;`),
      ...(rest === undefined ? [] : [`      *) ${zshOffer(rest)} ;;`]),
      "    esac",
    ].join("\n")
  );
  const body = cases.length === 1
    ? cases[0]!.split("\n").slice(1).join("\n")
    : `${cases.map((text, index) => index > 0 ? text.replace(/^ {2}if/, "  elif") : text).join("\n")}\n  fi`;
  return `#compdef ${line.commands.join(" ")}
# Completions for zsh. To have them: source <(${line.commands[0]} --completions zsh), behind compinit
${name}_containers() {
  local -a names
  names=("\${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}"/*/known_hosts(N:h:t))
  compadd -a names
}
${name}_sessions() {
  local -a names
  names=("\${GUI_CONTAINER_MOUNTS:-$HOME/container_mounts}"/\${~1:-*}/xpra/*(N=:t))
  compadd -a names
}
${name}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S -A '-*' \\
${specs.map((spec) => `    ${spec} \\`).join("\n")}
    '*:: :->places' && return
  [[ $state == places ]] || return
  [[ $words[1] == -- ]] && shift words && (( CURRENT-- ))
${body}
}
compdef ${name} ${line.commands.join(" ")}
`.replaceAll("@@", name);
}

/** The action of an option's value, in the words of _arguments. */
function zshAction(completion: Completion): string {
  if (completion === null) return " ";
  if (typeof completion === "string") return completion === "file" ? "_files" : `{@@_${completion}s}`;
  return completion.list ? `_values -s , word ${completion.words.join(" ")}` : `(${completion.words.join(" ")})`;
}

function zshOffer(completion: Completion): string {
  if (completion === null) return ":";
  if (completion === "session") return '@@_sessions "$words[1]"';
  if (typeof completion === "string") return completion === "file" ? "_files" : `@@_${completion}s`;
  return `compadd -- ${completion.words.map(quote).join(" ")}${completion.files ? "; _files" : ""}`;
}

// fish

function fish(line: CommandLine): string {
  const name = `_${functionOf(line)}`;
  const valued = line.options.filter(({ value }) => value !== undefined);
  const valuedNames = valued.flatMap(({ long, short }) => [`--${long}`, ...(short ? [`-${short}`] : [])]);
  const flags = Object.keys(line.placesWith);
  const at = (flag: string, place: string): string =>
    quote(`${name}_at ${flag === "" ? flags.map((other) => `!--${other}`).join(" ") : `--${flag}`} -- ${place}`);
  const places = modes(line).flatMap(([flag, { first, rest }]) => [
    ...first.map((completion, index) => [at(flag, `-eq ${index}`), completion] as const),
    ...(rest === undefined ? [] : [[at(flag, `-ge ${first.length}`), rest] as const]),
  ]);
  const completes = (command: string): string[] => [
    `complete -c ${command} -f`,
    ...line.options.map(({ long, short, help, value }) =>
      [
        `complete -c ${command} -n ${quote(`${name}_at -- -eq 0`)} -l ${long}`,
        ...(short ? [`-s ${short}`] : []),
        ...(value === undefined ? [] : [`-x ${fishOffer(value)}`]),
        `-d ${quote(help)}`,
      ].filter(Boolean).join(" ")
    ),
    ...places.filter(([, completion]) => completion !== null).map(([condition, completion]) =>
      `complete -c ${command} -n ${condition} ${fishOffer(completion)}`
    ),
  ];
  return `# Completions for fish. To have them: ${line.commands[0]} --completions fish | source
function ${name}_mounts
    if set -q GUI_CONTAINER_MOUNTS; and test -n "$GUI_CONTAINER_MOUNTS"
        printf '%s\\n' $GUI_CONTAINER_MOUNTS
    else
        printf '%s\\n' $HOME/container_mounts
    end
end
function ${name}_containers
    for file in (${name}_mounts)/*/known_hosts
        string replace -r '.*/([^/]*)/known_hosts$' '$1' -- $file
    end
end
function ${name}_sessions
    set -l words (${name}_words)
    set -l containers (${name}_containers)
    set -q words[1]; and set containers $words[1]
    for socket in (${name}_mounts)/$containers/xpra/*
        test -S $socket; and string replace -r '.*/' '' -- $socket
    end
end
function ${name}_list
    set -l before (string match -r '.*,' -- (commandline -ct | string replace -r '^--[a-z-]+=' ''))
    printf "$before%s\\n" $argv
end
# The positional arguments before the cursor.
function ${name}_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    while set -q tokens[1]
        switch $tokens[1]
            case --
                set -e tokens[1]
                break
            case ${valuedNames.join(" ")}
                set -e tokens[1]
            case -
                break
            case '-*'
            case '*'
                break
        end
        set -e tokens[1]
    end
    set -q tokens[1]; and printf '%s\\n' $tokens
end
# FLAGS… -- TEST…: whether the flags are there, those with ! are not, and the number of positional arguments passes the test.
function ${name}_at
    set -l tokens (commandline -opc)
    while test $argv[1] != --
        if string match -q '!*' -- $argv[1]
            contains -- (string sub -s 2 -- $argv[1]) $tokens; and return 1
        else
            contains -- $argv[1] $tokens; or return 1
        end
        set -e argv[1]
    end
    set -l words (${name}_words)
    test (count $words) $argv[2..]
end
${line.commands.flatMap(completes).join("\n")}
`.replaceAll("@@", name);
}

function fishOffer(completion: Completion): string {
  if (completion === null) return "";
  if (completion === "file") return "-F";
  if (typeof completion === "string") return `-a '(@@_${completion}s)'`;
  const words = completion.words.join(" ");
  return completion.list ? `-a '(@@_list ${words})'` : `-a ${quote(words)}${completion.files ? " -F" : ""}`;
}
