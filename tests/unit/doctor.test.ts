import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { checkContainers, checkEngine, checkProgram, checkPrograms, sharedIdMaps } from "../../lib/cli/checks.ts";
import { diagnose, type Finding, type HostCheck } from "../../lib/cli/doctor.ts";
import { chooseEngine, engineCalled } from "../../lib/engine/engine.ts";
import { knownHole } from "../../lib/engine/known_holes.ts";
import { ExitCode, ProcessError, UserError } from "../../lib/base/errors.ts";
import { claimFile } from "../../lib/base/record.ts";
import { creationRecordPath } from "../../lib/container/paths.ts";
import { type Answer, recordingHost } from "./recording_host.ts";
import { checkAcls, checkFirewalls, checkRootIds } from "../../lib/create/checks.ts";
import { checkAttachable, checkBox, checkDisplay, checkWindows, checkXpra } from "../../lib/attach/checks.ts";

/** The error for a program that is not installed. */
const missing = new UserError("It is not installed", { hint: "Install it", exitCode: ExitCode.missingProgram });

const goodDevices = { root: { type: "disk", path: "/" }, eth0: { type: "nic" } };

/** A host with LXD, which knows these instances, and without Incus. */
function lxdHost(
  { devices = goodDevices, warnings = [], instances = [], inside = () => ({}), project = "default", version = "6.10" }:
    {
      devices?: unknown;
      warnings?: unknown[];
      instances?: unknown[];
      inside?: (argv: readonly string[]) => Answer;
      project?: string;
      version?: string;
    } = {},
): ReturnType<typeof recordingHost> {
  const answers: Record<string, unknown> = {
    "/1.0": { environment: { server_version: version, project } },
    "/1.0/warnings?recursion=1": warnings,
    "/1.0/profiles/default": { config: {}, devices, used_by: [] },
    "/1.0/instances?recursion=1": instances,
  };
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" },
    answer(argv) {
      if (argv[0] !== "lxc") return missing;
      if (argv[1] === "exec") return inside(argv);
      return { stdout: JSON.stringify(answers[argv[2]!]) };
    },
  });
}

/** An instance that create has made. */
function ours(name: string, firstHostId: number | null, status = "Running"): unknown {
  const map = firstHostId === null ? [] : [{ Isuid: true, Isgid: true, Hostid: firstHostId, Nsid: 0, Maprange: 65536 }];
  return {
    name,
    status,
    config: { "user.gui-container": "1", "volatile.idmap.next": JSON.stringify(map) },
    devices: {},
    expanded_devices: {},
  };
}

async function findings(
  check: HostCheck,
  { host }: { host: ReturnType<typeof recordingHost>["host"] },
): Promise<Finding[]> {
  return await check(host, await chooseEngine(host).catch(() => undefined));
}

Deno.test("diagnose() prints each finding with what mends it, and ends with 1 only when something is broken", async () => {
  const risky: HostCheck = () => Promise.resolve([{ verdict: "risk", what: "A risk", hint: "one\ntwo" }]);
  const fine: HostCheck = () => Promise.resolve([{ verdict: "ok", what: "Fine" }]);
  const broken: HostCheck = () => Promise.resolve([{ verdict: "broken", what: "Broken" }]);
  const { host, said } = lxdHost();
  assertEquals(await diagnose(host, { wanted: undefined, checks: [risky, fine] }), 0);
  assertEquals(said, ["result: risk    A risk\n          one\n          two\nok      Fine"]);
  assertEquals(await diagnose(host, { wanted: undefined, checks: [fine, broken] }), 1);
});

Deno.test("diagnose() tells a check that fails as something broken", async () => {
  const failing: HostCheck = (host) => host.run(["slow"]).then(() => []);
  const { host, said } = recordingHost({ answer: () => ({ code: 7, stderr: "why" }) });
  assertEquals(await diagnose(host, { wanted: "lxc", checks: [failing] }), 1);
  assertEquals(said, ['result: broken  "slow" failed with exit status 7: why']);
});

Deno.test("diagnose() goes on without an engine, and refuses the name of none", async () => {
  const { host } = recordingHost({ answer: () => missing });
  let seen: unknown = "nothing";
  const check: HostCheck = (_, engine) => {
    seen = engine;
    return Promise.resolve([]);
  };
  assertEquals(await diagnose(host, { wanted: undefined, checks: [check] }), 0);
  assertEquals(seen, undefined);
  await assertRejects(() => diagnose(host, { wanted: "docker", checks: [] }), UserError, 'There is no engine "docker"');
});

