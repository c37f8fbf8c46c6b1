import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { parseControl } from "../../lab/cluster_control.ts";
import { firstPreseed, joinPreseed } from "../../lab/cluster_preseed.ts";
import { serverAddress, serverNames } from "../../lab/cluster_servers.ts";
import { withDescendants } from "../../lab/daemons.ts";
import { missingEverywhere, partsOnRequest } from "../../lab/state.ts";

Deno.test("parseControl() takes a server to kill, to start, and to reach as before", () => {
  assertEquals(parseControl(["kill", "m2"]), { command: "kill", server: "m2" });
  assertEquals(parseControl(["start", "lxdfar"]), { command: "start", server: "lxdfar" });
  assertEquals(parseControl(["link", "far"]), { command: "link", server: "far" });
});

Deno.test("parseControl() takes the delay and the rate of a link in both spellings", () => {
  const link = { roundTripMs: 20, rateMbit: 2.5, drop: false };
  assertEquals(parseControl(["link", "far", "--delay", "20ms", "--rate=2.5mbit"]), {
    command: "link",
    server: "far",
    link,
  });
  assertEquals(parseControl(["link", "m1", "--drop"]), {
    command: "link",
    server: "m1",
    link: { roundTripMs: 0, rateMbit: 0, drop: true },
  });
});

Deno.test("parseControl() refuses what it does not know", () => {
  const refused: [string[], string][] = [
    [[], 'Unknown command "cluster "'],
    [["purge", "m1"], 'Unknown command "cluster purge"'],
    [["kill"], 'There is no server ""'],
    [["kill", "constructor"], 'There is no server "constructor": they are m1, m2, m3, far, lxdfar'],
    [["kill", "m1", "m2"], 'Unexpected "m2"'],
    [["link", "far", "--loss=3"], 'Unexpected "--loss"'],
    [["link", "far", "--delay=20"], 'The option --delay needs a number with "ms" behind it'],
    [["link", "far", "--delay=-1ms"], 'The option --delay needs a number with "ms" behind it'],
    [["link", "far", "--rate"], 'The option --rate needs a number with "mbit" behind it'],
  ];
  for (const [words, message] of refused) assertThrows(() => parseControl(words), UserError, message);
});

Deno.test("firstPreseed() makes a server alone, or the first one of a cluster", () => {
  const alone = firstPreseed("198.18.4.21", { poolMiB: 64 });
  assertEquals(alone["cluster"], undefined);
  assertEquals(alone["config"], { "core.https_address": "198.18.4.21:8443", "images.auto_update_interval": "0" });
  const member = firstPreseed("198.18.4.11", { poolMiB: 64, member: "m1" });
  assertEquals(member["cluster"], { enabled: true, server_name: "m1" });
});

Deno.test("joinPreseed() says where the member is and how large its pool is to be", () => {
  assertEquals(joinPreseed("198.18.4.12", { poolMiB: 64, token: "t" }), {
    cluster: {
      enabled: true,
      server_address: "198.18.4.12:8443",
      cluster_token: "t",
      member_config: [
        { entity: "storage-pool", name: "gui-lab", key: "size", value: "64MiB" },
        { entity: "storage-pool", name: "gui-lab", key: "source", value: "" },
      ],
    },
  });
});

Deno.test("the servers have different addresses, and names that the kernel takes for a network device", () => {
  assertEquals(new Set(serverNames.map((name) => serverAddress(name, 4))).size, serverNames.length);
  for (const name of serverNames) assert(`guilab-c-${name}`.length <= 15);
});

Deno.test("withDescendants() finds children of children, whatever their order, and nobody else", () => {
  const parents = new Map([[30, 20], [20, 10], [10, 1], [40, 1], [50, 40]]);
  assertEquals([...withDescendants([10], parents)].sort(), [10, 20, 30]);
  assertEquals([...withDescendants([], parents)], []);
});

Deno.test("missingEverywhere() names the command that makes a part", () => {
  const parts = missingEverywhere("the lab is down");
  assertEquals(parts.user, { missing: "the lab is down (deno task lab up)" });
  assertEquals(parts.cluster, { missing: `it is not made (${partsOnRequest.cluster})` });
});
