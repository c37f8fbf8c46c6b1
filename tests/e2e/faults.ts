/**
 * Faults made on demand: programs of the same names first on PATH that hand on to the real ones, except for one call,
 * and a picture of all that create.ts could have changed.
 */

import { dirname, join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type ProcessOptions, runProcess } from "../../lib/base/process.ts";
import { publicKey, root, script, sh } from "./run.ts";
import type { EngineName } from "./world.ts";

/**
 * What becomes of the call: it fails without being made, the script gets a signal when it starts or SIGKILL when it is
 * done, a shell script runs before it, or from it on the engine does not answer.
 */
export type Fault = SimpleFault | "KILL after" | { before: string } | "gone";

/** Those that any call may meet. */
export type SimpleFault = "fail" | "INT" | "TERM" | "KILL";

/** What the CLI of an engine prints that does not run. */
const noAnswer = 'Error: Get "http://unix.socket/1.0": dial unix /var/lib/unix.socket: connect: connection refused';

/** What every fake prints when it fails. */
export const failure = "fake: this call fails";

const fakedPrograms = ["lxc", "incus", "ssh", "setfacl", "getfacl", "stat", "cp", "mv", "rm"];

/**
 * Counts the calls, logs each as one line, and acts at the one whose number is in `at`, or at the first that matches
 * it. What create.ts looks at while it waits for cloud-init depends on how long that takes, and `ssh -V` and the queries
 * for an address and storage pools run beside other calls: such calls are handed on uncounted.
 */
const fakeProgram = (real: string): string =>
  `#!/bin/sh
cd "$FAULTS" || exit 99
ended=
trap 'ended=yes' TERM
exec 9>lock
flock 9
call=$(printf '%s ' "\${0##*/}" "$@" | tr '\\n' ' ')
waiting=$(cat waiting)
case $call in
*'cloud-init status'*) echo yes >waiting; waiting=no ;;
*enable-linger* | *' config get '* | *'apt-get clean'*) echo no >waiting; waiting=no ;;
esac
case $call in 'ssh -V '* | *'/instances/'*'?recursion=1 ' | *'/storage-pools?recursion=1 ') waiting=yes ;; esac
number=0
if [ "$waiting" = no ]; then
  number=$(($(cat count) + 1))
  echo "$number" >count
  printf '%s\\n' "$call" >>log
fi
at=$(cat at)
case $at in
[0-9-]*) ;;
*) if printf '%s\\n' "$call" | grep -Eq "$at"; then at=$number; echo -1 >at; fi ;;
esac
exec 9>&-
trap - TERM
[ -z "$ended" ] || exit 143
if [ "$number" = "$at" ]; then
  act=$(cat fault)
  case $act in
  fail) echo '${failure}' >&2; exit 1 ;;
  before) /bin/sh -e before >&2 || exit 98 ;;
  gone) touch gone ;;
  'KILL after') cd "$OLDPWD" && ${real} "$@"; kill -s KILL "$PPID"; exit ;;
  *) kill -s "$act" "$PPID" ;;
  esac
fi
if [ -e gone ]; then
  case \${0##*/} in lxc | incus) echo '${noAnswer}' >&2; exit 1 ;; esac
fi
cd "$OLDPWD" || exit 99
exec ${real} "$@"
`;

/** A place of its own for one case: a name, mounts, and the fakes. */
export interface Place {
  engine: EngineName;
  name: string;
  /** `$GUI_CONTAINER_MOUNTS`. */
  mounts: string;
  /** The cloud-config without packages. */
  cloudConfig: string;
  /** The directory of the fakes. */
  fakes: string;
  /** What is launched. */
  image: string;
}

/**
 * Runs `test` in a new place, and removes the place and whatever container is left in it. Its name starts with `name`,
 * and is one that no run before has used.
 */
export async function withPlace(
  { engine, name, image = "gui-lab" }: { engine: EngineName; name: string; image?: string },
  test: (place: Place) => Promise<void>,
): Promise<void> {
  const base = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-faults-" });
  const place = {
    engine,
    name: `${name}-${crypto.randomUUID().slice(0, 4)}`,
    mounts: join(base, "mounts"),
    cloudConfig: join(base, "plain.yaml"),
    fakes: join(base, "fakes"),
    image,
  };
  try {
    await Deno.mkdir(place.mounts);
    await writeFakes(place.fakes);
    await Deno.writeTextFile(place.cloudConfig, "#cloud-config\ndisable_root: true\n");
    await test(place);
  } finally {
    await create(place, ["--delete", "--force", place.name]);
    await Deno.remove(base, { recursive: true });
  }
}