Deno.test("checkEngine() tells which engine answers, and calls one broken only when none does", async () => {
  const found = await findings(checkEngine, lxdHost());
  assertEquals(found.slice(0, 2).map(({ verdict, what }) => [verdict, what]), [
    ["ok", "LXD 6.10 answers"],
    ["absent", 'The engine\'s program "incus" is not installed'],
  ]);
  assertStringIncludes(found[2]!.what, "can be root on this host");
  assert(!found.some(({ verdict }) => verdict === "broken"));

  const none = await findings(checkEngine, recordingHost({ answer: () => missing }));
  assertEquals(none.map(({ verdict }) => verdict), ["broken", "absent"]);

  // The one that is installed is at fault, not the one that is not.
  const stopped = recordingHost({
    answer: ([cli]) => cli === "lxc" ? missing : { code: 1, stderr: "Error: Get http://unix.socket/1.0: refused" },
  });
  const found2 = await findings(checkEngine, stopped);
  assertEquals(found2.map(({ verdict }) => verdict), ["absent", "broken"]);
  assertStringIncludes(found2[1]!.hint!, "incus admin init");
});

Deno.test("knownHole() knows each line of versions that was repaired, and takes all others for vulnerable", () => {
  for (
    const [cli, vulnerable, repaired] of [
      [
        "lxc",
        ["4.0.10", "5.0.2", "5.0.8", "5.1", "5.21", "5.21.6", "6.1", "6.9"],
        ["5.0.9", "5.0.10", "5.21.7", "5.21.10", "6.10", "6.10.1", "6.11", "7.0"],
      ],
      ["incus", ["0.1", "6.0.4", "6.0.9", "6.23", "7.0.0", "7.0", "7.1"], ["7.0.1", "7.0.12", "7.2", "7.10", "8.0.0"]],
    ] as const
  ) {
    for (const version of vulnerable) assert(knownHole(cli, version), `${cli} ${version}`);
    for (const version of repaired) assertEquals(knownHole(cli, version), undefined, `${cli} ${version}`);
  }
});

Deno.test("checkEngine() names an engine with a known vulnerability, and how to tell whether Debian has repaired it", async () => {
  const found = await findings(checkEngine, lxdHost({ version: "5.0.2" }));
  assertEquals(found.find(({ what }) => what.includes("CVE")), {
    verdict: "risk",
    what: "LXD 5.0.2 lets an image overwrite any file of the host (CVE-2026-66897), " +
      "unless your distribution has repaired that version",
    hint: "Use 5.0.9, 5.21.7, 6.10, or later. Debian has repaired yours if this prints a line: " +
      "zgrep CVE-2026-66897 /usr/share/doc/lxd/changelog.Debian.gz",
  });
});

Deno.test("checkEngine() tells a kernel without AppArmor, a restricted project, and a default profile that lacks devices", async () => {
  const appArmor = { type: "AppArmor support has been disabled", last_message: "lack of kernel support" };
  const risk = (await findings(checkEngine, lxdHost({ warnings: [appArmor] }))).find(({ what }) =>
    /AppArmor/.test(what)
  );
  assertEquals(risk?.verdict, "risk");
  assertStringIncludes(risk!.what, "lack of kernel support");
  const restricted = await findings(checkEngine, lxdHost({ project: "user-1000" }));
  assert(!restricted.some(({ verdict }) => verdict === "risk"));
  const bare = await findings(checkEngine, lxdHost({ devices: {} }));
  assertEquals(bare.filter(({ verdict }) => verdict === "broken").map(({ hint }) => hint?.split("\n")[0]), [
    "sudo lxd init --auto",
    "lxc network create lxdbr0",
  ]);
});

Deno.test("checkProgram() tells the version, and by its need what the lack of a program means", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 255, stderr: "OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1\n" }) });
  assertEquals(await checkProgram("ssh")(host, undefined), [
    { verdict: "ok", what: "ssh 10.0p2: starts the sessions in a container" },
  ]);
  const without = recordingHost({ answer: () => missing }).host;
  const [needed] = await checkProgram("setfacl")(without, undefined);
  assertEquals([needed!.verdict, needed!.hint], ["broken", "sudo apt install acl"]);
  const [optional] = await checkProgram("cloud-init")(without, undefined);
  assertEquals([optional!.verdict, optional!.hint], ["absent", undefined]);
});

