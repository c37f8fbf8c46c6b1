import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { MissingProgram, NoEngine, ProcessError, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { apiPath, chooseEngine, engineArgv, engineCalled } from "../../../lib/engine/engine.ts";
import { findNeighbourhood } from "../../../lib/container/managed.ts";
import { publish } from "../../../lib/engine/image.ts";
import { findInstance, isHere, listInstances, updateInstance } from "../../../lib/engine/instance.ts";
import { parseInstancePath } from "../../../lib/engine/instance_name.ts";
import { launch } from "../../../lib/engine/lifecycle.ts";
import { deleteFile, pushFile } from "../../../lib/engine/instance_files.ts";
import { findServer, isSameServer, kindOfLxc, ownServer, withRemote } from "../../../lib/engine/server.ts";
import { big, configText, engineOn, server, withConfig } from "../engine_hosts.ts";
import { settle, startTime } from "../../model/time.ts";
import { recordingHost } from "../recording_host.ts";
import { join } from "@std/path";
import { diagnose } from "../../../lib/cli/doctor.ts";
import type { Finding } from "../../../lib/cli/finding.ts";
import { mapDiagnosis } from "../../../lib/cli/doctor_checks.ts";

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
    const found = await findServer({ env: (name) => ({ ...lxd })[name] }, { cli: "lxc" });
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

Deno.test("a remote that no engine has is looked for in all of them, and none is asked for an instance there", async () => {
  await withConfig(configText, async (env) => {
    const recorded = recordingHost({ env, answer: () => ({ stdout: "{}" }) });
    await assertRejects(() => chooseEngine(recorded.host, { remote: "none" }), UserError, 'no remote "none"');
    assertEquals(recorded.calls, []);
  });
});

Deno.test("a remote has twenty seconds to answer a question, this machine's engine as long as it takes", async () => {
  for (const [server, expected] of [[big, 20_000], [ownServer, undefined]] as const) {
    const { host, options } = recordingHost({ answer: () => ({ stdout: '{"name":"box","status":"Running"}' }) });
    await findInstance(host, { engine: { ...engineCalled("incus"), server }, name: "box" });
    assertEquals(options.map(({ timeoutMs }) => timeoutMs), [expected]);
  }
});

Deno.test("isSameServer() tells remotes, and projects of one remote", () => {
  const server = { remote: "big", project: "work" };
  const others = [server, { ...server, project: "default" }, { ...server, remote: "local" }];
  assertEquals(others.map((other) => isSameServer(server, { ...other })), [true, false, false]);
});

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
  await pushFile(host, { engine, name: "box" }, { path: "/etc/x", mode: "0644", stdin: "null" });
  await deleteFile(host, { engine, name: "box" }, { path: "/etc/x" });
  assertEquals(calls.map((call) => call.join(" ")), [
    "incus query big:/1.0/instances/box?project=work",
    "incus --project work launch big:mine big:box --profile default --profile box --target @gpu",
    "incus --project work launch images:debian/13 big:box",
    'incus query --request PATCH --wait --data {"devices":{},"description":""} big:/1.0/instances/box?project=work',
    "incus --project work publish big:box big: --compression none",
    "incus --project work file push --uid 0 --gid 0 --mode 0644 --create-dirs - big:box/etc/x",
    "incus query --request DELETE big:/1.0/instances/box/files?path=%2Fetc%2Fx&project=work",
  ]);
  assertEquals(withRemote(engineCalled("incus").server, "box"), "box");
  assertEquals(apiPath(engineCalled("incus"), "/1.0?a=b"), "/1.0?a=b");
  assertEquals(engineArgv(engineCalled("incus"), ["list"]), ["incus", "list"]);
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

Deno.test("a remote that does not answer, or whose certificate is another one, is told with what to do; exit code 125", async () => {
  const url = 'Error: Get "https://192.0.2.7:8443/1.0": ';
  for (
    const [stderr, message, hint] of [
      [`${url}dial tcp 192.0.2.7:8443: connect: connection refused`, "does not answer", "its machine runs"],
      [`${url}dial tcp 192.0.2.7:8443: i/o timeout`, "does not answer", "its machine runs"],
      [
        `${url}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
        "certificate",
        "remote remove big",
      ],
      ["Error: not authorized", "trust", "trust add"],
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

Deno.test("a question is asked again where the CLI connects late, by a name that is not in the certificate", async () => {
  const stderr = "Error: x509: certificate is valid for 127.0.0.1, ::1, not 192.0.2.7";
  const asked = async (failures: number): Promise<[number, unknown]> => {
    const { host, calls } = recordingHost({
      answer: () => calls.length <= failures ? { code: 1, stderr } : { stdout: '{"name":"box","status":"Running"}' },
    });
    const found = findInstance(host, { engine: { ...engineCalled("incus"), server: big }, name: "box" });
    const status = await found.then((instance) => instance?.status, (error) => error.message);
    return [calls.length, status];
  };
  assertEquals(await asked(1), [2, "Running"]);
  assertEquals(await asked(2), [2, 'The certificate of the remote "big" is not the one that was trusted']);
});

/** What the list of a cluster has of a container whose member is lost. */
const lostBox = { name: "box", status: "Error", location: "m2", config: null, expanded_devices: null };

Deno.test("findInstance() names the member of the cluster that does not answer", async () => {
  const url = 'Get "https://192.0.2.9:8443/1.0/instances/box": ';
  for (
    const [words, ofOthers] of [
      ["Server isn't ready yet", "is not ready"],
      ["Missing event connection with target cluster member", "is not ready"],
      // Incus 6.0.4, of a member that was killed a moment ago.
      [
        `${url}Unable to connect to: 192.0.2.9:8443 ([dial tcp 192.0.2.9:8443: connect: connection refused])`,
        'The remote "big" does not answer',
      ],
    ] as const
  ) {
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
      (await assertRejects(() => findInstance(host, { engine, name: "bag" }), UserError, ofOthers)).exitCode,
      125,
    );
  }
});

Deno.test("findInstance() does not wait for a lost member, and waits for one that is slow", async () => {
  using time = startTime();
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
    const found = time.until(findInstance(slow, { engine: { ...engineCalled("incus"), server: big }, name: "box" }));
    if (isLost) assertEquals((await assertRejects(() => found, UserError, 'The member "m2"')).exitCode, 125);
    else assertEquals((await found)?.location, "m2");
    await settle();
    assertEquals(ended, isLost, "nothing asks on that nobody waits for");
  }
});

Deno.test("findInstance() looks for no lost member of a server that has said that it is in no cluster", async () => {
  using time = startTime();
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
  for (isSlow of [false, true]) assertEquals((await time.until(findInstance(busy, box)))?.location, "none");
  assertEquals(calls.length, 2);
});

/** Runs a test in a directory with these files, whose directories are made. */
async function withFiles(files: Record<string, string>, test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** `$PATH` as a login has it, within a directory. */
const pathIn = (root: string): string => ["usr/sbin", "usr/bin", "snap/bin"].map((path) => join(root, path)).join(":");

Deno.test("lxc is a program, the snap's wrapper, or what installs the snap when it is called", async () => {
  for (
    const [paths, kind] of [
      [[], "other"],
      [["usr/bin/lxc"], "other"],
      [["snap/bin/lxc"], "snap"],
      [["usr/bin/lxc", "snap/bin/lxc"], "other"],
      [["usr/sbin/lxc"], "installer"],
      [["usr/sbin/lxc", "snap/bin/lxc"], "snap"],
    ] as const
  ) {
    await withFiles(Object.fromEntries(paths.map((path) => [path, ""])), async (root) => {
      assertEquals(await kindOfLxc({ env: () => pathIn(root) }), kind, paths.join(" "));
    });
  }
  await withFiles({ "usr/bin/lxc": "" }, async (root) => {
    await Deno.symlink("bin", join(root, "usr/sbin"));
    assertEquals(await kindOfLxc({ env: () => pathIn(root) }), "other");
  });
});

Deno.test("no engine is installed by looking for one", async () => {
  await withFiles({ "usr/sbin/lxc": "" }, async (root) => {
    const { host, calls } = recordingHost({
      env: { PATH: pathIn(root) },
      answer: ([cli, , path = ""]) =>
        cli === "lxc"
          ? {}
          : path.endsWith("/box")
          ? { code: 1, stderr: "Not Found" }
          : { stdout: '{"environment":{}}' },
    });
    const engine = await chooseEngine(host);
    assertEquals(engine.cli, "incus");
    await assertRejects(() => findNeighbourhood(host, { engine, name: "box" }), UserError, '"box"');
    const lxc = chooseEngine(host, { engine: "lxc" });
    await assertRejects(async () => await listInstances(host, await lxc), NoEngine, '"lxc"');
    let findings: Finding[] = [];
    const result = (_text: string, json: unknown): void => void ({ findings } = json as { findings: Finding[] });
    await diagnose({ ...host, ui: { ...host.ui, result } }, { ...mapDiagnosis, wanted: undefined });
    assertEquals(findings.filter(({ what }) => /LXD|lxc/.test(what)), []);
    assertEquals(calls.filter(([cli]) => cli === "lxc"), []);
  });
});

Deno.test("LXD's snap has its own configuration, whatever $LXD_CONF says", async () => {
  const config = (project: string): string =>
    `default-remote: local\nremotes:\n  local:\n    addr: unix://\n    project: ${project}\n`;
  const files = { "home/snap/lxd/common/config/config.yml": config("snap"), "conf/config.yml": config("own") };
  for (const [path, project] of [["snap/bin/lxc", "snap"], ["usr/bin/lxc", "own"]] as const) {
    await withFiles({ ...files, [path]: "" }, async (root) => {
      const variables: Record<string, string> = {
        HOME: join(root, "home"),
        LXD_CONF: join(root, "conf"),
        PATH: pathIn(root),
      };
      const server = await findServer({ env: (name) => variables[name] }, { cli: "lxc" });
      assertEquals(server.project, project);
    });
  }
});

Deno.test("a snap without a systemd user session says how to get one", async () => {
  const stderr = "The user me cannot run snap applications on this system.\n" +
    'internal error, please report: running "lxd.lxc" failed: cannot track application process\n';
  const { host } = recordingHost({
    answer: ([cli]) => cli === "lxc" ? { code: 1, stderr } : new MissingProgram("", { hint: "" }),
  });
  const error = await assertRejects(() => chooseEngine(host), UserError, "systemd user session");
  assertStringIncludes(error.hint, "loginctl enable-linger");
  assertEquals(error.exitCode, 125);
});
