// What the process of the guard of Wayland does by itself.

import { assertEquals } from "@std/assert";
import { Carrying } from "../../../../lib/guard/wayland/carrying.ts";
import { closeLater } from "../../../../lib/guard/wayland/process.ts";

Deno.test("a direction of the clipboard that has a time closes by itself", async () => {
  const clipboard = { in: true, out: true };
  closeLater(new Carrying(clipboard, () => 0), { in: 1 });
  const lastMs = Date.now() + 30_000;
  while (clipboard.in && Date.now() < lastMs) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(clipboard, { in: false, out: true });
});
