// Apps that leave the menu.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesIn, withMenu, writer } from "../../menus.ts";

Deno.test("unexportApps() removes what a killed export has left", async () => {
  await withMenu({ one: writer }, async ({ data, exportNow, unexport }) => {
    await exportNow();
    const [applications, icons] = [join(data, "applications"), join(data, "gui-container/icons/box")];
    const left = [
      join(applications, "gui-container-box.two.desktop.0123abcd.new"),
      join(icons, "three.png"),
      join(icons, "one.png.0123abcd.new"),
    ];
    const others = ["gui-container-box2.one.desktop.0123abcd.new", "gui-container-box.x.desktop.new.mine"];
    for (const path of [...left, ...others.map((name) => join(applications, name))]) {
      await Deno.writeTextFile(path, "x");
    }
    const removed = await unexport();
    assertEquals(removed.toSorted(), [join(applications, "gui-container-box.one.desktop"), ...left].toSorted());
    assertEquals(await filesIn(data), others.map((name) => `applications/${name}`).toSorted());
    assertEquals(await unexport(), []);
  });
});
