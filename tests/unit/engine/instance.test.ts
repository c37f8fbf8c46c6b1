import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { chooseEngine, type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { createProfile, setProfile } from "../../../lib/engine/profile.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import type { Host, RunOptions } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import {
  checkInstanceName,
  deleteInstance,
  exec,
  execArgv,
  findInstance,
  hostUid,
  type IdMapRange,
  instanceAddress,
  type InstanceInfo,
  isConfined,
  launch,
  listAllInstances,
  marking,
  nextHostUid,
  removeDevices,
  startInstance,
  twoRangesHint,
  updateInstance,
  waitForOperations,
} from "../../../lib/engine/instance.ts";
import { findNeighbourhood } from "../../../lib/container/managed.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { startTime } from "../../model/time.ts";
import { slowClient } from "../slow_client.ts";

function range(Nsid: number, Hostid: number, Maprange: number, only?: "uid" | "gid"): IdMapRange {
  const range = { Isuid: only !== "gid", Isgid: only !== "uid", Hostid, Nsid, Maprange };
  return range;
}

Deno.test("hostUid() counts from the start of the range, whatever the engine chose", () => {
  assertEquals(hostUid([range(0, 1000000, 1000000000)], 1000), 1001000);
  assertEquals(hostUid([range(0, 100000, 65536)], 1000), 101000);
  // security.idmap.isolated
  assertEquals(hostUid([range(0, 1065536, 65536)], 1000), 1066536);
  assertEquals(hostUid([range(0, 100000, 65536)], 0), 100000);
});

Deno.test("hostUid() takes the range that has the user, and ranges of users only", () => {
  // raw.idmap "uid 1000 1000": three ranges for users, one for groups.
  const map = [
    range(0, 555, 65536, "gid"),
    range(0, 100000, 1000, "uid"),
    range(1000, 1000, 1, "uid"),
    range(1001, 101001, 64535, "uid"),
  ];
  assertEquals([999, 1000, 1001, 65535].map((uid) => hostUid(map, uid)), [100999, 1000, 101001, 165535]);
});

Deno.test("hostUid() refuses a user beyond the map, and a privileged container's empty map", () => {
  for (
    const [map, uid] of [
      [[], 1000],
      [[range(0, 100000, 1000)], 1000],
      [[range(1001, 100000, 5)], 1000],
      [[range(0, 100000, 65536, "gid")], 1000],
    ] as const
  ) assertThrows(() => hostUid(map, uid), UserError, `no user ${uid}`);
});

Deno.test("checkInstanceName() takes the engines' names", () => {
  for (const name of ["a", "A", "a1", "my-container", "a--b", "true", "a".repeat(63)]) checkInstanceName(name);
});

Deno.test("checkInstanceName() refuses all others, with exit code 2", () => {
  for (
    const name of [
      "",
      "1a",
      "-a",
      "a-",
      "a".repeat(64),
      "a b",
      "a_b",
      "a.b",
      "a/b",
      "../a",
      "a\n",
      "\na",
      "ä",
      "a'b",
      "host:a",
      "--help",
      "а", // Cyrillic.
    ]
  ) assertEquals(assertThrows(() => checkInstanceName(name), UserError, "cannot be the name").exitCode, 2);
});

const instance = {
  name: "box",
  status: "Running",
  created_at: "2026-01-02T03:04:05Z",
  last_used_at: "2026-01-02T03:04:06Z",
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

Deno.test("launch() says which image and container the engine refused, with what it said", async () => {
  const { host, engine } = await lxcThat({ code: 1, stderr: "Error: No space left\n" });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x:y", profiles: [], config: {} }),
    UserError,
    'the container "box" from the image "x:y"',
  );
  assertEquals([error.exitCode, error.output], [1, "Error: No space left"]);
  assertStringIncludes(error.hint, "lxc image list");
});

Deno.test("launch() makes anew, three times, what could be made but not started", async () => {
  using time = startTime();
  const failed: Answer = {
    code: 1,
    stderr: "Error: Failed to run: /usr/bin/lxd forkstart box /var/lib/lxd/…: exit status 1\n",
  };
  for (const failures of [3, 4]) {
    let launches = 0;
    const answer = ([, command]: readonly string[]): Answer =>
      command === "launch" && ++launches <= failures ? failed : {};
    const { host, calls } = recordingHost({ answer });
    const launched = launch(host, { engine: await chooseEngine(host, { engine: "lxc" }), name: "box" }, {
      image: "x",
      profiles: [],
      config: {},
    });
    const outcome = await time.until(launched).catch((error) => error);
    if (failures === 4) assertStringIncludes(outcome.message, "cannot start it");
    else assertEquals(outcome, undefined);
    const again = ["delete", "launch"];
    assertEquals(calls.map(([, command]) => command), ["launch", ...again, ...again, ...again]);
  }
});

