import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { join } from "@std/path";
import {
  apiPath,
  chooseEngine,
  type Engine,
  engineArgv,
  engineCalled,
  type EngineCli,
} from "../../../lib/engine/engine.ts";
import type { Host } from "../../../lib/base/host.ts";
import { findInstance, isHere, launch, parseInstancePath, updateInstance } from "../../../lib/engine/instance.ts";
import { publish } from "../../../lib/engine/image.ts";
import { pushFile, removeFiles } from "../../../lib/engine/instance_files.ts";
import { findServer, ownServer, type Server, withRemote } from "../../../lib/engine/server.ts";
import { mountsOf } from "../../../lib/container/paths.ts";
import { findAddress, scriptLine } from "../../../lib/container/address.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** Incus' configuration as its CLI writes it. */
const configText = `\
default-remote: local
remotes:
  big:
    addr: https://192.0.2.7:8443
    auth_type: tls
    protocol: incus
    public: false
    project: work
  images:
    addr: https://images.linuxcontainers.org
    protocol: simplestreams
    public: true
  local:
    addr: unix://
    protocol: incus
    public: false
aliases: {}
`;

/** Runs a test with a configuration of Incus' CLI in a home of its own. */
async function withConfig(
  text: string,
  test: (env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(home, ".config/incus"), { recursive: true });
    await Deno.writeTextFile(join(home, ".config/incus/config.yml"), text);
    await test({ HOME: home, GUI_CONTAINER_MOUNTS: "/m" });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const server = (env: Record<string, string>, wish = {}): Promise<Server> =>
  findServer({ host: { env: (name) => env[name] }, cli: "incus" }, wish);

Deno.test("findServer() takes the remote that is named, and the project that it has in the CLI's configuration", async () => {
  await withConfig(configText, async (env) => {
    assertEquals(await server(env), ownServer);
    assertEquals(await server(env, { remote: "local" }), ownServer);
    assertEquals(await server(env, { remote: "big" }), { remote: "big", project: "work", isLocal: false });
    assertEquals((await server(env, { remote: "big", project: "play" })).project, "play");
    // The CLI would take another one.
    assertEquals((await server(env, { remote: "big", project: "default" })).project, "default");
    assertEquals((await server(env, { project: "default" })).project, undefined);
    assertEquals(await server({ ...env, INCUS_REMOTE: "big" }), { remote: "big", project: "work", isLocal: false });
    assertEquals((await server({ ...env, INCUS_PROJECT: "play" })).project, "play");
    // The CLI would take "big" for a name without a remote.
    const own = await server({ ...env, INCUS_REMOTE: "big" }, { remote: "local" });
    assertEquals(own, { remote: "local", project: undefined, isLocal: true });
  });
  await withConfig(configText.replace("    project: work\n", ""), async (env) => {
    assertEquals(await server({ ...env, INCUS_REMOTE: "big" }), { remote: "big", project: undefined, isLocal: false });
    assertEquals(await server({ ...env, INCUS_REMOTE: "" }), ownServer);
    const lxd = { HOME: "/nonexistent", LXD_GLOBAL_CONF: `${env.HOME}/.config/incus`, LXC_REMOTE: "big" };
    const found = await findServer({ host: { env: (name) => ({ ...lxd })[name] }, cli: "lxc" });
    assertEquals(found, { remote: "big", project: undefined, isLocal: false });
  });
});

Deno.test("findServer() follows the default remote and the project that the CLI was switched to", async () => {
  await withConfig(configText.replace("default-remote: local", "default-remote: big"), async (env) => {
    assertEquals(await server(env), { remote: "big", project: "work", isLocal: false });
    // The CLI's default is another one: this machine's must be named.
    assertEquals(await server(env, { remote: "local" }), { remote: "local", project: undefined, isLocal: true });
  });
  const switched = configText.replace("addr: unix://\n", "addr: unix://\n    project: play\n");
  await withConfig(switched, async (env) => {
    assertEquals(await server(env), { remote: undefined, project: "play", isLocal: true });
  });
});

Deno.test("findServer() refuses a remote that there is not, and names that cannot be a directory's", async () => {
  await withConfig(configText + "\n", async (env) => {
    for (const wish of [{ remote: "bigger" }, { remote: "../x" }, { project: "a/b" }, { project: ".." }]) {
      assertEquals((await assertRejects(() => server(env, wish), UserError)).exitCode, 2);
    }
  });
  await withConfig("{ not: [yaml", async (env) => assertEquals(await server(env), ownServer));
  await withConfig("default-remote: [1]\nremotes: text\n", async (env) => assertEquals(await server(env), ownServer));
});

Deno.test("chooseEngine() takes the engine whose CLI has the remote, before the one that answers first", async () => {
  await withConfig(configText, async (env) => {
    const recorded = recordingHost({ env, answer: () => ({ stdout: "{}" }) });
    const engine = await chooseEngine(recorded.host, { remote: "big" });
    assertEquals([engine.cli, engine.server.remote], ["incus", "big"]);
    assertEquals(recorded.calls, [["incus", "query", "big:/1.0?project=work"]]);
    assertEquals((await chooseEngine(recorded.host)).cli, "lxc");
  });
});

const big: Server = { remote: "big", project: "work", isLocal: false };

function engineOn(server: Server, answer: Answer = {}): { host: Host; engine: Engine; calls: string[][] } {
  const { host, calls } = recordingHost({ answer: () => answer });
  return { host, engine: { ...engineCalled("incus"), server }, calls };
}

Deno.test("each call of the CLI names the remote and the project", async () => {
  const { host, engine, calls } = engineOn(big, { stdout: "{}" });
  await findInstance(host, { engine, name: "box" }).catch(() => {});
  await launch(host, { engine, name: "box" }, {
    image: "mine",
    profiles: ["default", "box"],
    config: {},
    target: "@gpu",
  });
  await launch(host, { engine, name: "box" }, { image: "images:debian/13", profiles: [], config: {} });
  await updateInstance(host, { engine, name: "box" }, { devices: {} });
  await publish(host, { engine, name: "box" }, {});
  await pushFile(host, { engine, name: "box" }, { path: "/etc/x", mode: "0644" });
  await removeFiles(host, { engine, name: "box" }, { paths: ["/etc/x"] });
  assertEquals(calls.map((call) => call.join(" ")), [
    "incus query big:/1.0/instances/box?project=work",
    "incus --project work launch big:mine big:box --profile default --profile box --target @gpu",
    "incus --project work launch images:debian/13 big:box",
    'incus query --request PATCH --wait --data {"devices":{}} big:/1.0/instances/box?project=work',
    "incus --project work stop big:box",
    "incus --project work publish big:box big: --compression none",
    "incus --project work file push --uid 0 --gid 0 --mode 0644 --create-dirs - big:box/etc/x",
    "incus query --request DELETE big:/1.0/instances/box/files?path=%2Fetc%2Fx&project=work",
  ]);
  assertEquals(withRemote(engineCalled("incus").server, "box"), "box");
  assertEquals(apiPath(engineCalled("incus"), "/1.0?a=b"), "/1.0?a=b");
  assertEquals(engineArgv(engineCalled("incus"), ["list"]), ["incus", "list"]);
});

Deno.test("removeFiles() goes on where a file is not there, as each engine says that, and at nothing else", async () => {
  const remove = async (stderr: string): Promise<void> => {
    const { host, engine } = engineOn(ownServer, { code: 1, stderr });
    await removeFiles(host, { engine, name: "box" }, { paths: ["/etc/x"] });
  };
  for (const stderr of ["Error: Not Found\n", "Error: remove /etc/x: file does not exist\n"]) await remove(stderr);
  for (const stderr of ["Error: remove /etc/x: permission denied\n", "Error: file does not exist\n"]) {
    await assertRejects(() => remove(stderr), ProcessError);
  }
});

Deno.test("isHere() asks the engine where an instance is", async () => {
  const member = { stdout: JSON.stringify({ environment: { server_name: "m1" } }) };
  const here = ({ host, engine }: ReturnType<typeof engineOn>, location: string): Promise<boolean> =>
    isHere(host, { engine, location });
  assertEquals(await here(engineOn(ownServer), "none"), true);
  assertEquals(await here(engineOn(ownServer, member), "m1"), true);
  assertEquals(await here(engineOn(ownServer, member), "m2"), false);
  assertEquals(await here(engineOn(big, member), "m1"), false);
  assertEquals(await here(engineOn(big), "none"), false);
});

Deno.test("parseInstancePath() reads [REMOTE:]NAME, and refuses all else", () => {
  assertEquals(parseInstancePath("box"), { remote: undefined, name: "box" });
  assertEquals(parseInstancePath("big:box"), { remote: "big", name: "box" });
  for (const word of ["", ":", ":box", "big:", "big:b/x", "a:b:c", "big:-x"]) {
    assertEquals(assertThrows(() => parseInstancePath(word), UserError).exitCode, 2);
  }
});

Deno.test("containers of other servers and projects have directories of their own", () => {
  const host = { env: (name: string) => ({ GUI_CONTAINER_MOUNTS: "/m" })[name] };
  const directory = (server: Partial<Server>): string =>
    mountsOf(host, { engine: { server: { ...ownServer, ...server } }, name: "box" }).directory;
  assertEquals(directory({}), "/m/box");
  assertEquals(directory({ remote: "local" }), "/m/box");
  assertEquals(directory({ project: "user-1000" }), "/m/box");
  // The name on the host is the same whatever the CLI's default is; the user's word is not.
  assertEquals([withRemote({ remote: "local" }, "box"), withRemote(ownServer, "box")], ["local:box", "box"]);
  assertEquals(directory({ project: "default" }), "/m/box");
  assertEquals(directory({ project: "work" }), "/m/work_box");
  assertEquals(directory({ ...big, project: undefined }), "/m/big:box");
  assertEquals(directory(big), "/m/big:work_box");
  assertEquals(directory({ ...big, project: "user-1000" }), "/m/big:user-1000_box");
});

Deno.test("findAddress() asks no engine where it is on record, or where any does, and for the one that has the remote", async () => {
  await withConfig(configText, async (env) => {
    const { host } = recordingHost({ env, answer: () => new Error("no engine") });
    const own = await findAddress(host, { word: "box", needsEngine: false });
    assertEquals([own.label, own.mounts.directory], ["box", "/m/box"]);
    await assertRejects(() => findAddress(host, { word: "box" }), Error);
    const root = await Deno.makeTempDir();
    const mounts = { ...env, GUI_CONTAINER_MOUNTS: root };
    await Deno.mkdir(join(root, "box"));
    await Deno.writeTextFile(
      join(root, "box/container.json"),
      JSON.stringify({ engine: "incus", server: { remote: "local", project: "default" }, user: "", location: "none" }),
    );
    const { host: silent, calls } = recordingHost({ env: mounts });
    assertEquals([(await findAddress(silent, { word: "box" })).engine.cli, calls], ["incus", []]);
    await Deno.remove(root, { recursive: true });
    const there = await findAddress(recordingHost({ env, answer: () => ({ stdout: "{}" }) }).host, { word: "big:box" });
    assertEquals([there.name, there.label, there.mounts.directory], ["box", "big:box", "/m/big:work_box"]);
    assertEquals(there.engine.cli, "incus");
  });
});

Deno.test("scriptLine() names the project and the engine, where a run without them would mean others", async () => {
  const line = async (
    option: EngineCli | undefined,
    server: Partial<Server>,
    env: Record<string, string> = {},
  ): Promise<string> => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_ENGINE: "incus", ...env } });
    const engine = await chooseEngine(host, { engine: option });
    return scriptLine({ ...engine, server: { ...ownServer, ...server } }, ["create.ts", "--delete", "box"]);
  };
  assertEquals(await line(undefined, {}), "create.ts --delete box");
  assertEquals(await line(undefined, { project: "work" }), "create.ts --project=work --delete box");
  assertEquals(
    await line("incus", big, { GUI_CONTAINER_ENGINE: "" }),
    "create.ts --engine=incus --project=work --delete box",
  );
  assertEquals(await line("incus", {}, { GUI_CONTAINER_ENGINE: "incus" }), "create.ts --delete box");
  assertEquals(await line("lxc", {}, { GUI_CONTAINER_ENGINE: "incus" }), "create.ts --engine=lxc --delete box");
});

