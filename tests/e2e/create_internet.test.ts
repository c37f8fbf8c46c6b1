// gui-internet: who is reached from the container, by root in it, with real servers on the host, at addresses of a
// local network and in another container; and the life of the proxy, which is its only way out.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { proxyFor } from "../../lib/create/internet/proxy.ts";
import { makeImage } from "./images.ts";
import { eventually, mountsRoot, publicKey, root, script, sh, startScript } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { type EngineName, removeContainer, testOnEngines } from "./world.ts";

/** AS112's, a sink for stray queries. IANA calls it globally reachable. Here it leads to the world's container. */
const publicAddress = "192.31.196.1";
/** Addresses of a house's network, as they are, and one that any machine of it may have by IPv6. */
const houseAddresses = ["192.168.77.1", "10.77.0.1", "172.31.77.1", "100.64.77.1", "169.254.169.254"];
const houseAddresses6 = ["fd00:77::1", "2001:4:112::77"];
/**
 * An address of the host on a network of its own, which is no private one. Each engine has another: the DNS server of a
 * network can outlive it for a moment.
 */
const publicHostAddressOn: Record<EngineName, string> = { lxc: "192.31.197.1", incus: "192.31.198.1" };

/** The proxy of the containers of the lab's image that may reach any host. */
const { name: proxyName } = await proxyFor([], "gui-lab");

const nothing = await Deno.makeTempFile({ suffix: ".yaml" });
await Deno.writeTextFile(nothing, "#cloud-config\ndisable_root: true\n");
globalThis.addEventListener("unload", () => Deno.removeSync(nothing));

function createArgs(name: string, { profile = "gui-internet", image = "gui-lab", options = [] as string[] } = {}) {
  return [`--image=${image}`, "--yes", "--json", ...options, name, publicKey, profile, nothing];
}

async function create(engine: EngineName, name: string, options: Parameters<typeof createArgs>[1] = {}): Promise<void> {
  const { code, stderr } = await script("create", engine, createArgs(name, options));
  assertEquals(code, 0, stderr);
  assert(!stderr.includes("The proxy"), stderr);
}