Deno.test("checkPrograms() looks for the program of the clipboard that the display needs", async () => {
  for (const [display, used] of [["wayland-1", "wl-copy"], [undefined, "xclip"]] as const) {
    const { host } = recordingHost({ env: display === undefined ? {} : { WAYLAND_DISPLAY: display } });
    const findings = await Promise.all(checkPrograms("attach").map((check) => check(host, undefined)));
    const names = findings.flat().map(({ what }) => what.split(":")[0]!);
    assertEquals(names.filter((name) => /^(wl-|xcl)/.test(name)), [used]);
  }
});

Deno.test("checkXpra() tells one that is missing, broken, too old, or with known vulnerabilities", async () => {
  const cases: [answer: Answer, verdict: string, what: RegExp][] = [
    [{ stdout: "xpra v6.5.5-r0\n" }, "ok", /^xpra 6\.5\.5 on this host$/],
    [{ stdout: "xpra v6.5.2-r0\n" }, "risk", /6\.5\.2, has a known vulnerability/],
    [{ stdout: "xpra v5.1.5\n" }, "risk", /5\.1\.5, has a known vulnerability/],
    [{ stdout: "xpra v5.1.6\n" }, "ok", /5\.1\.6/],
    [{ stdout: "xpra v3.1.5\n" }, "broken", /too old/],
    [{ stdout: "what?" }, "broken", /does not tell its version/],
    [{ code: 1, stderr: "Traceback" }, "broken", /does not work/],
    [missing, "broken", /There is no xpra/],
  ];
  for (const [answer, verdict, what] of cases) {
    const [finding] = await checkXpra(recordingHost({ answer: () => answer }).host);
    assertEquals(finding!.verdict, verdict, finding!.what);
    assert(what.test(finding!.what), finding!.what);
    assertEquals(finding!.hint !== undefined, verdict !== "ok");
  }
  // On a Wayland desktop, windows are shown without it.
  const env = { WAYLAND_DISPLAY: "wayland-1" };
  for (const [waypipe, verdict] of [[{}, "absent"], [missing, "broken"]] as const) {
    const { host } = recordingHost({ env, answer: ([program]) => program === "waypipe" ? waypipe : missing });
    assertEquals((await checkXpra(host))[0]!.verdict, verdict);
  }
});

Deno.test("checkDisplay() needs a display, and tells what a Wayland one can do", async () => {
  const verdicts = async (env: Record<string, string>, answers: Record<string, Answer> = {}): Promise<string[]> => {
    const { host } = recordingHost({ env, answer: ([program]) => answers[program!] ?? missing });
    return (await checkDisplay(host)).map(({ verdict }) => verdict);
  };
  assertEquals(await verdicts({ DISPLAY: ":7" }), ["ok"]);
  assertEquals(await verdicts({}), ["broken"]);
  const both = { DISPLAY: ":7", WAYLAND_DISPLAY: "wayland-1" };
  assertEquals(await verdicts(both), ["absent", "ok"]);
  assertEquals(await verdicts(both, { "waypipe": {} }), ["ok", "ok"]);
  assertEquals(await verdicts({ WAYLAND_DISPLAY: "w" }, { "waypipe": {} }), ["ok", "absent"]);
  for (const [version, isOld] of [["0.8.4", true], ["0.9.2", false], ["0.11.2", false]] as const) {
    const { host } = recordingHost({ env: both, answer: () => ({ stdout: `waypipe ${version}\nfeatures:` }) });
    assertEquals((await checkDisplay(host))[0]!.what.includes("makes no security context"), isOld, version);
  }
});

