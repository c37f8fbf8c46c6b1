// Images of the engine.

import { assertEquals } from "@std/assert";
import { listImages } from "../../../lib/engine/image.ts";
import { remote } from "../engine_hosts.ts";

Deno.test("an image of a remote's whose fingerprint names another remote does not count", async () => {
  const images = ["local:secret", "", "--x", "abc"].map((fingerprint) => ({ fingerprint, properties: null }));
  const { host, engine } = remote(JSON.stringify(images));
  const found = await listImages(host, engine);
  assertEquals(found, [{ fingerprint: "abc", created_at: "", size: 0, properties: {} }]);
});
