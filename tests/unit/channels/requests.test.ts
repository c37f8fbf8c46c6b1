// Lines of an agent that anything in the container may have written.

import { assertEquals } from "@std/assert";
import { requestIn } from "../../../lib/channels/requests.ts";
import { channelsWith, loadOpen } from "../../../lib/channels/table.ts";
import { parseTable } from "../../../lib/base/json_file.ts";

const all = await loadOpen(new Set(channelsWith()));

/** What a line asks, of any channel. */
const parseRequest = (line: string): unknown => requestIn(all, parseTable(line) ?? {})?.ask;

const suggested = (name: unknown): unknown => {
  const request = parseRequest(JSON.stringify({ ask: "save", id: 1, name }));
  return (request as { name: string }).name;
};

Deno.test("a name that an agent suggests is a base name, in sight, and nothing that a desktop starts", () => {
  for (
    const [name, expected] of [
      ["letter.odt", "letter.odt"],
      ["1c48b1ccb1-letter.odt", "1c48b1ccb1-letter.odt"],
      ["Ärger mit 東京.txt", "Ärger mit 東京.txt"],
      ["../../.ssh/authorized_keys", "authorized_keys"],
      ["/etc/passwd", "passwd"],
      ["..", ""],
      [".bashrc", "bashrc"],
      ["--filename=x", "filename=x"],
      ["a.desktop", "a.desktop_"],
      ["invoice.pdf.DESKTOP ", "invoice.pdf.DESKTOP_"],
      ["run.sh", "run.sh_"],
      ["invoice\u202efdp.txt", "invoicefdp.txt"],
      ["a\nb\u200b\u2028c.txt", "a b c.txt"],
      ["a                    b", "a b"],
      ["x".repeat(1000), "x".repeat(80)],
      ["\u{1f600}".repeat(80), "\u{1f600}".repeat(40)],
      [`x${"\u{1f600}".repeat(80)}`, `x${"\u{1f600}".repeat(39)}\ufffd`],
      ["x\\..\\..\\.ssh\\rc", "rc"],
      ["x\\..", ""],
      [7, ""],
      [{}, ""],
    ] as const
  ) assertEquals(suggested(name), expected, JSON.stringify(name));
});

Deno.test("patterns of an agent are patterns of file names, and its labels end where they end", () => {
  // As many as VLC has.
  const media = Array.from({ length: 140 }, (_, index) => `*.x${index}`);
  const filters = [
    ["Media", media],
    ["Texts", ["*.txt", "*.md"]],
    ["a | /etc/*", ["*.x"]],
    ["Bad", ["* /etc/*", "a|b", "$(id)", "/etc/shadow", ""]],
    ["Hidden\u202e", ["*.[oO]dt"]],
    ["Wrong", "*"],
    "wrong",
  ];
  const request = parseRequest(JSON.stringify({ ask: "open", id: 1, filters, multiple: "yes" }));
  assertEquals(request, {
    ask: "open",
    id: 1,
    multiple: false,
    filters: [
      { label: "Media", patterns: media },
      { label: "Texts", patterns: ["*.txt", "*.md"] },
      { label: "a / /etc/*", patterns: ["*.x"] },
      { label: "Hidden", patterns: ["*.[oO]dt"] },
    ],
  });
});

Deno.test("a line that is not as the agent writes it asks for nothing", () => {
  for (
    const line of [
      ...["", "null", "[]", "7", "{", '{"ask":"open"}', '{"ask":"open","id":"1"}', '{"ask":"open","id":1.5}'],
      ...['{"ask":"file","id":1,"name":"a","path":1,"size":1}', '{"ask":"file","name":"a","path":"/a","size":1}'],
      ...['{"ask":"print","id":1,"name":"a","path":"/a","size":1e99}', '{"ask":"print","id":1,"path":"/a","size":-1}'],
      ...['{"ask":"link","url":["https://a/"]}', '{"ask":"notify","id":1,"summary":"a"}', '{"ask":"withdraw"}'],
      ...['{"ask":"open","id":-1}', '{"ask":"lend","id":1,"path":"/etc/shadow"}', '{"ask":"saved","path":1}'],
      ...['{"ask":"file","id":1,"name":"a","path":"/a\\u0000","size":1}', '{"ask":"saved","path":"/a\\u0000"}'],
    ]
  ) assertEquals(parseRequest(line), undefined, line);
  assertEquals(parseRequest('{"ask":"open","id":1,"path":"/etc/shadow","uris":["file:///etc/shadow"]}'), {
    ask: "open",
    id: 1,
    multiple: false,
    filters: [],
  });
});
