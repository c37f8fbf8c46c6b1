/** cloud-init: files become the parts of one user-data document, and its status becomes an outcome. */

import { basename } from "@std/path";
import awaitScript from "./await_cloud_init.sh" with { type: "text" };
import type { Engine } from "../engine/engine.ts";
import { exec, execArgv, findInstance, noAddressError } from "../engine/instance.ts";
import { inputError, ProcessError, UserError } from "../base/errors.ts";
import { withValues } from "../base/shell_words.ts";
import { isMap, parseYaml } from "../base/yaml.ts";

/** One part of the user-data. */
export interface Part {
  /** The file's name, shown in cloud-init's log. */
  filename: string;
  /** The MIME type that cloud-init handles it by. */
  type: string;
  /** The file as it is. */
  content: string;
}

/** First lines and their types, as in cloud-init's `handlers/__init__.py` (INCLUSION_TYPES_MAP); the longer one first. */
const types: readonly (readonly [string, string])[] = [
  ["#cloud-config-archive", "text/cloud-config-archive"],
  ["#cloud-config-jsonp", "text/cloud-config-jsonp"],
  ["#cloud-config", "text/cloud-config"],
  ["#cloud-boothook", "text/cloud-boothook"],
  ["#include-once", "text/x-include-once-url"],
  ["#include", "text/x-include-url"],
  ["#part-handler", "text/part-handler"],
  ["## template: jinja", "text/jinja2"],
  ["#!", "text/x-shellscript"],
];

/**
 * How lists and maps of several cloud-configs are put together: they add up. cloud-init's own default lets the later file
 * replace the list of the earlier one. (cloud-init documentation, "Merging user data sections".)
 */
const mergeType = "list(append)+dict(recurse_list)+str()";

/**
 * The type of a file by its first line, checked as far as we can: a cloud-config must be a YAML map.
 *
 * @throws {UserError} exit code 2, with file, line and column
 */
export function parsePart(path: string, content: string): Part {
  const firstLine = content.split("\n", 1)[0]!;
  if (firstLine.startsWith("\ufeff")) {
    throw inputError(
      `${path}:1:1: The file starts with a byte-order mark`,
      "Save it as UTF-8 without one: cloud-init would ignore the file",
    );
  }
  if (firstLine.startsWith("#!") && firstLine.endsWith("\r")) {
    throw inputError(
      `${path}:1:${firstLine.length}: The lines of the script end in CR LF`,
      "Save it with Unix line ends: no program has a name that ends in CR",
    );
  }
  const type = types.find(([start]) => firstLine.startsWith(start))?.[1];
  if (type === undefined) {
    throw inputError(
      `${path}:1:1: The first line does not say what it is: "${firstLine.slice(0, 60)}"`,
      'cloud-init would ignore the file. A cloud-config starts with the line "#cloud-config", a script with "#!"',
    );
  }
  if (type === "text/jinja2") checkTemplate(path, content);
  if (type === "text/cloud-config" || type === "text/cloud-config-archive") checkYaml(path, content, type);
  return { filename: basename(path), type, content };
}

/** What a template becomes must say what it is, too; a statement or comment of Jinja's may come before. */
function checkTemplate(path: string, content: string): void {
  const line = content.split("\n").findIndex((line, index) => index > 0 && line.trim() !== "");
  const text = content.split("\n")[line]?.trim() ?? "";
  if (text.startsWith("{") || types.some(([start]) => text.startsWith(start))) return;
  throw inputError(
    `${path}:${Math.max(line, 1) + 1}:1: The template does not say what it becomes: "${text.slice(0, 60)}"`,
    'cloud-init would ignore it. Let "#cloud-config" or "#!" follow the first line',
  );
}

function checkYaml(path: string, content: string, type: string): void {
  const data = parseYaml(path, content);
  const [right, wanted] = type === "text/cloud-config"
    ? [isMap(data), "a map of cloud-config keys"]
    : [Array.isArray(data), "a list of parts"];
  if (!right) throw inputError(`${path}:1:1: The file is not ${wanted}`, "Write at least one key, such as packages:");
}