Deno.test("a start that fails where root has two ranges of ids says how to have one", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [incus, lxc] = [engineCalled("incus"), engineCalled("lxc")];
    const own = "root:1000000:1000000000\n";
    assertEquals(await twoRangesHint(incus, directory), undefined);
    for (const [subuid, isTwo] of [[own, false], [`${own}me:100000:65536\n`, false], [`${own}${own}`, true]] as const) {
      await Deno.writeTextFile(`${directory}/subuid`, subuid);
      assertEquals((await twoRangesHint(incus, directory))?.includes("sudo sed -i") ?? false, isTwo, subuid);
    }
    assertEquals(await twoRangesHint(lxc, directory), undefined);
    // What it advises keeps the first line.
    const script = /sed -i ('.*?')/.exec((await twoRangesHint(incus, directory))!)![1];
    await runProcess(["sh", "-c", `sed -i ${script} ${directory}/subuid`]);
    assertEquals(await Deno.readTextFile(`${directory}/subuid`), own);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("launch() says how to set up an engine that has no storage", async () => {
  const stderr = "Error: Failed instance creation: Failed getting root disk: No root device could be found\n";
  const { host, engine } = await lxcThat({ code: 1, stderr });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x", profiles: [], config: {} }),
    UserError,
  );
  assertStringIncludes(error.hint, "sudo lxd init --auto");
});

Deno.test("launch() says how root gets ids for containers where there are none, as on Fedora", async () => {
  const stderr =
    "Error: Failed instance creation: Failed creating instance record: No uid/gid allocation configured. " +
    "In this mode, only privileged containers are supported\n";
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr }) });
  const engine = await chooseEngine(host, { engine: "incus" });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x", profiles: [], config: {} }),
    UserError,
  );
  assertStringIncludes(error.hint, "echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid");
  assertStringIncludes(error.hint, "restart incus");
});

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

Deno.test("exec() tries again, twice, where the engine gives no answer, and nowhere else", async () => {
  for (
    const [stderr, calls] of [
      ["Error: Failed to retrieve PID of executing child process\n", 3],
      ["Error: websocket: bad handshake\nOnly running operations can be connected\n", 3],
      ["Error: Instance is not running\n", 1],
    ] as const
  ) {
    const { host, recorded, engine } = await lxcThat({ code: 1, stderr });
    await assertRejects(() => exec(host, { engine, name: "box" }, ["true"]), ProcessError);
    assertEquals(recorded.calls.length, calls);
  }
});

Deno.test("exec() runs a program again whose answer has lost its end on the way, and not for ever", async () => {
  for (const losses of [1, 2, 3]) {
    let tries = 0;
    const { host } = recordingHost({ answer: () => ({ stdout: ++tries <= losses ? "who" : "whole\n" }) });
    const lossy = {
      ...host,
      run: async (argv: readonly string[], options?: RunOptions) => {
        const result = await host.run(argv, options);
        return tries <= losses ? { ...result, stdout: result.stdout.slice(0, -1) } : result;
      },
    };
    const ran = exec(lossy, { engine: engineCalled("incus"), name: "box" }, ["cat", "x"]);
    if (losses < 3) assertEquals((await ran).stdout, "whole\n");
    else await assertRejects(() => ran, UserError, 'in "box"');
    assertEquals(tries, Math.min(losses + 1, 3));
  }
});

Deno.test("exec() has a real shell end what a program that succeeds prints, and hands on its exit status", async () => {
  const run = async (script: string): Promise<[number, string]> => {
    const { host } = recordingHost();
    const real = {
      ...host,
      run: (argv: readonly string[], options?: RunOptions) => runProcess(argv.slice(6), options),
    };
    const { code, stdout } = await exec(
      real,
      { engine: engineCalled("incus"), name: "box" },
      ["/bin/sh", "-c", script],
      {
        okCodes: "any",
      },
    );
    return [code, stdout];
  };
  assertEquals(await run("printf '%s' \"it's\""), [0, "it's"]);
  assertEquals(await run("echo x; exit 3"), [3, "x\n"]);
  assertEquals(await run("cat; echo it has no input"), [0, "it has no input\n"]);
});

