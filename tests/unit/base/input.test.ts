import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { readInput } from "../../../lib/base/input.ts";

async function withFile(content: Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "it's");
    await Deno.writeFile(path, content);
    await test(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("readInput() gives a text as it is, line ends, byte-order mark and all", async () => {
  for (const text of ["a\r\nb", "\ufeff#cloud-config\n", "ünï 𝄞\n\n"]) {
    await withFile(new TextEncoder().encode(text), async (path) => assertEquals(await readInput(path), text));
  }
});

Deno.test("readInput() refuses what is no text, with exit code 2 and the file's name", async () => {
  for (
    const [bytes, message] of [
      [[], "is empty"],
      [[32, 10, 9], "is empty"],
      [[0xff, 0xfe, 0x41, 0], "is not UTF-8 text"],
      [[0x61, 0xc3], "is not UTF-8 text"],
      [[0x61, 0, 0x62], "binary data"],
    ] as const
  ) {
    await withFile(new Uint8Array(bytes), async (path) => {
      const error = await assertRejects(() => readInput(path), UserError, message);
      assertEquals([error.exitCode, error.message.includes(path)], [2, true]);
    });
  }
});

Deno.test("readInput() refuses a directory and a file that is not there", async () => {
  await withFile(new Uint8Array([97]), async (path) => {
    for (
      const [wrong, message] of [
        [`${path}-not`, "There is no file"],
        [join(path, ".."), "is a directory"],
        [join(path, "below"), "Cannot read"],
      ] as const
    ) assertEquals((await assertRejects(() => readInput(wrong), UserError, message)).exitCode, 2);
  });
});

Deno.test({
  name: `readInput() refuses a file that may not be read${Deno.uid() === 0 ? " (skipped: root may read all)" : ""}`,
  ignore: Deno.uid() === 0,
  fn: () =>
    withFile(new Uint8Array([97]), async (path) => {
      await Deno.chmod(path, 0);
      assertEquals((await assertRejects(() => readInput(path), UserError, "may not be read")).exitCode, 2);
    }),
});