Deno.test("checkBox() runs bubblewrap as attach.ts does, and says what forbids it", async () => {
  for (
    const [answer, env, verdict, hint] of [
      [{}, {}, "ok", undefined],
      [missing, {}, "absent", /Install it/],
      [missing, { WAYLAND_DISPLAY: "wayland-1" }, "broken", /Install it/],
      [{ code: 1, stderr: "bwrap: setting up uid map: Permission denied" }, {}, "broken", /bwrap-userns-restrict/],
      [{ code: 1, stderr: "bwrap: loopback: Failed RTM_NEWADDR: Denied" }, {}, "broken", /bwrap-userns-restrict/],
      [
        { code: 1, stderr: "bwrap: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)" },
        ...[{}, "broken", /sysctl user\.max_user_namespaces/] as const,
      ],
      [{ code: 1, stderr: "bwrap: something else" }, {}, "broken", /dmesg.*\nOr --no-box/],
    ] as const
  ) {
    const { host, calls } = recordingHost({
      env,
      answer: (argv) => argv.includes("--version") ? { stdout: "bubblewrap 0.12.0" } : answer,
    });
    const [finding] = await checkBox(host);
    assertEquals(finding!.verdict, verdict);
    if (hint) assert(hint.test(finding!.hint!), finding!.hint);
    assert(calls.at(-1)!.join(" ").startsWith("bwrap --unshare-user --disable-userns --unshare-all"));
  }
});

Deno.test("checkWindows() says how windows will come", async () => {
  const said = async (env: Record<string, string>, lacks: readonly string[]): Promise<[string, string]> => {
    const { host } = recordingHost({
      env,
      answer([program = ""]) {
        if (lacks.includes(program)) return missing;
        return { stdout: program === "xpra" ? "xpra v6.5.5" : program === "bwrap" ? "bubblewrap 0.12.0" : "" };
      },
    });
    const [{ verdict, what, hint }] = await checkWindows(host) as [Finding];
    assertEquals(hint, undefined, "What will happen is the last line");
    return [verdict, what.replace(/;.*|:.*/, "")];
  };
  const [x11, wayland] = [{ DISPLAY: ":7" }, { WAYLAND_DISPLAY: "wayland-1" }];
  assertEquals(await said({ ...x11, ...wayland }, []), ["ok", "Windows come over Wayland"]);
  assertEquals(await said(wayland, ["xpra"]), ["ok", "Windows come over Wayland"]);
  assertEquals(await said({ ...x11, ...wayland }, ["waypipe"]), ["ok", "Windows come over X"]);
  assertEquals(await said(x11, []), ["ok", "Windows come over X"]);
  assertEquals(await said(x11, ["bwrap"]), ["ok", "Windows come over X"]);
  assertEquals(await said(wayland, ["bwrap"]), ["broken", "No window can be shown without a box"]);
  assertEquals(await said(x11, ["xpra"]), ["broken", "No window can be shown"]);
  assertEquals(await said({}, []), ["broken", "No window can be shown"]);
});

Deno.test("checkRootIds() tells a host whose root has no ids for Incus", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/newuidmap`, "");
    const found = async (cli: "incus" | "lxc", PATH = directory): Promise<string[]> => {
      const { host } = recordingHost({ env: { PATH } });
      return (await checkRootIds(host, engineCalled(cli), directory)).map(({ verdict }) => verdict);
    };
    assertEquals(await found("incus"), [], "there are no such files");
    await Deno.writeTextFile(`${directory}/subgid`, "root:1000000:1000000000\n");
    for (
      const [subuid, verdicts] of [
        ["me:100000:65536\n", ["broken"]],
        ["me:100000:65536\nroot:1000000:1000000000\n", []],
        ["0:1000000:65536\n", []],
      ] as const
    ) {
      await Deno.writeTextFile(`${directory}/subuid`, subuid);
      assertEquals(await found("incus"), [...verdicts], subuid);
      assertEquals(await found("lxc"), []);
      assertEquals(await found("incus", "/nonexistent"), [], "Incus does not read them without newuidmap");
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("checkFirewalls() asks for the bridge of the default profile", async () => {
  const devices = { ...goodDevices, eth0: { type: "nic", network: "lxdbr0" } };
  const { host } = recordingHost({
    answer: ([program]) =>
      program === "lxc"
        ? { stdout: JSON.stringify({ config: {}, devices, used_by: [] }) }
        : program === "find"
        ? { stdout: "/sys/class/net/docker0\n" }
        : missing,
  });
  const [found] = await checkFirewalls(host, engineCalled("lxc"));
  assertEquals(found!.verdict, "risk");
  assertStringIncludes(found!.what, "Docker drops what is forwarded from lxdbr0");
});

Deno.test("checkAcls() fails for a place where nothing can be made", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/file`, "");
    const env = { GUI_CONTAINER_MOUNTS: `${directory}/file` };
    await assertRejects(() => checkAcls(recordingHost({ env }).host), UserError, directory);
    const fine = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } });
    assertEquals(await checkAcls(fine.host), [{ verdict: "ok", what: `ACLs can be set in ${directory}` }]);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["file"], "nothing is left");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("checkContainers() tells shared ids, privileged containers, and those without seccomp, of ours only", async () => {
  const marked = ours("other", 1000000) as { config: Record<string, string> };
  const { "user.gui-container": _, ...config } = marked.config;
  const other = { ...marked, config };
  const instances = [ours("a", 1000000), ours("b", 1000000, "Stopped"), ours("c", 2000000), ours("p", null), other];
  const inside = ([, , name]: readonly string[]): Answer => ({ stdout: `Seccomp:\t${name === "a" ? 0 : 2}\n` });
  const found = await findings(checkContainers, lxdHost({ instances, inside }));
  const risks = found.filter(({ verdict }) => verdict === "risk").map(({ what }) => what);
  assertEquals(risks.length, 3);
  assertStringIncludes(risks[0]!, '"p" is privileged');
  assertStringIncludes(risks[1]!, "a, b");
  assertStringIncludes(risks[2]!, "not filtered by seccomp: a");
  assertEquals(found.length, 3);
  const fine = await findings(checkContainers, lxdHost({ instances: instances.slice(2, 3), inside }));
  assertEquals(fine.map(({ verdict }) => verdict), ["ok"]);
  assertEquals(await checkContainers(recordingHost().host, undefined), []);
});

