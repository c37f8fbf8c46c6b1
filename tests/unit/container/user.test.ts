import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  checkUserName,
  type ContainerUser,
  formatUser,
  parseUser,
  ubuntuUser,
  userKey,
  userOf,
} from "../../../lib/container/user.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";

const alice = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };

Deno.test("parseUser() reads what formatUser() writes", () => {
  const longest = { name: "a".repeat(31), uid: "60000", gid: "1", home: "/" + "h".repeat(39) };
  for (const user of [ubuntuUser, alice, longest, { ...alice, home: "/var/home/a.b-c_d" }]) {
    assertEquals(parseUser(formatUser(user)), user);
  }
});

Deno.test("parseUser() takes no system user, and nothing that a shell, ssh or systemd obeys", () => {
  const wrong: Readonly<Record<keyof ContainerUser, readonly string[]>> = {
    uid: ["0", "999", "60001", "65534", "100000", "01000", "-1000", "+1000", "1e3", "", "1000 "],
    gid: ["0", "65534", "99999", "0100", "", "x"],
    name: ["", "-oProxyCommand=x", "a b", "a@b", "a.b", "1a", "a".repeat(32), "ä", "a\n", "%u", "$(id)"],
    home: [
      ...["", "/", "home/a", "/home/..", "/home/./a", "/home/.a", "//a", "/home/a/", "/" + "h".repeat(40)],
      ...["/a b", "/a'b", "/a%h", "/$HOME", "/a\nb", "/ä", "/-a"],
    ],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      assertEquals(parseUser(formatUser({ ...alice, [key]: value })), undefined, `${key}: ${value}`);
    }
  }
  for (const line of ["", "alice", `${formatUser(alice)}:`, `${formatUser(alice)}\n`, `x\n${formatUser(alice)}`]) {
    assertEquals(parseUser(line), undefined, line);
  }
});

Deno.test("checkUserName() refuses root and what is no name, with exit code 2", () => {
  for (const name of ["ubuntu", "_apt", "A-b_1"]) checkUserName(name);
  for (const name of ["root", "", "-x", "a b", "a:b", "a".repeat(32), "ubuntu\n", "../x"]) {
    assertEquals(assertThrows(() => checkUserName(name), UserError, "container's user").exitCode, 2);
  }
});

Deno.test("userOf() is the kept user, for an older container ubuntu, and an error for what somebody set wrongly", () => {
  const engine = engineCalled("incus");
  const of = (config: Record<string, string>): ContainerUser => userOf({ engine, name: "box", config });
  assertEquals(of({ [userKey]: formatUser(alice) }), alice);
  assertEquals(of({}), ubuntuUser);
  for (const line of ["", "root:0:0:/root"]) {
    const error = assertThrows(() => of({ [userKey]: line }), UserError, '"box"');
    assertStringIncludes(error.hint, `incus config set box ${userKey}=ubuntu:1000:1000:/home/ubuntu`);
  }
  const far = { ...engine, server: { remote: "big", project: "work", isLocal: false } };
  const error = assertThrows(() => userOf({ engine: far, name: "box", config: { [userKey]: "" } }), UserError);
  assertStringIncludes(error.hint, `incus --project work config set big:box ${userKey}=`);
});
