// What the proxy and its container are told.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseYaml } from "../../../../lib/base/yaml.ts";
import {
  hostRanges,
  networkOf,
  parseHosts,
  proxyPort,
  proxyUserData,
  specialRanges,
  squidConfig,
} from "../../../../lib/create/internet/proxy_config.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("squidConfig() looks no name up that is not on the list, and refuses its own pages and addresses first", () => {
  const lines = squidConfig({ ranges: ["10.0.0.0/8", "192.168.0.0/16"], hosts: ["a.example"] }).split("\n");
  assertEquals(lines[0], `http_port 127.0.0.1:${proxyPort}`);
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

Deno.test("parseHosts() takes names, sorts them, and leaves out those that another one stands for", () => {
  assertEquals(parseHosts("b.example,A.example,b.example"), ["a.example", "b.example"]);
  assertEquals(parseHosts("www.debian.org,.debian.org,debian.org,.security.debian.org,notdebian.org"), [
    ".debian.org",
    "notdebian.org",
  ]);
  for (
    const text of ["", "a.example,", "*.example.org", "192.168.1.1", "[::1]", "a b", "a\nb", "-n", "https://a.example"]
  ) {
    const error = assertThrows(() => parseHosts(text), UserError, "name of a host");
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("networkOf() is the network of an address", () => {
  const cases: [string, number, string][] = [
    ["192.0.2.77", 24, "192.0.2.0/24"],
    ["10.255.255.255", 12, "10.240.0.0/12"],
    ["198.51.100.9", 32, "198.51.100.9/32"],
    ["198.51.100.9", 31, "198.51.100.8/31"],
    ["198.51.100.9", 0, "0.0.0.0/0"],
  ];
  for (const [address, bits, network] of cases) assertEquals(networkOf(address, bits), network);
});

Deno.test("hostRanges() are the networks of the engine's machine, by IPv4 and as far as they are not special", async () => {
  const address = (family: string, address: string, netmask: string, scope = "global") => ({
    family,
    address,
    netmask,
    scope,
  });
  const states: Record<string, unknown> = {
    eth0: { addresses: [address("inet", "131.188.3.7", "24"), address("inet6", "2001:db8::2", "64")] },
    lxdbr0: { addresses: [address("inet", "131.188.3.9", "24"), address("inet", "169.254.3.1", "16", "link")] },
    docker0: { addresses: [address("inet", "172.17.0.1", "16"), address("inet", "172.1.2.3", "30")] },
    lo: { addresses: [address("inet", "127.0.0.1", "8", "local")] },
    down: { addresses: null },
  };
  const { host } = recordingHost({
    answer: ([, , path]) => ({
      stdout: JSON.stringify(
        path === "/1.0/networks?project=default"
          ? [...Object.keys(states), "gone"].map((name) => `/1.0/networks/${name}`)
          : path!.endsWith("?project=default") && states[path!.split("/")[3]!] || null,
      ),
    }),
  });
  assertEquals(await hostRanges(host, engineCalled("lxc")), ["131.188.3.0/24", "172.1.2.0/30"]);
});
