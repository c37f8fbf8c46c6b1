/**
 * Makes `lib/guard/wayland/protocols.txt` of the protocols' own XML: `deno task protocols`. Needs Debian's packages
 * libwayland-dev and wayland-protocols.
 */

import { fromFileUrl, join } from "@std/path";
import { globals } from "../lib/guard/wayland/globals.ts";

/** Where the packages have their files. */
const roots = ["/usr/share/wayland", "/usr/share/wayland-protocols"];

/** What each line of the table is; see `lib/guard/wayland/protocols.ts`. */
const heading = `\
# Interfaces that an app in a container may have, from wayland.xml and wayland-protocols. Made by "deno task protocols".
# NAME VERSION, then its requests (<) and events (>) by their opcodes: NAME[@SINCE][!, a destructor] ARGUMENT...
`;

const letters: Readonly<Record<string, string>> = {
  int: "i",
  uint: "u",
  fixed: "f",
  string: "s",
  object: "o",
  new_id: "n",
  array: "a",
  fd: "h",
};

interface Interface {
  name: string;
  /** Its lines in the table. */
  lines: string[];
  /** The interfaces that its messages name. */
  named: string[];
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`).exec(tag)?.[1];
}

/** One argument, as a word: its letter, \`?\` in front where it may be null, and the interface after it. */
function argumentWord(tag: string): string {
  const letter = letters[attribute(tag, "type")!]!;
  const named = attribute(tag, "interface");
  const isNullable = attribute(tag, "allow-null") === "true";
  return `${isNullable ? "?" : ""}${letter}${named === undefined ? "" : `:${named}`}`;
}

/** The interfaces of a file. */
function interfacesIn(xml: string): Interface[] {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  return [...text.matchAll(/<interface\s[^>]*>([\s\S]*?)<\/interface>/g)].map(([whole, body]) => {
    const name = attribute(whole, "name")!;
    const messages = [...body!.matchAll(/<(request|event)\s[^>]*?(?:\/>|>[\s\S]*?<\/\1>)/g)].map(([message, kind]) => {
      const tag = message.slice(0, message.indexOf(">") + 1);
      const since = attribute(tag, "since") ?? "1";
      const words = [...message.matchAll(/<arg\s[^>]*>/g)].map(([argument]) => argumentWord(argument));
      const end = kind === "request" && attribute(tag, "type") === "destructor" ? "!" : "";
      const label = `${attribute(tag, "name")}${since === "1" ? "" : `@${since}`}${end}`;
      return { kind, line: [kind === "request" ? "<" : ">", label, ...words].join(" ") };
    });
    const lines = messages.map(({ line }) => line);
    return {
      name,
      lines: [`${name} ${attribute(whole, "version")}`, ...lines],
      named: lines.flatMap((line) => [...line.matchAll(/[no]:(\w+)/g)].map(([, other]) => other!)),
    };
  });
}

async function xmlFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) found.push(...await xmlFiles(path));
    else if (name.endsWith(".xml")) found.push(path);
  }
  return found.sort();
}

if (import.meta.main) {
  const known = new Map<string, Interface>();
  const files = (await Promise.all(roots.map(xmlFiles))).flat();
  // Where an early draft has the same name, the one that is no longer a draft counts.
  for (const file of files.sort((a, b) => Number(b.includes("/unstable/")) - Number(a.includes("/unstable/")))) {
    for (const found of interfacesIn(await Deno.readTextFile(file))) known.set(found.name, found);
  }
  // All that these lead to: nothing else can ever be an object of an app's.
  const wanted = new Set(["wl_display", ...globals]);
  for (const name of wanted) {
    const found = known.get(name);
    if (!found) throw new Error(`No protocol has ${name}`);
    for (const other of found.named) wanted.add(other);
  }
  const blocks = [...wanted].sort().map((name) => known.get(name)!.lines.join("\n"));
  const path = fromFileUrl(new URL("../lib/guard/wayland/protocols.txt", import.meta.url));
  await Deno.writeTextFile(path, `${heading}\n${blocks.join("\n\n")}\n`);
}