Deno.test("exec() has a program end once its answer is here: an engine may lose what is on its way then", async () => {
  const { host } = recordingHost();
  const slow = {
    ...host,
    run: (argv: readonly string[], options?: RunOptions) => runProcess(slowClient(argv.slice(6)), options),
  };
  const { stdout } = await exec(slow, { engine: engineCalled("incus"), name: "box" }, ["echo", "the answer"]);
  assertEquals(stdout, "the answer\n");
});

Deno.test("startInstance() is content with an instance that another run has just started", async () => {
  const start = async (stderr: string): Promise<void> => {
    const { host } = recordingHost({ answer: () => ({ code: 1, stderr }) });
    await startInstance(host, { engine: engineCalled("lxc"), name: "box" });
  };
  await start("Error: The instance is already running\n");
  await assertRejects(() => start("Error: No root device could be found\n"), ProcessError);
});

Deno.test("instanceAddress() says that there is none, and where to look", async () => {
  const { host, engine } = await lxcThat({ stdout: JSON.stringify({ ...instance, expanded_devices: {}, state: {} }) });
  const error = await assertRejects(() => instanceAddress(host, { engine, name: "box" }), UserError, "has no address");
  assertStringIncludes(error.hint, "nic device");
});

Deno.test("nextHostUid() reads the id map that the instance will have", () => {
  const config = { "volatile.idmap.next": JSON.stringify([range(0, 1065536, 65536)]) };
  assertEquals(nextHostUid({ config }, "1000"), "1066536");
  assertThrows(() => nextHostUid({ config: {} }, "1000"), UserError, "has no user 1000");
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

Deno.test("exec() does not take what a program in the container prints for the engine's own error", async () => {
  const stderr = 'Error: Get "http://unix.socket/1.0": dial unix /var/lib/lxd/unix.socket: connect: permission denied';
  for (const engineAnswers of [true, false]) {
    const { host } = recordingHost({
      answer: ([, verb]) => verb === "query" && engineAnswers ? { stdout: "{}" } : { code: 1, stderr },
    });
    const error = await assertRejects(() => exec(host, { engine: engineCalled("lxc"), name: "box" }, ["true"]), Error);
    assertEquals(
      [error instanceof ProcessError, error instanceof UserError && error.exitCode],
      engineAnswers ? [true, false] : [false, 125],
    );
  }
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
    const answer = (argv: readonly string[]): Answer => ({ stdout: JSON.stringify(argv[2] === list ? listed : here) });
    const { host, calls } = recordingHost({ answer });
    const found = await findNeighbourhood(host, { engine: engineCalled("incus"), name: "box" });
    assertEquals(calls.map(([, , path]) => path), [...paths]);
    assertEquals([found.instance.project, found.instance.status], ["default", "Running"]);
    assertEquals(found.neighbours.length, listed.length);
  }
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

Deno.test("deleteInstance() waits for an engine that is still at work on the instance", async () => {
  let busy = 1;
  const stderr = 'Error: Stopping the instance failed: Instance is busy running a "update" operation\n';
  const { host, calls } = recordingHost({ answer: () => busy-- > 0 ? { code: 1, stderr } : {} });
  await deleteInstance(host, { engine: engineCalled("lxc"), name: "box" });
  assertEquals(calls.length, 2);
});

Deno.test("waitForOperations() waits for tasks on the instance, and for images where a killed run may be making one", async () => {
  const task = (id: string, paths: string[], rest: Record<string, unknown> = {}): unknown => ({
    id,
    class: "task",
    description: "Updating instance",
    resources: paths.length > 0 ? { instances: paths } : {},
    ...rest,
  });
  const running = [
    task("other", ["/1.0/instances/boxes"]),
    task("own", ["/1.0/instances/box?project=work"]),
    task("program", ["/1.0/instances/box"], { class: "websocket" }),
    task("image", [], { description: "Downloading image" }),
    task("unknown", []),
    // LXD 6.7: the resources do not name what is just being made.
    task("made", ["/1.0/projects/default"], { metadata: { entity_url: "/1.0/instances/box?project=work" } }),
    task("made-other", [], { resources: null, metadata: { entity_url: "/1.0/instances/boxes" } }),
    task("strange", [], { metadata: { entity_url: 1 } }),
  ];
  for (const [publishing, expected] of [[false, ["own", "made"]], [true, ["own", "image", "made"]]] as const) {
    const { host, calls } = recordingHost({
      answer: (argv) => ({ stdout: argv[2] === "/1.0/operations?recursion=1" ? JSON.stringify({ running }) : "{}" }),
    });
    await waitForOperations(host, { engine: engineCalled("incus"), name: "box" }, { publishing });
    const waited = calls.slice(1).map((call) => call[2]!.split("/")[3]);
    assertEquals(waited, [...expected]);
  }
});
