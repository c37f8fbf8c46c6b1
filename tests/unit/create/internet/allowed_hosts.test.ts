// Lists of hosts.

import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../../lib/base/errors.ts";
import { parseHosts } from "../../../../lib/create/internet/allowed_hosts.ts";

Deno.test("parseHosts() takes names, sorts them, and leaves out those that another one stands for", () => {
  assertEquals(parseHosts("b.example,A.example,b.example"), ["a.example", "b.example"]);
  assertEquals(parseHosts("www.debian.org,.debian.org,debian.org,.security.debian.org,notdebian.org"), [
    ".debian.org",
    "notdebian.org",
  ]);
  for (
    const text of ["", "a.example,", "*.example.org", "192.168.1.1", "[::1]", "a b", "a\nb", "-n", "https://a.example"]
  ) {
    const error = assertThrows(() => parseHosts(text), UserError, "is not the name of a host");
    assertEquals(error.exitCode, 2);
  }
});
