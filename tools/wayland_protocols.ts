/**
 * Makes `lib/guard/wayland/protocols.json` of the protocols' own XML: `deno task protocols`. Needs Debian's packages
 * libwayland-dev and wayland-protocols.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";
import { globals } from "../lib/guard/wayland/rules.ts";

/** Where the packages have their files. */
const roots = ["/usr/share/wayland", "/usr/share/wayland-protocols"];

/** The arguments of a message in their order: "TYPE NAME", and the interface of an object, or "". */
type Arguments = Record<string, string>;

/** An interface as it is in the table; see `lib/guard/wayland/protocols.ts`. */
interface Interface {
  version: number;
  /** The first version that has a message, where that is not 1. */
  since: Record<string, number>;
  /** Requests with which the object ends. */
  destructors: string[];
  requests: Record<string, Arguments>;
  events: Record<string, Arguments>;
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`).exec(tag)?.[1];
}

function argumentOf(tag: string): [string, string][] {
  const [type, name, named] = [attribute(tag, "type")!, attribute(tag, "name")!, attribute(tag, "interface") ?? ""];
  const own: [string, string] = [`${type}${attribute(tag, "allow-null") === "true" ? "?" : ""} ${name}`, named];
  // Of an interface that the message itself names, with its version.
  return type === "new_id" && named === "" ? [["string interface", ""], ["uint version", ""], own] : [own];
}

/** The interfaces of a file, by their names. */
function interfacesIn(xml: string): [string, Interface][] {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  return [...text.matchAll(/<interface\s[^>]*>([\s\S]*?)<\/interface>/g)].map(([whole, body]) => {
    const version = Number(attribute(whole, "version"));
    const found: Interface = { version, since: {}, destructors: [], requests: {}, events: {} };
    for (const [message, kind] of body!.matchAll(/<(request|event)\s[^>]*?(?:\/>|>[\s\S]*?<\/\1>)/g)) {
      const tag = message.slice(0, message.indexOf(">") + 1);
      const name = attribute(tag, "name")!;
      if (name in found.requests || name in found.events) throw new Error(`Two messages are called ${name}`);
      const since = Number(attribute(tag, "since") ?? 1);
      if (since > 1) found.since[name] = since;
      if (kind === "request" && attribute(tag, "type") === "destructor") found.destructors.push(name);
      const list = kind === "request" ? found.requests : found.events;
      list[name] = Object.fromEntries([...message.matchAll(/<arg\s[^>]*>/g)].flatMap(([each]) => argumentOf(each)));
    }
    return [attribute(whole, "name")!, found];
  });
}

/** The interfaces that the messages of one name. */
function namedBy({ requests, events }: Interface): string[] {
  return [requests, events].flatMap(Object.values).flatMap(Object.values).filter((name) => name !== "");
}

/** The table with one message a line. */
function written(interfaces: readonly (readonly [string, Interface])[]): string {
  const block = (list: Record<string, Arguments>): string =>
    Object.entries(list).length === 0
      ? "{}"
      : `{\n${Object.entries(list).map(([name, args]) => `"${name}": ${JSON.stringify(args)}`).join(",\n")}\n}`;
  const blocks = interfaces.map(([name, { version, since, destructors, requests, events }]) =>
    `"${name}": {\n"version": ${version},\n"since": ${JSON.stringify(since)},\n` +
    `"destructors": ${JSON.stringify(destructors)},\n"requests": ${block(requests)},\n"events": ${block(events)}\n}`
  );
  return `{\n${blocks.join(",\n")}\n}\n`;
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
    for (const [name, found] of interfacesIn(await Deno.readTextFile(file))) known.set(name, found);
  }
  // All that these lead to: nothing else can ever be an object of an app's.
  const wanted = new Set(["wl_display", ...globals]);
  for (const name of wanted) {
    const found = known.get(name);
    if (!found) throw new Error(`No protocol has ${name}`);
    for (const other of namedBy(found)) wanted.add(other);
  }
  const path = fromFileUrl(new URL("../lib/guard/wayland/protocols.json", import.meta.url));
  await Deno.writeTextFile(path, written([...wanted].sort().map((name) => [name, known.get(name)!] as const)));
  await runProcess([Deno.execPath(), "fmt", "--quiet", path]);
}
