// What a container answers that is asked for its apps.

import { assertEquals } from "@std/assert";
import { parseAnswer } from "../../../../lib/create/export/read_apps.ts";
import { entry, line } from "../../menus.ts";

Deno.test("parseAnswer() takes the lines that have the form of an answer, the first one of each id", () => {
  const { apps, refused, isCut } = parseAnswer([
    line("/home/ubuntu/.local/share/applications/b.desktop", entry("Name=First")),
    line("/usr/share/applications/b.desktop", entry("Name=Second")),
    line("/usr/share/applications/a.desktop", entry()),
    line("/home/ubuntu/.local/share/applications/hidden.desktop", entry("Hidden=true")),
    line("/usr/share/applications/hidden.desktop", entry()),
    line("/usr/share/applications/bad.desktop", "nonsense"),
    line("/usr/share/applications/long.desktop", "x".repeat(100_001)),
    line("/usr/share/applications/../..desktop", entry()),
    line("/usr/share/applications/\x1b[2J.desktop", entry()),
    "/usr/share/applications/c.desktop\t!!!!",
    "/usr/share/applications/d.desktop\tA",
    "no line",
    "",
  ].join("\n"));
  assertEquals(apps.map(({ id, name }) => [id, name]), [["a", "Editor"], ["b", "First"]]);
  assertEquals(refused.map(({ id, reason }) => `${id} ${reason}`), [
    "bad is not an application",
    "d is not an application",
    "long is too long",
  ]);
  assertEquals(isCut, false);
});

Deno.test("parseAnswer() reads 200 entries and says that there are more", () => {
  const answer = Array.from({ length: 100_000 }, (_, n) => line(`/a/${n}.desktop`, entry())).join("\n");
  const { apps, isCut } = parseAnswer(answer);
  assertEquals([apps.length, isCut], [200, true]);
});