/** The environment in which create.ts works in a place. */
export function environment(place: Place): Record<string, string> {
  return { GUI_CONTAINER_MOUNTS: place.mounts };
}

/** Runs create.ts in a place, by itself. */
export function create(
  place: Place,
  args: readonly string[],
  options: Partial<ProcessOptions> = {},
): Promise<ProcessResult> {
  return script("create", place.engine, args, { ...options, env: { ...environment(place), ...options.env } });
}

/** What create.ts is given to make the container of a place. */
export function createArgs({ name, cloudConfig, image }: Place, options: readonly string[] = []): string[] {
  return [`--image=${image}`, ...options, name, publicKey, join(root, "profiles/gui.yaml"), cloudConfig];
}

/** Runs create.ts with the fakes before it. Returns how it ended, and the counted calls. */
export function createWithFault(
  place: Place,
  { at, fault, args = createArgs(place), mounts = place.mounts }: {
    at: number | RegExp;
    fault: Fault;
    args?: readonly string[];
    mounts?: string;
  },
): Promise<{ result: ProcessResult; calls: string[] }> {
  return withFault(
    place,
    { at, fault },
    (env) => create(place, args, { env: { ...env, GUI_CONTAINER_MOUNTS: mounts } }),
  );
}

/** Runs what `run` runs with the fakes first on PATH. Returns how it ended, and the counted calls. */
export async function withFault(
  place: Pick<Place, "fakes">,
  { at, fault }: { at: number | RegExp; fault: Fault },
  run: (env: Record<string, string>) => Promise<ProcessResult>,
): Promise<{ result: ProcessResult; calls: string[] }> {
  // One for each run: a fake that outlives a killed run counts nothing of the next one, and takes no fault of it.
  const state = await Deno.makeTempDir({ dir: dirname(place.fakes), prefix: "faults-" });
  for (
    const [file, text] of [
      ["at", typeof at === "number" ? at : at.source.replace("\\w", "[a-z]")],
      ["fault", typeof fault === "string" ? fault : "before"],
      ["before", typeof fault === "string" ? "" : fault.before],
      ["count", 0],
      ["log", ""],
      ["waiting", "no"],
    ] as const
  ) {
    await Deno.writeTextFile(join(state, file), text === "" ? "" : `${text}\n`);
  }
  const result = await run({ PATH: `${place.fakes}:${Deno.env.get("PATH")}`, FAULTS: state });
  const log = await Deno.readTextFile(join(state, "log"));
  return { result, calls: log.split("\n").filter(Boolean) };
}

/** Writes the fakes into a directory. */
export async function writeFakes(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  for (const program of fakedPrograms) {
    await Deno.writeTextFile(join(directory, program), fakeProgram(`/usr/bin/${program}`), { mode: 0o755 });
  }
}

/**
 * All that create.ts could have changed in a place, as text: the instance, the profile, the images of `recipes`, and
 * the tree of the mounts with modes, owners, ACLs and contents.
 */
export async function picture(place: Place, { recipes = [] }: { recipes?: readonly string[] } = {}): Promise<string> {
  const { engine, name, mounts } = place;
  const [instance, profile, images, tree] = await Promise.all([
    engineShow(engine, ["config", "show", name]),
    engineShow(engine, ["profile", "show", name]),
    recipes.length === 0 ? "" : sh([engine, "query", "/1.0/images?recursion=1"]),
    sh(["/bin/sh", "-c", treeScript, "sh", mounts]),
  ]);
  const kept = recipes.filter((recipe) => images.includes(recipe));
  return [`instance: ${instance}`, `profile: ${profile}`, `images: ${kept.join(" ")}`, `tree: ${tree}`].join("\n");
}

/** The text, or "none" when there is no such thing. */
async function engineShow(engine: EngineName, args: readonly string[]): Promise<string> {
  const result = await runProcess([engine, ...args], { okCodes: "any" });
  if (result.code === 0) return result.stdout;
  if (/not found/i.test(result.stderr)) return "none";
  throw new Error(result.stderr);
}

/** All but the empty files by which runs take turns: those are for all containers, and stay. */
const treeScript = `
test -e "$1" || exit 0
cd "$1"
all() { find . ! -path './.lock' ! -path './.*.lock' "$@"; }
all -printf '%p %y %m %U %G %l\\n' | sort
all -print0 | sort -z | xargs -0 getfacl --numeric --absolute-names | grep -v '^$'
all -type f | sort | while read -r file; do printf '%s: ' "$file"; cat "$file"; done
`;
