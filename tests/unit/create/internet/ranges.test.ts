// Networks that a container does not reach.

import { assertEquals } from "@std/assert";
import { hostRanges, networkOf } from "../../../../lib/create/internet/ranges.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { recordingHost } from "../../recording_host.ts";

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
