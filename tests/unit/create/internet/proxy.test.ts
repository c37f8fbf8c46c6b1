// gui-internet: who gets a proxy, and how long it lives.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { lockFile } from "../../../../lib/base/lock.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { ensureProxy, proxyFor, removeUnusedProxy } from "../../../../lib/create/internet/proxy.ts";
import { proxyUserData, specialRanges } from "../../../../lib/create/internet/proxy_config.ts";
import { internetKey, parseProfile, userDataKey } from "../../../../lib/create/profile_file.ts";
import { profileRisks } from "../../../../lib/engine/profile_risks.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("each list of hosts and each image has a proxy of its own", async () => {
  const proxies = (await Promise.all(
    [undefined, "images:debian/13/cloud"].flatMap((image) =>
      [[], ["a.example"], ["a.example", "b.example"]].map((hosts) => proxyFor(hosts, image))
    ),
  )).map(({ name }) => name);
  assertEquals(new Set(proxies).size, 6);
  assertEquals(proxies[0], "gui-internet-proxy");
  assertEquals((await proxyFor(["a.example"], undefined)).name, proxies[1]);
});

Deno.test("a profile asks for the Internet only by one value, which gives nothing away", () => {
  const text = (value: string): string => `config:\n  ${internetKey}: "${value}"\n`;
  assertEquals(profileRisks(parseProfile("mine.yaml", text("true"))), []);
  const error = assertThrows(() => parseProfile("mine.yaml", text("other-proxy")), UserError, "mine.yaml:2:3: ");
  assertEquals(error.exitCode, 2);
});

Deno.test("a proxy that is there is used, started if it is stopped, and told when it knows other networks", async () => {
  const ready = { "user.gui-container.proxy": "ready" };
  const current = { ...ready, [userDataKey]: proxyUserData({ ranges: specialRanges, hosts: [] }) };
  for (
    const [config, status, started, warned] of [
      [current, "Running", false, false],
      [current, "Stopped", true, false],
      [ready, "Running", false, true],
    ] as const
  ) {
    const { host, calls, said } = recordingHost({
      env: { HOME: "/nonexistent" },
      answer: ([, command, path]) => {
        const isProxy = command === "query" && path === "/1.0/instances/gui-internet-proxy";
        if (isProxy) return { stdout: JSON.stringify({ name: "gui-internet-proxy", status, config }) };
        return { stdout: path === "/1.0/networks?project=default" ? "[]" : "{}" };
      },
    });
    const proxy = { engine: engineCalled("lxc"), ...await proxyFor([], undefined) };
    await ensureProxy(host, proxy, { image: "any", timeoutMs: 1 });
    assertEquals(
      calls.map(([, command]) => command).filter((command) => command !== "query"),
      started ? ["start"] : [],
    );
    assertEquals(said.some((line) => line.startsWith("warn: ")), warned);
  }
});

Deno.test("a proxy that another user's run is making is left to that run, and one of a killed run is made again", async () => {
  const making = async (by: string, ageMs: number): Promise<string[]> => {
    const found = {
      name: "gui-internet-proxy",
      status: "Running",
      config: { "user.gui-container.proxy": `making by ${by}` },
      created_at: new Date(Date.now() - ageMs).toISOString(),
    };
    const { host, calls } = recordingHost({
      env: { HOME: "/nonexistent" },
      answer: ([, command, path]) => ({
        stdout: command === "query" && path === "/1.0/instances/gui-internet-proxy" ? JSON.stringify(found) : "{}",
      }),
    });
    const proxy = { engine: engineCalled("lxc"), ...await proxyFor([], undefined) };
    await ensureProxy(host, proxy, { image: "any", timeoutMs: 60_000 }).catch(() => {});
    return calls.map(([, command]) => command!).filter((command) => /delete|launch/.test(command));
  };
  assertEquals(await making("4321", 1_000), []);
  for (const [by, ageMs] of [["4321", 3_600_000], ["undefined", 1_000]] as const) {
    assertEquals((await making(by, ageMs))[0], "delete", by);
  }
});

for (
  const [what, profiles, instance, removed] of [
    ["the last container that needs it", {}, { "user.gui-container.proxy": "ready" }, true],
    ["one that a killed run has left half made", {}, { "user.gui-container.proxy": "making" }, true],
    ["another container that needs it", { two: "p" }, { "user.gui-container.proxy": "ready" }, false],
    ["a container that needs another one", { two: "q" }, { "user.gui-container.proxy": "ready" }, true],
    ["a container of its name that create.ts did not make", {}, {}, false],
  ] as [string, Record<string, string>, Record<string, string>, boolean][]
) {
  Deno.test(`a proxy is ${removed ? "removed" : "kept"} with ${what}`, async () => {
    const asProfile = ([name, proxy]: [string, string]) => ({ name, config: { [internetKey]: proxy } });
    const own = asProfile(["one", "p"]);
    const { host, calls } = recordingHost({
      env: { HOME: "/nonexistent" },
      answer: ([, command, path]) => {
        if (command !== "query") return {};
        if (path!.startsWith("/1.0/profiles")) {
          return { stdout: JSON.stringify([own, ...Object.entries(profiles).map(asProfile)]) };
        }
        return { stdout: path === "/1.0/instances/p" ? JSON.stringify({ name: "p", config: instance }) : "{}" };
      },
    });
    assertEquals(
      await removeUnusedProxy(host, { engine: engineCalled("lxc"), name: "one" }, own),
      removed ? "p" : undefined,
    );
    assertEquals(calls.some(([, command]) => command === "delete"), removed);
  });
}

Deno.test("a container is removed at once while another run makes the proxy of both", async () => {
  const root = await Deno.makeTempDir();
  try {
    using _lock = await lockFile(join(root, ".lxc-p.lock"), { signal: AbortSignal.any([]) });
    const profiles = ["one", "two"].map((name) => ({ name, config: { [internetKey]: "p" } }));
    const { host } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root },
      answer: () => ({ stdout: JSON.stringify(profiles) }),
    });
    const signal = AbortSignal.timeout(60_000);
    const one = { engine: engineCalled("lxc"), name: "one" };
    assertEquals(await removeUnusedProxy({ ...host, signal }, one, profiles[0]!), undefined);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a proxy is removed while another run makes another one", async () => {
  const root = await Deno.makeTempDir();
  try {
    using _lock = await lockFile(join(root, ".lxc-q.lock"), { signal: AbortSignal.any([]) });
    const own = { name: "one", config: { [internetKey]: "p" } };
    const { host } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root },
      answer: ([, command, path]) => {
        if (command !== "query") return {};
        if (path!.startsWith("/1.0/profiles")) return { stdout: JSON.stringify([own]) };
        const proxy = { name: "p", config: { "user.gui-container.proxy": "ready" } };
        return { stdout: path === "/1.0/instances/p" ? JSON.stringify(proxy) : "{}" };
      },
    });
    const removed = async (name: string): Promise<string | undefined> => {
      const signal = AbortSignal.timeout(name === "p" ? 60_000 : 200);
      const profile = { config: { [internetKey]: name } };
      return await removeUnusedProxy({ ...host, signal }, { engine: engineCalled("lxc"), name: "one" }, profile);
    };
    assertEquals(await removed("p"), "p");
    await assertRejects(() => removed("q"), DOMException);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