/** The user-data document: MIME multipart, the same text for the same parts. */
export function userData(parts: readonly Part[]): string {
  const boundary = freeBoundary(parts);
  const filenames = safeFilenames(parts);
  const body = parts.map(({ type, content }, index) => {
    const { encoding, encoded } = encode(content);
    return [
      `--${boundary}`,
      `Content-Type: ${type}; charset="utf-8"`,
      "MIME-Version: 1.0",
      `Content-Transfer-Encoding: ${encoding}`,
      `Content-Disposition: attachment; filename="${filenames[index]}"`,
      // A template hands its headers on to what it becomes.
      ...(type === "text/cloud-config" || type === "text/jinja2" ? [`Merge-Type: ${mergeType}`] : []),
      "",
      encoded,
    ].join("\n");
  });
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "MIME-Version: 1.0",
    "",
    ...body,
    `--${boundary}--`,
    "",
  ].join("\n");
}

/** As it is where that can be: cloud-init reads the document as text, and spoils the letters beyond ASCII of an 8bit part. */
function encode(content: string): { encoding: string; encoded: string } {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(content)) return { encoding: "7bit", encoded: content };
  return { encoding: "base64", encoded: new TextEncoder().encode(content).toBase64().replace(/.{76}/g, "$&\n") };
}

/**
 * Names that need no quoting, each only once: cloud-init writes a script to a file of that name, without the characters it
 * does not like (`clean_filename` in its `util.py`), over one of the same name, and runs them in the order of names.
 */
function safeFilenames(parts: readonly Part[]): string[] {
  const names: string[] = [];
  for (const { filename } of parts) {
    const safe = filename.replace(/[^\w.-]/g, "_");
    let name = safe;
    for (let number = 2; names.includes(name); number++) name = `${safe}-${number}`;
    names.push(name);
  }
  return names;
}

function freeBoundary(parts: readonly Part[]): string {
  for (let number = 0;; number++) {
    const boundary = `gui-container-part-${number}`;
    if (!parts.some(({ content }) => content.includes(boundary))) return boundary;
  }
}

/** How cloud-init ended. */
export type CloudInitOutcome =
  | { kind: "done" }
  | { kind: "degraded"; warnings: string[] }
  | { kind: "error"; errors: string[] };

/**
 * Reads `cloud-init status --format json` and its exit status: 0 done, 1 error, 2 done with recoverable errors
 * (cloud-init documentation, "Failure states").
 */
export function parseStatus(stdout: string, code: number): CloudInitOutcome {
  let status: { errors?: string[]; recoverable_errors?: Record<string, string[]>; detail?: string } = {};
  try {
    status = JSON.parse(stdout) ?? {};
  } catch {
    status = { errors: [stdout.trim()].filter(Boolean) };
  }
  if (code === 0) return { kind: "done" };
  if (code === 2) return { kind: "degraded", warnings: Object.values(status.recoverable_errors ?? {}).flat() };
  return {
    kind: "error",
    errors: status.errors?.length ? status.errors : [status.detail ?? "cloud-init gave no reason"],
  };
}

/** Time after which cloud-init's output is followed, in milliseconds; what ends before needs no telling. */
const followAfterMs = 2_000;

/** For looking at what may not be there. */
const quiet = { okCodes: "any" } as const;

/** Longest wait for an address, in milliseconds: DHCP answers within seconds or not at all. */
const addressTimeoutMs = 30_000;

/** What the shell says of a program that is not there. */
const noCloudInit = 127;

/** Exit status of await_cloud_init.sh when cloud-init failed. The engine's CLI has another one for a failure of its own. */
const cloudInitFailed = 3;

/**
 * Waits until cloud-init has ended in a running instance, and tells its stage, the time, and its last line of output.
 *
 * @throws {UserError} when it failed, when there is none, after `timeoutMs`, or when the instance gets no user-data or no
 * address
 */
export async function waitForCloudInit(
  engine: Engine,
  name: string,
  { timeoutMs }: { timeoutMs: number },
): Promise<CloudInitOutcome> {
  const { host } = engine;
  host.ui.progress("Waiting for cloud-init");
  const over = new AbortController();
  // Taken up at once: what ends the wait may end them before.
  const beside = Promise.allSettled(
    host.dryRun ? [] : [follow(engine, name, over.signal), watch(engine, name, over)],
  );
  try {
    const script = withValues(awaitScript, { failed: String(cloudInitFailed) });
    const { stdout } = await exec(engine, name, ["/bin/sh", "-c", script], {
      okCodes: [0, cloudInitFailed],
      timeoutMs,
      signal: over.signal,
    });
    if (host.dryRun) return { kind: "done" };
    return await judge(engine, name, splitAnswer(stdout));
  } catch (error) {
    if (error instanceof ProcessError && error.timedOut) {
      throw new UserError(`cloud-init still runs after ${timeoutMs / 1000} s in "${name}"`, {
        hint: "Wait longer with --timeout, or see what it waits for by the end of its output",
        output: await outputLogTail(engine, name),
        cause: error,
      });
    }
    throw error;
  } finally {
    over.abort();
    await beside;
  }
}

