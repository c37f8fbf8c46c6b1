// The npm mirror of @std has no types, and an untyped import is silently `any`: our own types must make a wrong call an
// error.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** The lines that `deno check` finds an error on, of a file with these lines below its imports; its exit status. */
async function check(lines: readonly string[]): Promise<{ code: number; errorLines: string[]; output: string }> {
  const imports = [["parse", "yaml"], ["join", "path"], ["assertEquals", "assert"], ["delay", "async"]];
  const text = [
    ...imports.map(([name, module]) => `import { ${name} } from "@std/${module}";`),
    "export { assertEquals, delay, join, parse };",
    ...lines,
  ].join("\n");
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "calls.ts");
    await Deno.writeTextFile(path, text);
    const argv = [Deno.execPath(), "check", "--quiet", "--no-lock", "--config", join(root, "deno.json"), path];
    const { code, stderr } = await runProcess(argv, { env: { NO_COLOR: "1" }, okCodes: "any" });
    const all = text.split("\n");
    const errorLines = [...stderr.matchAll(/calls\.ts:(\d+):\d+$/gm)].map(([, line]) => all[Number(line) - 1]!);
    return { code, errorLines, output: stderr };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("deno check passes right calls of @std, and rejects each wrong one", async () => {
  const right = [
    'export const data: unknown = parse("a: 1");',
    'export const path: string = join("a", "b", "c");',
    'assertEquals(path, "a/b/c");',
    "export const waited: Promise<void> = delay(5, { signal: AbortSignal.timeout(9) });",
  ];
  const wrong = [
    "parse(5);",
    'parse("a: 1").a;',
    'join(5, "a");',
    "join();",
    'const length: number = join("a"); export { length };',
    "assertEquals(1);",
    "delay(5, AbortSignal.timeout(9));",
  ];
  const [passed, rejected] = await Promise.all([check(right), check(wrong)]);
  assertEquals(passed.code, 0, passed.output);
  assert(rejected.code !== 0);
  assertEquals([...new Set(rejected.errorLines)], wrong, rejected.output);
});
