import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { chooseEngine, type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { createProfile, setProfile } from "../../../lib/engine/profile.ts";
import { MissingProgram, ProcessError, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { exec, execArgv, marking } from "../../../lib/engine/exec.ts";
import {
  findInstance,
  instanceAddress,
  type InstanceInfo,
  isConfined,
  listAllInstances,
  removeDevices,
  updateInstance,
} from "../../../lib/engine/instance.ts";
import { launch } from "../../../lib/engine/lifecycle.ts";
import { findNeighbourhood } from "../../../lib/container/managed.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

const instance = {
  name: "box",
  status: "Running",
  created_at: "2026-01-02T03:04:05Z",
  config: { "user.gui-container": "1" },
  devices: { share: { type: "disk" } },
  expanded_devices: { root: { type: "disk", path: "/" }, eth0: { type: "nic", network: "lxdbr0" } },
  state: {
    network: {
      lo: { addresses: [{ family: "inet", scope: "local", address: "127.0.0.1" }] },
      eth0: {
        addresses: [
          { family: "inet6", scope: "global", address: "fd00::1" },
          { family: "inet", scope: "link", address: "169.254.1.1" },
          { family: "inet", scope: "global", address: "10.0.0.5" },
        ],
      },
    },
  },
};

async function lxcThat(
  answer: Answer,
): Promise<{ host: Host; recorded: RecordingHost; engine: Engine }> {
  const recorded = recordingHost({ answer: () => answer });
  return { host: recorded.host, recorded, engine: await chooseEngine(recorded.host, { engine: "lxc" }) };
}

Deno.test("findInstance() reads status, config and the global address with one call, by IPv4 first", async () => {
  const { host, recorded, engine } = await lxcThat({ stdout: JSON.stringify(instance) });
  const { state: _, ...rest } = instance;
  assertEquals(await findInstance(host, { engine, name: "box" }, { withState: true }), {
    engine,
    ...rest,
    description: "",
    location: "none",
    hasNetwork: true,
    address: "10.0.0.5",
  });
  assertEquals(recorded.calls, [["lxc", "query", "/1.0/instances/box?recursion=1"]]);
});

Deno.test("findInstance() keeps the name that it was asked for, whatever another machine's server calls it", async () => {
  const { host, engine } = await lxcThat({
    stdout: JSON.stringify({ ...instance, name: "x/../../.config/autostart/e" }),
  });
  assertEquals((await findInstance(host, { engine, name: "box" }))?.name, "box");
});

Deno.test("a container whose root has called it ready runs, and no other status is changed", async () => {
  for (const [said, status] of [["Ready", "Running"], ["Frozen", "Frozen"], ["Stopped", "Stopped"]] as const) {
    const { host, engine } = await lxcThat({ stdout: JSON.stringify({ ...instance, status: said }) });
    assertEquals((await findInstance(host, { engine, name: "box" }))?.status, status);
  }
});

Deno.test("findInstance() takes an IPv6 address where there is none by IPv4, and only a global one", async () => {
  const addressOf = async (...addresses: [string, string, string][]): Promise<string | undefined> => {
    const network = {
      eth0: { addresses: addresses.map(([family, scope, address]) => ({ family, scope, address })) },
    };
    const { host, engine } = await lxcThat({ stdout: JSON.stringify({ ...instance, state: { network } }) });
    return (await findInstance(host, { engine, name: "box" }, { withState: true }))?.address;
  };
  const [local, global] = [["inet6", "link", "fe80::1"], ["inet6", "global", "fd00::1"]] as [string, string, string][];
  assertEquals(await addressOf(local!, global!), "fd00::1");
  assertEquals(await addressOf(local!), undefined);
  assertEquals(await addressOf(global!, ["inet", "global", "10.0.0.5"]), "10.0.0.5");
});

Deno.test("findInstance() knows an instance that is stopped, and one that is not there", async () => {
  const find = async (answer: Answer): Promise<InstanceInfo | undefined> => {
    const { host, engine } = await lxcThat(answer);
    return await findInstance(host, { engine, name: "box" });
  };
  const stopped = { ...instance, status: "Stopped", state: { network: null } };
  assertEquals(
    (await find({ stdout: JSON.stringify(stopped) }))?.address,
    undefined,
  );
  const offline = { ...instance, expanded_devices: { ...instance.expanded_devices, eth0: { type: "none" } } };
  assertEquals(
    (await find({ stdout: JSON.stringify(offline) }))?.hasNetwork,
    false,
  );
  for (const stderr of ["Error: Instance not found\n", "Error: not found\n"]) {
    assertEquals(
      await find({ code: 1, stderr }),
      undefined,
    );
  }
});

Deno.test("isConfined() knows a container that reaches less than its host", () => {
  const card = { type: "nic", nictype: "bridged", parent: "lxdbr0" };
  for (
    const [devices, expected] of [
      [{}, true],
      [{ eth0: { type: "none" }, internet: { type: "proxy", bind: "instance" } }, true],
      [{ eth0: { ...card, "security.acls": "no-house" } }, true],
      [{ eth0: { type: "nic", nictype: "physical", parent: "wg-box" } }, true],
      [{ eth0: { type: "nic", nictype: "p2p" } }, true],
      [{ eth0: card }, false],
      [{ eth0: { type: "nic", network: "lxdbr0" } }, false],
      [{ eth0: { ...card, nictype: "macvlan" } }, false],
      [{ eth0: { ...card, "security.acls": "a" }, eth1: card }, false],
    ] as const
  ) assertEquals(isConfined({ expanded_devices: devices }), expected, JSON.stringify(devices));
});

Deno.test("instanceAddress() says that there is none, and where to look", async () => {
  const { host, engine } = await lxcThat({ stdout: JSON.stringify({ ...instance, expanded_devices: {}, state: {} }) });
  const error = await assertRejects(() => instanceAddress(host, { engine, name: "box" }), UserError, "has no address");
  assertStringIncludes(error.hint, "nic device");
});

Deno.test("the argument lists of the engine's CLI, none with our stdin unasked", async () => {
  const { host, recorded, engine } = await lxcThat({});
  await launch(host, { engine, name: "box" }, {
    image: "ubuntu:",
    profiles: ["default", "box"],
    config: { "user.a": "b c" },
  });
  await createProfile(host, { engine, name: "box" }, { "user.a": "b" });
  await setProfile(host, { engine, name: "box" }, "config: {}\n");
  // Without it, the engines would empty it.
  await updateInstance(host, { engine, name: "box", description: "it's mine" }, {
    devices: { share: { type: "disk", source: `/a "b"`, path: "/c" } },
  });
  await removeDevices(host, { engine, name: "box" }, ["one", "two"]);
  await removeDevices(host, { engine, name: "box" }, []);
  await exec(host, { engine, name: "box" }, ["cat", "--", "-x"], { stdin: "inherit" });
  assertEquals(recorded.calls, [
    ["lxc", "launch", "ubuntu:", "box", "--profile", "default", "--profile", "box", "--config", "user.a=b c"],
    [
      "lxc",
      "query",
      "--request",
      "POST",
      "--wait",
      "--data",
      '{"name":"box","config":{"user.a":"b"}}',
      "/1.0/profiles",
    ],
    ["lxc", "profile", "edit", "box"],
    [
      "lxc",
      "query",
      "--request",
      "PATCH",
      "--wait",
      "--data",
      String.raw`{"devices":{"share":{"type":"disk","source":"/a \"b\"","path":"/c"}},"description":"it's mine"}`,
      "/1.0/instances/box",
    ],
    ["lxc", "config", "device", "remove", "box", "one", "two"],
    ["lxc", "exec", "box", "--mode", "non-interactive", "--", ...marking, "cat", "--", "-x"],
  ]);
  assertEquals(recorded.calls.at(-1), execArgv({ engine, name: "box" }, [...marking, "cat", "--", "-x"]));
  assertEquals(recorded.options.map(({ stdin }) => stdin), [
    undefined,
    undefined,
    { text: "config: {}\n" },
    undefined,
    undefined,
    "inherit",
  ]);
});

Deno.test("findNeighbourhood() asks once, and again for a container that the list has not, or only in another project", async () => {
  const config = { "user.gui-container": "true" };
  const here = { ...instance, config, project: "default" };
  const list = "/1.0/instances?recursion=1&all-projects=true";
  for (
    const [listed, paths] of [
      [[{ ...here, project: "other", status: "Stopped" }, here], [list]],
      [[{ ...here, project: "other" }], [list, "/1.0/instances/box"]],
      [[{ ...here, status: "Error", location: "m2", config: null }], [list, "/1.0/instances/box"]],
    ] as const
  ) {
    const answer = ([cli, , path]: readonly string[]): Answer =>
      cli === "lxc"
        ? new MissingProgram("no", { hint: "" })
        : { stdout: JSON.stringify(path === list ? listed : here) };
    const { host, calls } = recordingHost({ answer });
    const found = await findNeighbourhood(host, { engine: engineCalled("incus"), name: "box" });
    assertEquals(calls.flatMap(([cli, , path]) => cli === "lxc" ? [] : path), [...paths]);
    assertEquals([found.instance.project, found.instance.status], ["default", "Running"]);
    assertEquals(found.neighbours.length, listed.length);
  }
});

Deno.test("findNeighbourhood() has the instances of both engines, and takes none of the other for the container", async () => {
  const mine = { ...instance, project: "default", config: { "user.gui-container": "true" } };
  const others = [{ ...mine, name: "other" }, { ...mine, status: "Stopped" }];
  const answers: Record<string, Answer> = { incus: { stdout: JSON.stringify([mine]) } };
  const run = async () => {
    const { host, said } = recordingHost({ answer: ([cli]) => answers[cli!]! });
    const found = await findNeighbourhood(host, { engine: engineCalled("incus"), name: "box" });
    assertEquals([found.instance.engine.cli, found.instance.status], ["incus", "Running"]);
    return [found.neighbours.map(({ engine, name }) => `${engine.cli}:${name}`), said];
  };
  answers.lxc = { stdout: JSON.stringify(others) };
  assertEquals(await run(), [["lxc:other", "lxc:box", "incus:box"], []]);
  answers.lxc = { code: 1, stderr: "Error: unix.socket: connect: connection refused" };
  assertEquals(await run(), [["incus:box"], []], "LXD does not run");
  answers.lxc = { code: 1, stderr: "Sorry, home directories outside of /home needs configuration" };
  const [neighbours, said] = await run();
  assertEquals(neighbours, ["incus:box"]);
  assertSaid(said as string[], [["warn", "LXD", "lxc query"]]);
});

Deno.test("findNeighbourhood() waits for another engine that hangs, but not for ever", async () => {
  const mine = { ...instance, project: "default", config: { "user.gui-container": "true" } };
  const { host, said } = recordingHost({ answer: () => ({ stdout: JSON.stringify([mine]) }) });
  const limits: (number | undefined)[] = [];
  const run: Host["run"] = (argv, options = {}) => {
    if (argv[0] === "incus") return host.run(argv, options);
    limits.push(options.timeoutMs);
    const result = { argv, code: 143, signal: null, stdout: "", stderr: "" };
    return Promise.reject(new ProcessError(result, { timedOutAfterMs: 10_000 }));
  };
  const found = await findNeighbourhood({ ...host, run }, { engine: engineCalled("incus"), name: "box" });
  assertEquals(found.neighbours.map(({ engine, name }) => `${engine.cli}:${name}`), ["incus:box"]);
  assertSaid(said, [["warn", "LXD", "10 s"]]);
  assertEquals([...new Set(limits)], [10_000]);
});

Deno.test("listAllInstances() asks for all projects, and for the user's own one where only that is allowed", async () => {
  const list = JSON.stringify([instance]);
  const server = { remote: "big", project: "mine", isLocal: false };
  const all = recordingHost({ answer: () => ({ stdout: list }) });
  assertEquals((await listAllInstances(all.host, { ...engineCalled("incus"), server })).map(({ name }) => name), [
    "box",
  ]);
  assertEquals(all.calls, [["incus", "query", "big:/1.0/instances?recursion=1&all-projects=true"]]);
  const one = recordingHost({
    answer: (argv) =>
      argv.at(-1)!.includes("all-projects") ? { code: 1, stderr: "Error: Forbidden" } : { stdout: list },
  });
  assertEquals((await listAllInstances(one.host, { ...engineCalled("incus"), server })).length, 1);
  assertEquals(one.calls.at(-1), ["incus", "query", "big:/1.0/instances?recursion=1&project=mine"]);
});
