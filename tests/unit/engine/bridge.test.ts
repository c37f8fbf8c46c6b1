import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { MissingProgram, UserError } from "../../../lib/base/errors.ts";
import { waitForCloudInit } from "../../../lib/create/cloud_init.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { bridgeOf, findObstacles } from "../../../lib/engine/bridge.ts";
import { instanceAddress } from "../../../lib/engine/instance.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const missing = new MissingProgram("It is not installed", { hint: "" });

/** Answers for firewall-cmd and for the look at Docker's bridge; neither is there by default. */
const answersOf =
  ({ zone = missing, docker = { code: 1 }, lxc = {} }: Record<string, Answer>) =>
  ([program]: readonly string[]): Answer => program === "firewall-cmd" ? zone : program === "lxc" ? lxc : docker;

Deno.test("findObstacles() names firewalld unless it trusts the bridge, ufw where it is on, and Docker", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const found = async (answers: Record<string, Answer>, ufw: string): Promise<string[]> => {
      const ufwConfig = join(directory, "ufw.conf");
      await Deno.writeTextFile(ufwConfig, ufw);
      const { host } = recordingHost({ answer: answersOf(answers) });
      return (await findObstacles(host, { engine: engineCalled("incus"), bridge: "incusbr0", ufwConfig })).map((
        { what },
      ) => what.split(" ")[0]!);
    };
    assertEquals(await found({}, "ENABLED=no\n"), []);
    assertEquals(await found({ zone: { stdout: "trusted\n" } }, ""), []);
    assertEquals(await found({ zone: { code: 252, stderr: "FirewallD is not running\n" } }, ""), []);
    assertEquals(await found({ zone: { stdout: "FedoraWorkstation\n" } }, ""), ["firewalld"]);
    assertEquals(await found({ zone: { code: 2, stderr: "no zone\n" } }, ""), ["firewalld"]);
    assertEquals(await found({ docker: { stdout: "/sys/class/net/docker0\n" } }, "# x\nENABLED=yes\n"), [
      "ufw",
      "Docker",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the document on troubleshooting has the commands for firewalld and Docker", async () => {
  const guide = await Deno.readTextFile(new URL("../../../docs/troubleshooting.md", import.meta.url));
  const { host } = recordingHost({ answer: answersOf({ zone: { stdout: "public\n" }, docker: {} }) });
  const found = await findObstacles(host, { engine: engineCalled("incus"), bridge: "incusbr0", ufwConfig: "/nowhere" });
  assertEquals(found.length, 2);
  for (const { command } of found) assertStringIncludes(guide, command);
});

Deno.test("findObstacles() tells a bridge that gives no addresses: none is set, or its dnsmasq does not run", async () => {
  const found = async (network: unknown, ss: Answer): Promise<string[]> => {
    const { host } = recordingHost({
      answer: ([program]) =>
        program === "lxc" ? { stdout: JSON.stringify(network) } : program === "ss" ? ss : { code: 1 },
    });
    const found = await findObstacles(host, { engine: engineCalled("lxc"), bridge: "lxdbr0", ufwConfig: "/nowhere" });
    return found.map(({ what, command, isCertain }) => `${isCertain} ${what}: ${command}`);
  };
  const listens = (where: string): Answer => ({ stdout: `UNCONN 0      0      ${where}:67 0.0.0.0:*\n` });
  const bridge = (config: Record<string, string>, managed = true): unknown => ({ managed, config });
  const good = bridge({ "ipv4.address": "10.0.0.1/24", "ipv6.address": "none" });
  for (const where of ["0.0.0.0%lxdbr0", "0.0.0.0", "*"]) assertEquals(await found(good, listens(where)), [], where);
  const silent = ["true Nothing gives addresses on lxdbr0: its dnsmasq does not run: sudo systemctl restart lxd"];
  for (const where of ["0.0.0.0%lxdbr01", "0.0.0.0%incusbr0", "10.0.0.1"]) {
    assertEquals(await found(good, listens(where)), silent, where);
  }
  assertEquals(await found(good, { stdout: "" }), silent);
  assertEquals(await found(good, { code: 127 }), [], "there is no ss");
  assertEquals(await found(bridge({ "ipv6.address": "fd42::1/64" }), { stdout: "" }), []);
  assertEquals(await found(bridge({ "ipv4.address": "10.0.0.1/24", "ipv4.dhcp": "false" }), { stdout: "" }), []);
  assertEquals(await found(bridge({}, false), { stdout: "" }), [], "it is not the engine's");
  assertEquals(await found(bridge({ "ipv4.address": "none", "ipv6.address": "none" }), { stdout: "" }), [
    "true The bridge lxdbr0 has no addresses to give: lxc network set lxdbr0 ipv4.address=auto ipv4.nat=true",
  ]);
});

Deno.test("bridgeOf() takes no name that would be more than a word in a command", () => {
  const of = (network: string): string | undefined => bridgeOf({ eth0: { type: "nic", network } });
  assertEquals(of("incusbr0"), "incusbr0");
  assertEquals(bridgeOf({ eth0: { type: "nic", parent: "br-0.1" } }), "br-0.1");
  for (const name of ["x; reboot", "$(id)", "-x", "a name", "", "x".repeat(16)]) {
    assertEquals(of(name), undefined, name);
  }
  assertEquals(bridgeOf({ root: { type: "disk" } }), undefined);
});

const devices = { eth0: { type: "nic", network: "lxdbr0" } };

Deno.test("a container without an address comes with the command for the firewall that is there", async () => {
  const lxc = { stdout: JSON.stringify({ name: "box", expanded_devices: devices, state: {} }) };
  const hintOf = async (server?: object): Promise<string> => {
    const { host } = recordingHost({ answer: answersOf({ zone: { stdout: "public\n" }, lxc }) });
    const engine = { ...engineCalled("lxc"), ...server };
    return (await assertRejects(() => instanceAddress(host, { engine, name: "box" }), UserError, "has no address"))
      .hint;
  };
  assertStringIncludes(
    await hintOf(),
    "sudo firewall-cmd --permanent --zone=trusted --change-interface=lxdbr0 && sudo firewall-cmd --reload",
  );
  // What another machine calls its bridge is no part of a command.
  const hint = await hintOf({ server: { remote: "far", project: undefined, isLocal: false } });
  assertEquals(hint.includes("sudo"), false, hint);
});

Deno.test("cloud-init that does not reach the network comes with the firewall that may be why", async () => {
  const hintOf = async (log: string): Promise<string> => {
    const { host } = recordingHost({
      answer: (argv) =>
        argv[0] === "find"
          ? { stdout: "/sys/class/net/docker0\n" }
          : argv[0] !== "lxc"
          ? missing
          : argv.includes("tail")
          ? { stdout: log }
          : argv[1] === "query"
          ? { stdout: JSON.stringify({ name: "box", expanded_devices: devices }) }
          : { stdout: '{"errors":["failed"]}\n1 42\n' },
    });
    const wait = waitForCloudInit(host, { engine: engineCalled("lxc"), name: "box" }, { timeoutMs: 1000 });
    return (await assertRejects(() => wait, UserError, "failed")).hint;
  };
  const network = await hintOf("Err:1 http://archive.example Could not connect to archive.example:80\n");
  assertStringIncludes(network, "sudo iptables -I DOCKER-USER -i lxdbr0 -j ACCEPT");
  assertStringIncludes(await hintOf("E: Unable to locate package x\n"), "Fix the cloud-config");
});