Deno.test("sharedIdMaps() are those that start at the same host id", () => {
  const instance = (name: string, first: number): { name: string; config: Record<string, string> } => ({
    name,
    config: { "volatile.idmap.next": JSON.stringify([{ Isuid: true, Hostid: first, Nsid: 0 }]) },
  });
  assertEquals(sharedIdMaps([instance("a", 1), instance("b", 2), instance("c", 1)]), ["a", "c"]);
  assertEquals(sharedIdMaps([instance("a", 1), { name: "d", config: {} }, { name: "e", config: {} }]), []);
});

Deno.test("checkAttachable() tells host keys that are not pinned, a container that is being made, and what is missing in others", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const names = ["new", "old", "none", "silent", "blind", "stopped", "liar"];
    for (const name of names) {
      await Deno.mkdir(`${directory}/${name}`);
      await Deno.writeTextFile(`${directory}/${name}/known_hosts`, "");
    }
    // A container that prints what LXD prints to a user without permission, and more than a line.
    await Deno.mkdir(`${directory}/half`);
    using _making = await claimFile(creationRecordPath({ directory: `${directory}/half` }));
    const lie = new ProcessError({
      ...{ argv: ["lxc"], code: 1, signal: null, stdout: "" },
      stderr: `permission denied: /var/lib/lxd/unix.socket\nok      all is well\x1b[2J${"!".repeat(1000)}`,
    });
    const lacking: Record<string, string> = { none: "no xpra\n", silent: "no pulseaudio\n", blind: "no Xvfb\n" };
    const inside = ([, , name]: readonly string[]): Answer =>
      name === "liar" ? lie : ({
        code: name === "none" ? 127 : 0,
        stdout: `${lacking[name!] ?? ""}${name === "none" ? "" : `xpra v${name === "old" ? "4.4" : "6.5.5"}\n`}`,
      });
    const instances = [...names, "elsewhere", "half"].map((name, i) =>
      ours(name, i, name === "stopped" ? "Stopped" : "Running")
    );
    const recorded = lxdHost({ instances, inside });
    const host = { ...recorded.host, env: () => directory };
    const found = await checkAttachable(host, engineCalled("lxc"));
    assertEquals(found.map(({ verdict, what }) => [verdict, /"(\w+)"/.exec(what)![1]]), [
      ["ok", "new"],
      ["broken", "old"],
      ["broken", "none"],
      ["ok", "silent"],
      ["absent", "silent"],
      ["ok", "blind"],
      ["broken", "blind"],
      ["broken", "lxc"],
      ["broken", "elsewhere"],
      ["ok", "half"],
    ]);
    assertEquals(found[9]!.what, 'The container "half" is being made');
    assertStringIncludes(found[7]!.what, `in the container "liar": `);
    const { what } = found[7]!;
    assert(!what.includes("\n") && !what.includes("\x1b") && what.length < 500, what);
    assertEquals(found[4]!.hint, "lxc exec silent -- apt-get install pulseaudio");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
