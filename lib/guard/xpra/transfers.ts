/** What the container may hand to the host besides its windows: notifications, links, files and print jobs. */

import { shortLine } from "../../base/text.ts";
import { escape } from "@std/html";
import type { Channel } from "../channel.ts";
import { Refusal } from "../faults.ts";
import type { Value } from "./rencode.ts";
import type { Question } from "../consent.ts";
import type { DesktopRequest } from "./judge.ts";
import { args, bytes, flag, integer, line, oneOf, table, text, word } from "./shapes.ts";

const maxFileBytes = 1_000_000_000;
const maxChunkBytes = 128 * 1024 * 1024;
const maxLinkCharacters = 8192;
/** A longer name cannot be looked up (RFC 1035). */
const maxHostCharacters = 253;

const transferId = word(/^[\w-]{1,64}$/);
const chunkNumber = integer(0, 2 ** 32 - 1);

/**
 * A notification that starts with the container's name. It has no pictures, no buttons and no hints, and its text has no
 * markup: the host's desktop would take links and pictures in it.
 */
export function notification(
  container: string,
  values: readonly Value[],
): { request: DesktopRequest; question: Question } {
  const [, , , , , summary, body] = args([
    line(256),
    integer(0, 2 ** 32 - 1),
    line(60),
    integer(0, 2 ** 32 - 1),
    line(0),
    line(200),
    paragraph,
    integer(-1, 2 ** 31 - 1),
  ])(values);
  return {
    request: { kind: "notification", title: `[${container}] ${summary}`, body: escape(`${body}`) },
    question: {
      channel: "notifications",
      what: "show a notification",
      details: [["Title", `${summary}`], ["Text", `${body}`.replaceAll("\n", " ")]],
    },
  };
}

/** A text of several lines. */
function paragraph(value: Value): string {
  const lines = text(value).slice(0, 4000).split("\n").slice(0, 40).map((each) => shortLine(each, 400));
  return lines.join("\n");
}

/** A link to be opened: one of the web, written as a browser would write it, which has ASCII only. */
export function link(values: readonly Value[]): { request: DesktopRequest; question: Question } {
  const address = text(values[0]!);
  if (address.length > maxLinkCharacters) throw new Refusal("a link is too long");
  const url = URL.parse(address);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.host === "") {
    throw new Refusal("a link is not an http or https address");
  }
  if (url.hostname.length > maxHostCharacters) throw new Refusal("the host name of a link is too long");
  return {
    request: { kind: "link", url: url.href },
    question: { channel: "links", what: "open a link", details: [["Host", url.host], ["Address", url.href]] },
  };
}

/**
 * The arguments of a file that is sent, by either end. It is a print job or a file to be kept, never one to be opened.
 *
 * @throws {Refusal} also when its channel is closed
 */
export function file(values: readonly Value[], open: ReadonlySet<Channel>): Value[] {
  const [name, type, print, , size, data, options, id] = args([
    fileName,
    word(/^[\w.+/-]{0,100}$/),
    flag,
    flag,
    integer(1, maxFileBytes),
    bytes(maxChunkBytes),
    fileOptions,
  ], [word(/^[\w-]{0,64}$/)])(values);
  if (!open.has(print === true ? "printing" : "files")) throw new Refusal("the channel is closed");
  return [name!, type!, print!, false, size!, data!, options!, id ?? ""];
}

/** A file that the container asks to send. */
export interface FileOffer {
  /** The id of its transfer. */
  id: string;
  /** What the user is asked. */
  question: Question;
  /** What the user agrees to, for {@linkcode keyOf}. */
  key: string;
}

/**
 * The file that an xpra that asks before it sends wants to send; undefined when it is something else.
 *
 * @throws {Refusal} when it may not be sent
 */
export function fileOffer([kind, id, path, type, size, print, , options]: readonly Value[]): FileOffer | undefined {
  if (kind !== "file") return undefined;
  // The server asks with the path and sends with the name.
  const name = text(path!).replace(/.*\//s, "");
  const sent = [name, type!, print!, false, size!, "", options ?? new Map(), id!];
  const passed = file(sent, new Set(["files", "printing"]));
  const isPrint = passed[2] === true;
  const [copies, printer] = ["copies", "printer"].map((key) => (passed[6] as Map<string, Value>).get(key));
  return {
    id: transferId(id!),
    key: keyOf(passed),
    question: {
      channel: isPrint ? "printing" : "files",
      what: isPrint ? "print a file" : "save a file among your downloads",
      details: [
        ["Name", `${passed[0]}`],
        ["Type", `${passed[1]}`],
        ["Size", `${passed[4]} bytes`],
        ...(isPrint ? [["Printer", `${printer ?? ""}`], ["Copies", `${copies ?? 1}`]] as const : []),
      ],
    },
  };
}

/** What of a file is agreed to, of what {@linkcode file} returns: its name, type, use, size, printer and copies. */
export function keyOf([name, type, print, , size, , options]: readonly Value[]): string {
  const [copies, printer] = ["copies", "printer"].map((key) => (options as Map<string, Value>).get(key) ?? null);
  return JSON.stringify([name, type, print, size, copies, printer]);
}

function fileName(value: Value): string {
  const name = line(200)(value);
  if (/[/\\]/.test(name) || /^\.|^$/.test(name)) throw new Refusal("a file has a name that is not allowed");
  return name;
}

const options = new Map<string, (value: Value) => Value>([
  ["file-chunk-id", transferId],
  ["sha256", word(/^[0-9a-f]{64}$/)],
  ["sha1", word(/^[0-9a-f]{40}$/)],
  ["printer", line(200)],
  ["title", line(200)],
  ["copies", integer(1, 99)],
]);

function fileOptions(value: Value): Value {
  if (!(value instanceof Map)) throw new Refusal("it has something else where a table belongs");
  const passed: [string, Value][] = [];
  for (const [name, each] of value) {
    const shape = options.get(`${name}`);
    if (shape) passed.push([`${name}`, shape(each)]);
  }
  return new Map(passed);
}

/** The arguments of a part of a file. */
export const fileChunk: (values: readonly Value[]) => Value[] = args([
  transferId,
  chunkNumber,
  bytes(maxChunkBytes),
  flag,
]);
/** The arguments of the answer to a part. xpra may send empty bytes in place of an error message. */
export const fileChunkAnswer = (values: readonly Value[]): Value[] =>
  args([transferId, flag, line(200), chunkNumber])(
    values.map((value, index) => index === 2 && value instanceof Uint8Array ? "" : value),
  );

/** The host's printers as the container sees them: names and kinds of files, no addresses. */
export function printers(values: readonly Value[]): Value[] {
  return args([table({ key: line(100), value: printer, max: 50 })])(values);
}

function printer(value: Value): Value {
  if (!(value instanceof Map)) throw new Refusal("a printer is not described by a table");
  const kinds = value.get("mimetypes");
  const info = value.get("printer-info");
  return new Map<string, Value>([
    ["mimetypes", Array.isArray(kinds) ? kinds.map(oneOf("application/pdf", "application/postscript")) : []],
    ["printer-info", typeof info === "string" ? shortLine(info, 100) : ""],
  ]);
}
