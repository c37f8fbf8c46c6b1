// What a click in the menu of an icon means.

import { assert, assertEquals } from "@std/assert";
import { icon, item, withTray } from "../../agent_tray.ts";

Deno.test("a click at an item that is another one by now is dropped, and one that is still there is not", async () => {
  const { tray, told, sent, does, pause, shown } = withTray();
  tray.take(icon(7, "Mail", [item(1, "Show"), item(2, "Mute"), item(3, "More", [item(4, "Sub")])]));
  await shown(1);
  const [title, line, show, mute, more] = told[0]!.menu.map(({ id }) => id);
  const sub = told[0]!.menu[4]!.menu[0]!.id;
  tray.take(icon(7, "Mail", [item(1, "Delete all"), item(2, "Mute"), { ...item(3, "More"), enabled: false }]));
  for (const id of [title, line, show, mute, more, sub, 99, -1, "1", null]) does({ icon: 1, item: id });
  assertEquals(sent, [{ tray: 7, item: 2 }]);
  does({ icon: 2, item: mute });
  does({ icon: 1, show: 0 });
  does({ icon: 1, show: mute });
  does({ icon: 1, show: show });
  does({ icon: 1, do: "Activate" });
  assertEquals(sent.slice(1), [{ tray: 7, show: 0 }, { tray: 7, show: 2 }, { tray: 7, do: "Activate" }]);
  pause();
  await shown(2);
  assertEquals(told[1]!.menu.map(({ id }) => id).slice(3), [mute, more]);
  assert(told[1]!.menu[2]!.id > sub);

  // The same id again, for another icon.
  tray.take({ ask: "no-icon", id: 7 });
  tray.take(icon(7, "Power", [item(2, "Mute")]));
  does({ icon: 1, item: mute });
  assertEquals(sent.length, 4);
  tray[Symbol.dispose]();
});