/** What await_cloud_init.sh prints. */
interface WaitAnswer {
  json: string;
  code: number;
  userDataBytes: number;
}

function splitAnswer(stdout: string): WaitAnswer {
  const lines = stdout.trimEnd().split("\n");
  const [code, userDataBytes] = lines.pop()!.split(" ").map(Number) as [number, number];
  return { json: lines.join("\n"), code, userDataBytes };
}

async function judge(
  engine: Engine,
  name: string,
  { json, userDataBytes, code }: WaitAnswer,
): Promise<CloudInitOutcome> {
  if (code === noCloudInit) {
    throw new UserError(`There is no cloud-init in the image of "${name}"`, {
      hint: "Choose an image with cloud-init by --image: ubuntu:24.04, or the cloud variant of an image of images:",
    });
  }
  const outcome = parseStatus(json, code);
  if (outcome.kind === "error") {
    throw new UserError(`cloud-init failed in "${name}": ${outcome.errors[0]}`, {
      hint: "Mend the cloud-config; to look around in the container, run it again with --keep-failed",
      output: [...outcome.errors.slice(1), await outputLogTail(engine, name)].join("\n"),
    });
  }
  if (userDataBytes === 0) throw noUserData(engine, name);
  return outcome;
}

function noUserData({ userDataHint }: Engine, name: string): UserError {
  return new UserError(`cloud-init was given no user-data in "${name}"`, { hint: userDataHint });
}

/** Shows what cloud-init prints, once it takes longer. */
async function follow(engine: Engine, name: string, over: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  if (!await delay(followAfterMs, over)) return;
  let stage = "";
  const process = engine.host.start(
    execArgv(engine, name, ["tail", "-n", "+1", "-F", "/var/log/cloud-init-output.log"]),
    {
      output: {
        line(line) {
          const found = /^Cloud-init v\. \S+ running '([\w:-]+)'/.exec(line)?.[1];
          if (found) stage = found;
          const seconds = Math.round((performance.now() - startedMs) / 1000);
          engine.host.ui.progress(`cloud-init ${stage} ${seconds} s: ${line}`, {
            plain: found ? `cloud-init: ${stage}` : "",
          });
        },
      },
    },
  );
  over.addEventListener("abort", () => process.kill("SIGTERM"), { once: true });
  await process.ended;
}

/**
 * Ends the wait when it is for nothing: when cloud-init found nothing that gives it user-data, without which it would wait for
 * minutes on a network of its own guess, or when the instance has no address after half a minute.
 */
async function watch(engine: Engine, name: string, over: AbortController): Promise<void> {
  const deadlineMs = performance.now() + addressTimeoutMs;
  let source: boolean | undefined;
  while (await delay(2_000, over.signal)) {
    source ??= foundSource((await exec(engine, name, ["cat", "/run/cloud-init/status.json"], quiet)).stdout);
    if (source === false) return over.abort(noUserData(engine, name));
    const instance = await findInstance(engine, name, { withState: true });
    if (!instance || instance.ipv4 !== undefined && source) return;
    if (instance.ipv4 === undefined && performance.now() > deadlineMs) return over.abort(noAddressError(name));
  }
}

/**
 * Whether cloud-init has found what gives it user-data: files that the image's templates made, or the engine's socket. Both
 * are looked for before there is a network.
 *
 * @param statusJson `/run/cloud-init/status.json`
 * @returns undefined while it has not looked
 */
export function foundSource(statusJson: string): boolean | undefined {
  try {
    const { v1 } = JSON.parse(statusJson);
    if (v1.datasource) return true;
    return v1["init-local"].finished ? false : undefined;
  } catch {
    return undefined;
  }
}

/** Waits; false when it is over before. */
function delay(ms: number, over: AbortSignal): Promise<boolean> {
  if (over.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      over.removeEventListener("abort", end);
      resolve(true);
    }, ms);
    over.addEventListener("abort", end, { once: true });
  });
}

async function outputLogTail(engine: Engine, name: string): Promise<string> {
  return (await exec(engine, name, ["tail", "-n", "60", "/var/log/cloud-init-output.log"], quiet)).stdout;
}
