import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { checkSessionName, sessionNameOf } from "../../../lib/container/names.ts";
import { socketPath } from "../../../lib/container/session_socket.ts";
import { awkwardWords, randomWords } from "../samples.ts";

Deno.test("sessionNameOf() is the app's base name, without what a name cannot hold", () => {
  for (
    const [app, name] of [
      ["firefox", "firefox"],
      ["/usr/lib/x/foo-bar_1.2", "foo-bar_1.2"],
      ["./my app", "my-app"],
      ["it's", "it-s"],
      ["-x", "x"],
      [".hidden", "hidden"],
      ["..", "app"],
      ["/", "app"],
      ["[", "app"],
      ["日本", "app"],
      ["über", "ber"],
      ["a\nb", "a-b"],
      ["x".repeat(300), "x".repeat(60)],
    ] as const
  ) assertEquals(sessionNameOf(app), name);
});

Deno.test("sessionNameOf() is a name that checkSessionName() takes, with room to count, whatever the app", () => {
  for (const app of [...awkwardWords, ...randomWords(300, 5)]) checkSessionName(`${sessionNameOf(app)}-99`);
});

Deno.test("checkSessionName() refuses what could leave its directory or a unit's name, with exit code 2", () => {
  for (const name of ["a", "9", "a.b_c-d", "x".repeat(64)]) checkSessionName(name);
  for (const name of ["", ".", "..", "-a", ".a", "a/b", "a b", "a\n", "a@b", "ä", "a%i", "x".repeat(65)]) {
    assertEquals(assertThrows(() => checkSessionName(name), UserError, "name of a session").exitCode, 2);
  }
});

Deno.test("socketPath() refuses a path that is longer than a socket's can be, counted in bytes", () => {
  assertEquals(socketPath("/m/box/xpra", "firefox"), "/m/box/xpra/firefox");
  const room = 107 - "/".length - "/s".length;
  assertEquals(socketPath(`/${"a".repeat(room)}`, "s").length, 107);
  for (const directory of [`/${"a".repeat(room + 1)}`, `/${"ü".repeat(room / 2 + 1)}`]) {
    const error = assertThrows(() => socketPath(directory, "s"), UserError, "longer than 107 bytes");
    assertEquals(error.exitCode, 2);
    assertStringIncludes(error.hint, "GUI_CONTAINER_MOUNTS");
  }
  assertThrows(() => socketPath(`/${"a".repeat(room)}`, "s", 1), UserError, "longer than 106 bytes");
});
