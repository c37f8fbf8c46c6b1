import { assertEquals, assertThrows } from "@std/assert";
import { quoteWord, quoteWords, splitWords, WordsError } from "../../../lib/base/shell_words.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { argumentsSeenByShell, awkwardWords, randomWords, testWith } from "../samples.ts";

const manyWords = [...awkwardWords, ...randomWords(300, 1)];

Deno.test("splitWords() parts words at blanks, tabs and newlines, however many", () => {
  assertEquals(splitWords(" \t\n a  b\tc\nd \n"), ["a", "b", "c", "d"]);
});

Deno.test("splitWords() finds no word in nothing and in blanks", () => {
  assertEquals(splitWords(""), []);
  assertEquals(splitWords(" \n\t "), []);
  assertEquals(splitWords("\\\n"), []);
});

Deno.test("splitWords() keeps empty words that are quoted", () => {
  assertEquals(splitWords(`'' "" a'' ""''`), ["", "", "a", ""]);
});

Deno.test("splitWords() keeps everything in single quotes", () => {
  assertEquals(splitWords(`'a "b" $c \`d\` \\e \\' f`), ['a "b" $c `d` \\e \\', "f"]);
});

Deno.test("splitWords() takes a backslash away in double quotes only where POSIX says so", () => {
  assertEquals(splitWords('"\\$ \\` \\" \\\\ \\a \\n \\\' a\\\nb"'), ["$ ` \" \\ \\a \\n \\' ab"]);
});

Deno.test("splitWords() keeps what follows a backslash outside of quotes, and joins continued lines", () => {
  assertEquals(splitWords("\\a\\ b \\' \\\" \\\\ \\$ con\\\ntinued"), ["a b", "'", '"', "\\", "$", "continued"]);
});

Deno.test("splitWords() joins quoted and bare parts of a word", () => {
  assertEquals(splitWords(`it\\'s'  'a" "'word'`), ["it's  a word"]);
});

Deno.test("splitWords() expands nothing and knows no operator", () => {
  assertEquals(splitWords("a;b $HOME $(id) `id` ~ * {a,b} # x > y && z"), [
    "a;b",
    "$HOME",
    "$(id)",
    "`id`",
    "~",
    "*",
    "{a,b}",
    "#",
    "x",
    ">",
    "y",
    "&&",
    "z",
  ]);
});

Deno.test("splitWords() takes the names of JavaScript's own properties for words", () => {
  assertEquals(splitWords("constructor '__proto__' toString"), ["constructor", "__proto__", "toString"]);
});

Deno.test("splitWords() does not part words at other white space", () => {
  assertEquals(splitWords("a\u00a0b\rc\vd\u2003e"), ["a\u00a0b\rc\vd\u2003e"]);
});

Deno.test("splitWords() keeps characters beyond the basic plane whole, also behind a backslash", () => {
  assertEquals(splitWords("𝄞\\😀 \"😀\" '𝄞'"), ["𝄞😀", "😀", "𝄞"]);
});

Deno.test("splitWords() refuses what is not closed, and says where", () => {
  assertThrows(() => splitWords("it's"), WordsError, "single quote at character 3");
  assertThrows(() => splitWords('a "b\\"'), WordsError, "double quote at character 3");
  assertThrows(() => splitWords("'a' 'b"), WordsError, "character 5");
  assertThrows(() => splitWords("a\\"), WordsError, "backslash at character 2");
  assertThrows(() => splitWords('"a\\'), WordsError, "double quote at character 1");
});

Deno.test("splitWords() splits as /bin/sh does, where nothing is expanded", async () => {
  const lines = [
    `a 'b c' "d e" f\\ g`,
    `"a\\"b" 'c'\\''d' "e'f" ""`,
    `x"y\\\nz"w \\\n v`,
    `"\\\\" '\\' "\\a\\b" \\\\`,
    `a''b""c '' ""`,
    `\\" \\' "'" '"'`,
  ];
  const seen = await argumentsSeenByShell(lines.map((line) => `show ${line}`).join("\n"));
  assertEquals(lines.map((line) => splitWords(line)), seen);
});

Deno.test("splitWords() of quoteWords() gives the same words", () => {
  assertEquals(splitWords(quoteWords(manyWords)), manyWords);
  for (const word of manyWords) assertEquals(splitWords(quoteWords([word])), [word]);
});

Deno.test("quoteWords() is read by /bin/sh byte for byte", async () => {
  assertEquals(await argumentsSeenByShell(`show ${quoteWords(manyWords)}`), [manyWords]);
});

for (const shell of ["bash", "zsh", "fish"]) {
  testWith(
    [shell],
    `quoteWords() is read by ${shell} byte for byte, as a login shell reads what ssh hands it`,
    async () => {
      const words = [...manyWords, "=ls", "%self", "=", "%"];
      const { stdout } = await runProcess([shell, "-c", quoteWords(["/usr/bin/printf", "%s\\0", ...words])]);
      assertEquals(stdout.split("\0").slice(0, -1), words);
    },
  );
}

Deno.test("quoteWords() makes the first word the program, not an assignment or a word of the shell's grammar", async () => {
  const programs = ["A=b", "if", "for", "while", "case", "time", "function", "!", "{", "select", "done"];
  // A directory in $PATH that the user may not search makes 126 of it.
  const script = "PATH=/usr/bin:/bin\n" +
    programs.map((program) => `${quoteWords([program, "x"])} 2>/dev/null; printf '%s\\0' 1 $?`).join("\n");
  assertEquals(await argumentsSeenByShell(script), programs.map(() => ["127"]));
  for (const program of programs) assertEquals(splitWords(quoteWords([program, "x"])), [program, "x"]);
});

Deno.test("quoteWord() leaves harmless words as they are, and quotes all others", () => {
  for (const word of ["a", "/usr/bin/env", "--border=red", "a@b:c,d+e%f_g.h-i", "A=b"]) {
    assertEquals(quoteWord(word), word);
  }
  assertEquals(quoteWord(""), "''");
  assertEquals(quoteWord("it's"), `'it'\\''s'`);
  assertEquals(quoteWord("ü"), "'ü'");
  assertEquals(quoteWord("~"), "'~'");
  assertEquals(quoteWord("a\n"), "'a\n'");
});
