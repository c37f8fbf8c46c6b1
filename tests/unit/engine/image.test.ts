// Images of the engine.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { imageHash, listImages } from "../../../lib/engine/image.ts";
import { lxcThat, remote } from "../engine_hosts.ts";
import type { Answer } from "../recording_host.ts";

Deno.test("an image of a remote's whose fingerprint names another remote does not count", async () => {
  const images = ["local:secret", "", "--x", "abc"].map((fingerprint) => ({ fingerprint, properties: null }));
  const { host, engine } = remote(JSON.stringify(images));
  const found = await listImages(host, engine);
  assertEquals(found, [{ fingerprint: "abc", created_at: "", size: 0, properties: {} }]);
});

Deno.test("imageHash() changes with the image and with the text, and an image that there is not has none", async () => {
  const hash = async (answer: Answer, text = "recipe"): Promise<string> => {
    const { host, engine } = await lxcThat(answer);
    return await imageHash(host, engine, { image: "images:debian/13", text });
  };
  const info = (digit: string): Answer => ({ stdout: `Fingerprint: ${digit.repeat(64)}\nSize: 1.00MiB\n` });
  // What `sha256sum` says of these two lines, of which the second has no end.
  const expected = "a859569f95549bd4abc94f01327268d0770e716aef0c43b398acfa9be7f9eeef";
  assertEquals(await hash(info("a")), expected);
  assertEquals(new Set([expected, await hash(info("b")), await hash(info("a"), "other")]).size, 3);
  assertEquals(new Set(await Promise.all(["0", "9", "f"].map((digit) => hash(info(digit))))).size, 3);
  for (const answer of [info("g"), { code: 1, stderr: "Error: not found" }, { stdout: "Fingerprint: none\n" }]) {
    await assertRejects(() => hash(answer), UserError, "cannot find the image");
  }
});
