import { assertEquals } from "@std/assert";
import { dialogPrompter } from "../../../lib/map/dialogs.ts";
import { sampleMapping } from "../mappings.ts";
import { recordingHost } from "../recording_host.ts";

/** The text of the dialog that shows what is lent. */
async function textOf(paths: readonly string[]): Promise<string> {
  const { host, calls } = recordingHost({ env: { HOME: "/home/me" } });
  const files = paths.map((hostPath) => sampleMapping({ hostPath, containerPath: "/home/ubuntu/maps/1-x" }));
  assertEquals(await dialogPrompter(host).untilAsked(files, {}), true);
  return calls.at(-1)!.find((option) => option.startsWith("--text="))!.slice("--text=".length);
}

Deno.test("the dialog of what is lent has the whole path of each file, in a line of its own, without escapes", async () => {
  const text = await textOf(["/home/me/letter.odt", "/home/merry/x", "/tmp/a\nb\\n\u202ec"]);
  assertEquals(text.split("\n").slice(2), [
    "~/letter.odt",
    "    in the container: /home/ubuntu/maps/1-x",
    "/home/merry/x",
    "    in the container: /home/ubuntu/maps/1-x",
    "/tmp/a b<U+005C>n\ufffdc",
    "    in the container: /home/ubuntu/maps/1-x",
  ]);
});

Deno.test("the dialog of what is lent fits on a screen, however many files there are", async () => {
  const lines = (await textOf(Array.from({ length: 50 }, (_, index) => `/f${index}`))).split("\n");
  assertEquals([lines.length, lines.at(-1)], [2 + 20 + 1, "… and 40 more"]);
});
