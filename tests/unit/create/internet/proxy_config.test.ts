// What the proxy and its container are told.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseYaml } from "../../../../lib/base/yaml.ts";
import { proxyUserData, squidConfig } from "../../../../lib/create/internet/proxy_config.ts";
import { specialRanges } from "../../../../lib/create/internet/ranges.ts";

Deno.test("squidConfig() looks no name up that is not on the list, and refuses its own pages and addresses first", () => {
  const lines = squidConfig({ ranges: ["10.0.0.0/8", "192.168.0.0/16"], hosts: ["a.example"] }).split("\n");
  assert(lines.includes("acl house dst 10.0.0.0/8 192.168.0.0/16"));
  assertEquals(lines.filter((line) => line.startsWith("http_access")), [
    "http_access deny manager",
    "http_access deny !hosts",
    "http_access deny house",
    "http_access allow tunnel",
    "http_access allow web",
    "http_access deny all",
  ]);
  assert(lines.includes("acl hosts dstdomain -n a.example"));
  assert(!squidConfig({ ranges: [], hosts: [] }).includes("hosts"));
});

Deno.test("proxyUserData() is a cloud-config that has the kernel refuse the same addresses", () => {
  const text = proxyUserData({ ranges: specialRanges, hosts: [] });
  assert(text.startsWith("#cloud-config\n"));
  const { write_files: files } = parseYaml("proxy", text) as { write_files: { path: string; content: string }[] };
  const confine = files.find(({ path }) => path === "/etc/squid/gui-container.sh")!.content;
  assertStringIncludes(confine, `ranges='${specialRanges.join(" ")}'\n`);
  assertStringIncludes(files.at(-1)!.content, "ExecStartPre=+/bin/sh /etc/squid/gui-container.sh\n");
});