/** Runs a shell script as root in a container. */
async function asRoot(engine: EngineName, name: string, shell: string): Promise<string> {
  return await sh([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-ec", shell]);
}

/** Which of the targets root in a container reaches, and who that is. */
async function reached(
  engine: EngineName,
  name: string,
  { how, targets }: { how: "direct" | "proxy"; targets: readonly string[] },
): Promise<string[]> {
  const program = await Deno.readTextFile(join(root, "tests/e2e/internet_reach.py"));
  const argv = [engine, "exec", name, "--mode=non-interactive", "--", "python3", "-c", program, how, ...targets];
  return [...new Set((await sh(argv)).split("\n").filter(Boolean))];
}

async function instanceNames(engine: EngineName): Promise<string[]> {
  return (await sh([engine, "list", "--format=csv", "--columns=n"])).split("\n").filter(Boolean);
}

async function proxies(engine: EngineName): Promise<string[]> {
  return (await instanceNames(engine)).filter((name) => name.startsWith("gui-internet-proxy"));
}

/** Has a container find the world's addresses on its own cable, and ask the world's DNS server. */
async function joinWorld(engine: EngineName, name: string, server: string): Promise<void> {
  await asRoot(
    engine,
    name,
    `export PATH=$PATH:/usr/sbin
for address in ${[publicAddress, "192.31.196.2", ...houseAddresses].join(" ")}; do ip route add $address dev eth0; done
for address in ${houseAddresses6.join(" ")}; do ip route add $address dev eth0 2>/dev/null || true; done
echo nameserver ${server} >/etc/resolv.conf
systemctl restart squid 2>/dev/null || true`,
  );
}

/** A container with the world in it. Returns its address on the bridge. */
async function startWorld(engine: EngineName, name: string): Promise<string> {
  await runProcess([engine, "delete", "--force", name], { okCodes: "any" });
  await sh([engine, "launch", "gui-lab", name]);
  await sh([engine, "exec", name, "--", "cloud-init", "status", "--wait"]);
  await sh([engine, "file", "push", join(root, "tests/e2e/internet_world.py"), `${name}/root/world.py`]);
  return await asRoot(
    engine,
    name,
    `export PATH=$PATH:/usr/sbin
for address in ${
      [publicAddress, "192.31.196.2", ...houseAddresses].map((a) => `${a}/32`).join(" ")
    }; do ip addr add $address dev eth0; done
for address in ${houseAddresses6.map((a) => `${a}/128`).join(" ")}; do ip addr add $address dev eth0 nodad; done
own=$(ip -4 -oneline address show eth0 | sed -n '1s/.* inet \\([0-9.]*\\).*/\\1/p')
systemd-run --quiet --unit=world python3 /root/world.py "$own"
timeout 20 sh -c 'until journalctl --unit=world | grep -q ready; do sleep 0.1; done'
echo "$own"`,
  );
}

testOnEngines(
  "gui-internet: root in the container reaches the Internet and nobody else; two made at once share one proxy",
  ["user", "xpra", "imageXpra"],
  async (engine) => {
    const [internet, second, gui, world] = ["internet", "second", "gui", "world"].map((part) =>
      `e2e-net-${part}-${engine}`
    ) as [string, string, string, string];
    const network = `e2enet${engine}`;
    const publicHostAddress = publicHostAddressOn[engine];
    const cleanUp = async (): Promise<void> => {
      for (const name of [internet, second, gui]) await removeContainer(engine, name);
      await runProcess([engine, "delete", "--force", world], { okCodes: "any" });
      await runProcess([engine, "network", "delete", network], { okCodes: "any" });
    };
    await cleanUp();
    const server = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen() {} }, () => new Response("reached host\n"));
    try {
      await sh([engine, "network", "create", network, `ipv4.address=${publicHostAddress}/24`, "ipv6.address=none"]);
      const [worldAddress] = await Promise.all([
        startWorld(engine, world),
        create(engine, gui, { profile: "gui" }),
        create(engine, internet),
        create(engine, second),
      ]);
      assertEquals(await proxies(engine), [proxyName]);
      await joinWorld(engine, gui, worldAddress);
      await joinWorld(engine, proxyName, worldAddress);

      const gateway = worldAddress.replace(/\.\d+$/, ".1");
      const hostAddress = await sh([
        "sh",
        "-c",
        "ip -4 route get 192.0.2.255 | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p'",
      ]);
      const { port } = server.addr;
      const host = [gateway, hostAddress, publicHostAddress].map((address) => `${address}:${port}`);
      const house = [...houseAddresses, worldAddress, ...houseAddresses6.map((address) => `[${address}]`)]
        .map((address) => `${address}:80`);
      const names = ["a-10-77-0-1.test", `a-${worldAddress.replaceAll(".", "-")}.test`].map((name) => `${name}:80`);
      const open = [`${publicAddress}:80`, `a-${publicAddress.replaceAll(".", "-")}.test:80`];
      const closed = [...host, ...house, ...names];

      // An ordinary container reaches all of them.
      assertEquals(
        (await reached(engine, gui, { how: "direct", targets: [...open, ...closed] })).map((line) =>
          line.split(" ")[0]
        ),
        [...open, ...closed],
      );

      // Nobody without the proxy, whatever root does to the network.
      await asRoot(
        engine,
        internet,
        `export PATH=$PATH:/usr/sbin
ip addr add 198.51.100.1/24 dev lo; ip route add default dev lo; ip link add eth0 type dummy || true`,
      );
      assertEquals(await reached(engine, internet, { how: "direct", targets: [...open, ...closed] }), []);

      const byProxy = (targets: readonly string[]): Promise<string[]> =>
        reached(engine, internet, { how: "proxy", targets });
      const publicOnly = open.map((target) => `${target} reached ${publicAddress}`);
      // The same addresses, as they can be written too; and the proxy itself.
      const disguised = [
        "[::ffff:10.77.0.1]:80",
        "[::ffff:a4d:1]:80",
        "0xa.77.0.1:80",
        "172834817:80",
        "10.77.1:80",
        "10.77.0.1.:80",
        "localhost:22",
        "127.1:22",
        "0:22",
        `${proxyName}:22`,
        "[::1]:22",
        `a-${publicAddress.replaceAll(".", "-")}_10-77-0-1.test:80`,
        `${gateway}:53`,
      ];
      assertEquals(await byProxy([...open, ...closed, ...disguised]), publicOnly);

      // They are in the proxy, and the same on each engine.
      if (engine === "lxc") {
        // A name that leads to another address each time.
        const flips = (round: string): string[] =>
          Array.from({ length: 100 }, (_, index) => `flip.${round}${index}:80`);
        const escaped = (lines: string[]): string[] => lines.filter((line) => !line.endsWith(publicAddress));
        const flipped = await byProxy(flips("a"));
        assertEquals(escaped(flipped), []);
        assert(flipped.length > 0, "some lead to the public address");

        // Each of the two walls holds alone: squid's, and the kernel's. Without both, the house is open.
        const proxy = (shell: string): Promise<string> =>
          asRoot(engine, proxyName, `export PATH=$PATH:/usr/sbin; ${shell}`);
        await proxy("while ip rule del priority 200 2>/dev/null; do :; done");
        assertEquals(await byProxy([...open, ...closed, ...disguised]), publicOnly, "squid's alone");
        assertEquals(escaped(await byProxy(flips("b"))), [], "squid's alone");
        await proxy("sed -i '/^http_access deny house/d' /etc/squid/gui-container.conf; systemctl kill -s HUP squid");
        await eventually("the house without walls", async () => {
          const found = await byProxy([...host, "10.77.0.1:80", "a-10-77-0-1.test:80"]);
          return found.length === host.length + 2;
        });
        await proxy("systemctl restart squid");
        assertEquals(await byProxy([...open, ...closed]), publicOnly, "the kernel's alone");
        assertEquals(escaped(await byProxy(flips("c"))), [], "the kernel's alone");
      }

      // A session's programs find the proxy, in a container that was started anew.
      await sh([engine, "stop", "--force", internet]);
      const fetch = `import urllib.request as r; open("share/page", "wb").write(r.urlopen("http://${
        open[1]
      }/").read())`;
      const app = quoteWords(["python3", "-c", fetch]);
      const attached = await script("attach", engine, ["--detached", internet, app]);
      assertEquals(attached.code, 0, attached.stderr);
      const page = join(mountsRoot, internet, "share/page");
      await eventually(
        "the page",
        () => Deno.readTextFile(page).then((text) => text === `reached ${publicAddress}\n`, () => false),
      );

      // The proxy goes with the last container that uses it.
      await removeContainer(engine, internet);
      assertEquals(await proxies(engine), [proxyName]);
      const removed = await script("create", engine, ["--delete", second]);
      assertStringIncludes(removed.stdout, `proxy "${proxyName}"`);
      assertEquals(await proxies(engine), []);
      const left = (await Array.fromAsync(Deno.readDir(mountsRoot))).map(({ name }) => name);
      assertEquals(left.filter((name) => name.includes(proxyName)), []);
    } finally {
      await server.shutdown();
      await cleanUp();
    }
  },
);