Deno.test("a remote that does not answer, or whose certificate is another one, is told with what to do; exit code 125", async () => {
  const url = 'Error: Get "https://192.0.2.7:8443/1.0": ';
  for (
    const [stderr, message, hint] of [
      [`${url}dial tcp 192.0.2.7:8443: connect: connection refused`, "does not answer", "its machine runs"],
      [`${url}dial tcp 192.0.2.7:8443: i/o timeout`, "does not answer", "its machine runs"],
      [
        `${url}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
        "is not the one",
        "remote remove big",
      ],
      ["Error: not authorized", "does not trust", "trust add"],
    ] as const
  ) {
    const { host, engine } = engineOn(big, { code: 1, stderr });
    const error = await assertRejects(() => findInstance(host, { engine, name: "box" }), UserError, message);
    assertEquals([error.exitCode, error.hint.includes(hint)], [125, true]);
    // What a container says in such words is its own.
    const own = engineOn(ownServer, { code: 1, stderr });
    await assertRejects(() => findInstance(own.host, { engine: own.engine, name: "box" }), ProcessError);
  }
});

/** What the list of a cluster has of a container whose member is lost. */
const lostBox = { name: "box", status: "Error", location: "m2", config: null, expanded_devices: null };

Deno.test("findInstance() names the member of the cluster that does not answer", async () => {
  for (const words of ["Server isn't ready yet", "Missing event connection with target cluster member"]) {
    const { host } = recordingHost({
      answer: ([, , path]) =>
        path!.includes("/1.0/instances?")
          ? { stdout: JSON.stringify([lostBox]) }
          : { code: 1, stderr: `Error: ${words}\n` },
    });
    const engine = { ...engineCalled("incus"), server: big };
    const error = await assertRejects(() => findInstance(host, { engine, name: "box" }), UserError, 'The member "m2"');
    assertEquals([error.exitCode, error.hint.includes("cluster list big:")], [125, true]);
    assertEquals(
      (await assertRejects(() => findInstance(host, { engine, name: "bag" }), UserError, "is not ready")).exitCode,
      125,
    );
  }
});

Deno.test("findInstance() does not wait for a lost member, and waits for one that is slow", async () => {
  for (const list of [[lostBox], [{ ...lostBox, status: "Running" }]]) {
    const isLost = list[0] === lostBox;
    let ended = false;
    const { host } = recordingHost({ answer: () => ({ stdout: JSON.stringify(list) }) });
    const slow: Host = {
      ...host,
      async run(argv, options) {
        if (argv.at(-1)!.includes("/1.0/instances?")) return await host.run(argv, options);
        await delay(isLost ? 60_000 : 3_000, { signal: options!.signal! }).catch((error) => {
          ended = true;
          throw error;
        });
        return { argv, code: 0, signal: null, stdout: JSON.stringify(list[0]), stderr: "" };
      },
    };
    const found = findInstance(slow, { engine: { ...engineCalled("incus"), server: big }, name: "box" });
    if (isLost) assertEquals((await assertRejects(() => found, UserError, 'The member "m2"')).exitCode, 125);
    else assertEquals((await found)?.location, "m2");
    await delay(0);
    assertEquals(ended, isLost, "nothing asks on that nobody waits for");
  }
});

Deno.test("findInstance() looks for no lost member of a server that has said that it is in no cluster", async () => {
  const { host, calls } = recordingHost({
    answer: () => ({ stdout: JSON.stringify({ ...lostBox, location: "none" }) }),
  });
  let isSlow = false;
  const busy: Host = {
    ...host,
    async run(argv, options) {
      if (isSlow && argv.at(-1)!.endsWith("/box")) await delay(2_000);
      return await host.run(argv, options);
    },
  };
  const box = { engine: engineCalled("incus"), name: "box" };
  for (isSlow of [false, true]) assertEquals((await findInstance(busy, box))?.location, "none");
  assertEquals(calls.length, 2);
});