testOnOneEngine(
  "--allow-hosts opens these names only; a proxy that a killed run has left half made is made by the next one",
  ["user"],
  async (engine) => {
    const [name, world] = [`e2e-net-hosts-${engine}`, `e2e-net-names-${engine}`];
    const cleanUp = async (): Promise<void> => {
      await removeContainer(engine, name);
      await runProcess([engine, "delete", "--force", world], { okCodes: "any" });
    };
    await cleanUp();
    const options = ["--allow-hosts=allowed.test,.below.test"];
    try {
      const killed = startScript("create", engine, createArgs(name, { options }));
      const [proxy] = await eventually("the proxy's container", async () => {
        const found = await proxies(engine);
        return found.length > 0 && found;
      });
      killed.kill("SIGKILL");
      await killed.ended;
      const [worldAddress] = await Promise.all([startWorld(engine, world), create(engine, name, { options })]);
      assertEquals(await proxies(engine), [proxy!]);
      await joinWorld(engine, proxy!, worldAddress);

      const allowed = ["allowed.test:80", "below.test:80", "deep.below.test:80"];
      // The second address says that it is called allowed.test.
      const others = [
        "other.test:80",
        "x.allowed.test:80",
        "a-10-77-0-1.below.test:80",
        `${publicAddress}:80`,
        "192.31.196.2:80",
      ];
      assertEquals(
        await reached(engine, name, { how: "proxy", targets: [...allowed, ...others] }),
        allowed.map((target) => `${target} reached ${publicAddress}`),
      );
      await removeContainer(engine, name);
      assertEquals(await proxies(engine), []);
    } finally {
      await cleanUp();
    }
  },
);

testOnOneEngine(
  "a proxy whose software cannot be had is told, and all is undone; what only looks like a proxy is left alone",
  ["user"],
  async (engine) => {
    const name = `e2e-net-none-${engine}`;
    const fails = async (image: string): Promise<ProcessResult> => {
      const result = await script("create", engine, createArgs(name, { image }));
      assertEquals(result.code, 1, result.stderr);
      const { code } = await runProcess([engine, "profile", "show", name], { okCodes: "any" });
      assertEquals(code, 1, "the profile is gone");
      await Deno.lstat(join(mountsRoot, name)).then(() => assert(false), () => {});
      return result;
    };
    try {
      await removeContainer(engine, name);
      await makeImage(engine, "e2e-no-archive");
      assertStringIncludes(
        (await fails("e2e-no-archive")).stderr,
        `error: The proxy "${(await proxyFor([], "e2e-no-archive")).name}" cannot be made: `,
      );
      assertEquals(await proxies(engine), []);

      await sh([engine, "init", "gui-lab", proxyName]);
      assertStringIncludes((await fails("gui-lab")).stderr, `"${proxyName}" was not made by create.ts`);
      assertEquals(await proxies(engine), [proxyName]);
    } finally {
      await runProcess([engine, "delete", "--force", proxyName], { okCodes: "any" });
    }
  },
);
