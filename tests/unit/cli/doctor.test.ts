import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { attachDiagnosis } from "../../../lib/attach/display_checks.ts";
import { type Check, diagnose, type Diagnosis } from "../../../lib/cli/doctor.ts";
import type { Finding } from "../../../lib/cli/finding.ts";
import { createDiagnosis, findRootIds, mapDiagnosis, sharedIdMaps } from "../../../lib/cli/doctor_checks.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { deniesNewSystemd, knownHole } from "../../../lib/engine/known_holes.ts";
import { ExitCode, ProcessError, UserError } from "../../../lib/base/errors.ts";
import { claimFile } from "../../../lib/base/lock.ts";
import { creationRecordPath } from "../../../lib/container/paths.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** The error for a program that is not installed. */
const missing = new UserError("It is not installed", { hint: "Install it", exitCode: ExitCode.missingProgram });

const goodDevices = { root: { type: "disk", path: "/" }, eth0: { type: "nic" } };

/** What a host has, by default LXD 6.10 and nothing else. */
interface World {
  devices?: unknown;
  warnings?: unknown[];
  instances?: { name: string }[];
  network?: unknown;
  /** Answers what runs in a container, by the engine or by SSH. */
  inside?: (argv: readonly string[]) => Answer;
  project?: string;
  version?: string;
  /** Answers the programs that are installed. */
  programs?: Record<string, Answer>;
  env?: Record<string, string>;
}

/** A host with LXD, which knows these instances, and without Incus. */
function lxdHost(
  {
    devices = goodDevices,
    warnings = [],
    instances = [],
    network,
    inside = () => ({}),
    project = "default",
    version = "6.10",
    programs = {},
    env = {},
  }: World = {},
): ReturnType<typeof recordingHost> {
  const answers: Record<string, unknown> = {
    "/1.0": { environment: { server_version: version, project } },
    "/1.0/warnings?recursion=1": warnings,
    "/1.0/profiles/default": { config: {}, devices, used_by: [] },
    "/1.0/instances?recursion=1": instances,
    "/1.0/networks/lxdbr0": network,
    ...Object.fromEntries(instances.map((instance) => [`/1.0/instances/${instance.name}?recursion=1`, instance])),
  };
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts", XDG_STATE_HOME: "/no-such-state", ...env },
    answer(argv) {
      const [program = "", verb] = argv;
      if (program === "lxc") return verb === "exec" ? inside(argv) : { stdout: JSON.stringify(answers[argv[2]!]) };
      return program === "ssh" && argv.length > 2 ? inside(argv) : programs[program] ?? missing;
    },
  });
}

/** What a script's `--doctor` finds, with its exit code; `seen` alone, if it is given, in what it says. */
async function found(
  diagnosis: Diagnosis,
  { host }: Pick<ReturnType<typeof recordingHost>, "host">,
  seen = /^/,
): Promise<Finding[]> {
  let findings: Finding[] = [];
  const result = (_text: string, json: unknown): void => void ({ findings } = json as { findings: Finding[] });
  const code = await diagnose({ ...host, ui: { ...host.ui, result } }, { ...diagnosis, wanted: undefined });
  assertEquals(code, findings.some(({ verdict }) => verdict === "broken") ? 1 : 0);
  return findings.filter(({ what }) => seen.test(what));
}

/** The verdict and the text of each. */
const said = (findings: readonly Finding[]): [verdict: string, what: string][] =>
  findings.map(({ verdict, what }) => [verdict, what]);

/** An instance that create has made. */
function ours(name: string, firstHostId: number | null, status = "Running"): { name: string; [key: string]: unknown } {
  const map = firstHostId === null ? [] : [{ Isuid: true, Isgid: true, Hostid: firstHostId, Nsid: 0, Maprange: 65536 }];
  return {
    name,
    status,
    config: { "user.gui-container": "1", "volatile.idmap.next": JSON.stringify(map) },
    devices: {},
    expanded_devices: {},
  };
}

/** A diagnosis of these checks, with nothing to say at its end. */
const of = (...checks: Check[]): Diagnosis => ({
  script: "map",
  checks,
  outcome: () => ({ verdict: "ok", what: "The end" }),
});

Deno.test("diagnose() prints each finding with what mends it, and ends with 1 only when something is broken", async () => {
  const risky: Check = { find: () => [{ verdict: "risk", what: "A risk", hint: "one\ntwo" }] };
  const fine: Check = { find: () => Promise.resolve([{ verdict: "ok", what: "Fine" }]) };
  const broken: Check = { find: () => [{ verdict: "broken", what: "Broken" }], scripts: ["map"] };
  const { host, said } = lxdHost();
  const others: Check = { ...broken, scripts: ["create", "attach"] };
  assertEquals(await diagnose(host, { wanted: undefined, ...of(risky, fine, others) }), 0);
  assertEquals(said, ["result: risk    A risk\n          one\n          two\nok      Fine\nok      The end"]);
  assertEquals(await diagnose(host, { wanted: undefined, ...of(fine, broken) }), 1);
});

Deno.test("diagnose() tells a check that fails as something broken", async () => {
  const failing: Check = { find: ({ host }) => host.run(["slow"]).then(() => []), about: "box" };
  const { host } = recordingHost({ answer: () => ({ code: 7, stderr: "why" }) });
  assertEquals((await found(of(failing), { host }))[0], {
    ...{ verdict: "broken", what: '"slow" failed with exit status 7: why', hint: undefined, about: "box" },
  });
});

Deno.test("diagnose() goes on without an engine, and refuses the name of none", async () => {
  const { host } = recordingHost({ answer: () => missing });
  let seen: unknown = "nothing";
  const check: Check = {
    find({ engine }) {
      seen = engine;
      return [];
    },
  };
  assertEquals(await diagnose(host, { wanted: undefined, ...of(check) }), 0);
  assertEquals(seen, undefined);
  await assertRejects(() => diagnose(host, { wanted: "docker", ...of() }), UserError, 'There is no engine "docker"');
});

Deno.test("--doctor tells which engine answers, and calls one broken only when none does", async () => {
  const engines = /answers|installed|does not answer/;
  const all = await found(mapDiagnosis, lxdHost({ programs: { getfacl: {}, setfacl: {} } }));
  assertEquals(said(all.slice(1, 3)), [
    ["ok", "LXD 6.10 answers"],
    ["absent", 'The engine\'s program "incus" is not installed'],
  ]);
  assertStringIncludes(all[3]!.what, "can be root on this host");
  assertEquals(said(all.slice(-1)), [["ok", "Files can be lent to containers of LXD"]]);

  const none = await found(mapDiagnosis, recordingHost({ answer: () => missing }), engines);
  assertEquals(none.slice(0, 2).map(({ verdict }) => verdict), ["broken", "absent"]);

  // The one that is installed is at fault, not the one that is not.
  const stopped = recordingHost({
    answer: ([cli]) => cli === "lxc" ? missing : { code: 1, stderr: "Error: Get http://unix.socket/1.0: refused" },
  });
  for (const diagnosis of [createDiagnosis, attachDiagnosis, mapDiagnosis]) {
    const broken = await found(diagnosis, stopped);
    assertEquals(broken.slice(1, 3).map(({ verdict }) => verdict), ["absent", "broken"]);
    assertStringIncludes(broken[2]!.hint!, "incus admin init");
    assertEquals(broken.at(-1)!.verdict, "broken");
  }
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

Deno.test("--doctor names an engine with a known vulnerability, and how to tell whether Debian has fixed it", async () => {
  assertEquals(await found(mapDiagnosis, lxdHost({ version: "5.0.2" }), /CVE/), [{
    verdict: "risk",
    what: "LXD 5.0.2 lets an image overwrite any file of the host (CVE-2026-66897), " +
      "unless your distribution has fixed that version",
    hint: "Use 5.0.9, 5.21.7, 6.10, or later. Debian has fixed yours if this prints a line: " +
      "zgrep CVE-2026-66897 /usr/share/doc/lxd/changelog.Debian.gz",
  }]);
});

const noAppArmor = { type: "AppArmor support has been disabled", last_message: "lack of kernel support" };

Deno.test("--doctor tells a kernel without AppArmor, a restricted project, and a default profile that lacks devices", async () => {
  const [risk] = await found(mapDiagnosis, lxdHost({ warnings: [noAppArmor] }), /AppArmor/);
  assertEquals(risk?.verdict, "risk");
  assertStringIncludes(risk!.what, "lack of kernel support");
  const restricted = await found(mapDiagnosis, lxdHost({ project: "user-1000" }));
  assert(!restricted.some(({ verdict }) => verdict === "risk"));
  const bare = await found(createDiagnosis, lxdHost({ devices: {} }), /^The default profile/);
  assertEquals(bare.map(({ verdict, hint }) => [verdict, hint?.split("\n")[0]]), [
    ["broken", "sudo lxd init --auto"],
    ["broken", "lxc network create lxdbr0"],
  ]);
});

Deno.test("--doctor names an LXD under whose AppArmor a new systemd fails", async () => {
  for (const version of ["5.0.2", "5.0.9", "5.21.4", "6.6"]) assert(deniesNewSystemd("lxc", version), version);
  for (const version of ["5.21.5", "6.7", "6.10", "7.0"]) assert(!deniesNewSystemd("lxc", version), version);
  const of = async (world: World): Promise<number> =>
    (await found(createDiagnosis, lxdHost(world), /systemd 259/)).length;
  assertEquals(await of({ version: "5.21.4" }), 1);
  assertEquals(await of({ version: "5.21.4", warnings: [noAppArmor] }), 0);
  assertEquals(await of({ version: "6.10" }), 0);
});

Deno.test("--doctor tells the version of a program, and by its need what its lack means", async () => {
  const programs = { ssh: { code: 255, stderr: "OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1\n" } };
  const findings = await found(createDiagnosis, lxdHost({ programs }), /^(?:ssh|setfacl|update-desktop-database) /);
  assertEquals(findings.map(({ verdict, what, hint }) => [verdict, what.split(":")[0], hint]), [
    ["ok", "ssh 10.0p2", undefined],
    ["broken", "setfacl is not installed", "sudo apt install acl"],
    ["absent", "update-desktop-database is not installed", "sudo apt install desktop-file-utils"],
  ]);
  for (const [env, used] of [[{ WAYLAND_DISPLAY: "wayland-1" }, "wl-copy"], [{}, "xclip"]] as const) {
    const findings = await found(attachDiagnosis, lxdHost({ env }), /^(?:wl-|xclip)/);
    assertEquals(findings.map(({ what }) => what.split(" ")[0]), [used]);
  }
});

/** The programs of a host on which windows come, both ways. */
const displayPrograms: Record<string, Answer> = {
  xpra: { stdout: "xpra v6.5.5-r0\n" },
  waypipe: { stdout: "waypipe 0.9.2\nfeatures:" },
  bwrap: { stdout: "bubblewrap 0.12.0" },
  ...{ ssh: {}, setfacl: {}, getfacl: {}, xrandr: {} },
};

/** The environment of a desktop with both displays. */
const bothDisplays = { DISPLAY: ":7", WAYLAND_DISPLAY: "/dev/null" };

Deno.test("--doctor tells an xpra that is missing, broken, too old, or with known vulnerabilities", async () => {
  const cases: [answer: Answer, verdict: string, what: RegExp][] = [
    [{ stdout: "xpra v6.5.5-r0\n" }, "ok", /^xpra 6\.5\.5 on this host$/],
    [{ stdout: "xpra v6.5.2-r0\n" }, "risk", /6\.5\.2, has a known vulnerability/],
    [{ stdout: "xpra v5.1.5\n" }, "risk", /5\.1\.5, has a known vulnerability/],
    [{ stdout: "xpra v5.1.6\n" }, "ok", /5\.1\.6/],
    [{ stdout: "xpra v3.1.5\n" }, "broken", /too old/],
    [{ stdout: "what?" }, "broken", /does not report its version/],
    [{ code: 1, stderr: "Traceback" }, "broken", /does not work/],
    [missing, "broken", /There is no xpra/],
  ];
  for (const [xpra, verdict, what] of cases) {
    const [finding] = await found(attachDiagnosis, lxdHost({ programs: { xpra } }), /xpra .*on this host|xpra does/);
    assertEquals(finding!.verdict, verdict, finding!.what);
    assert(what.test(finding!.what), finding!.what);
    assertEquals(finding!.hint !== undefined, verdict !== "ok");
  }
  // On a Wayland desktop, windows are shown without it.
  const [finding] = await found(attachDiagnosis, lxdHost({ env: bothDisplays }), /no xpra/);
  assertEquals(finding!.verdict, "absent");
});

Deno.test("--doctor asks the compositor for a security context, and the X display for its screen", async () => {
  const said = async (env: Record<string, string>, programs: Record<string, Answer> = {}): Promise<string[]> => {
    const host = lxdHost({ env, programs: { ...displayPrograms, ...programs } });
    return (await found(attachDiagnosis, host)).filter(({ about }) => about === "wayland" || about === "x11")
      .map(({ verdict, what }) => `${verdict}: ${what}`);
  };
  const x11 = "ok: Windows are shown on the display :7";
  const wayland = (version: string, second: string): string[] => [
    `ok: waypipe ${version} shows windows on the Wayland display /dev/null, through a guard; ${second}`,
    x11,
  ];
  assertEquals(await said({ DISPLAY: ":7" }), [x11]);
  assertEquals((await said({}))[0]!.slice(0, 36), "broken: There is no display to show ");
  assertEquals(await said({ DISPLAY: ":7" }, { xrandr: { code: 1, stderr: "Can't open display :7\n" } }), [
    "absent: The display :7, which $DISPLAY names, does not answer",
  ]);
  assertEquals(await said(bothDisplays), wayland("0.9.2", "a security context is a second wall"));
  // What each says where there are none: the box prints it.
  const refused = (bwrap: string): Record<string, Answer> => ({ bwrap: { code: 1, stderr: bwrap } });
  const none = "the compositor has no security contexts, a second wall";
  assertEquals(
    await said(bothDisplays, refused("C4: 82.9 [src/secctx.c: 120] Security context is not supported by compositor")),
    wayland("0.9.2", none),
  );
  assertEquals(
    await said(bothDisplays, {
      ...refused("waypipe: unrecognized option '--secctx=gui-container'\n"),
      waypipe: { stdout: "waypipe 0.8.4\n" },
    }),
    wayland("0.8.4", "it is too old to make a security context, a second wall"),
  );
  const failed = "absent: No window can be shown on the Wayland display ";
  assertEquals(await said(bothDisplays, refused("C4: Failed to connect to the Wayland compositor")), [
    `${failed}/dev/null: waypipe cannot start on this host`,
    x11,
  ]);
  assertEquals(
    (await said({ ...bothDisplays, WAYLAND_DISPLAY: "/no/such" }))[0],
    [
      `${failed}/no/such: there is no compositor at "/no/such", which $WAYLAND_DISPLAY names`,
    ][0],
  );
  assertEquals(
    (await said(bothDisplays, { waypipe: missing }))[0],
    "absent: waypipe is not installed: without it, windows are shown over X",
  );
});

Deno.test("--doctor runs bubblewrap as attach.ts does, and says what forbids it", async () => {
  for (
    const [answer, env, verdict, hint] of [
      [{ stdout: "bubblewrap 0.12.0" }, {}, "ok", undefined],
      [missing, {}, "absent", /Install it/],
      [{ code: 1, stderr: "bwrap: setting up uid map: Permission denied" }, {}, "broken", /bwrap-userns-restrict/],
      [{ code: 1, stderr: "bwrap: loopback: Failed RTM_NEWADDR: Denied" }, {}, "broken", /bwrap-userns-restrict/],
      [
        { code: 1, stderr: "bwrap: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)" },
        ...[{}, "broken", /sysctl user\.max_user_namespaces/] as const,
      ],
      [{ code: 1, stderr: "bwrap: something else" }, { DISPLAY: ":7" }, "broken", /dmesg.*\nOr --no-box/],
      [{ code: 1, stderr: "bwrap: something else" }, { WAYLAND_DISPLAY: "/dev/null" }, "broken", /userns$/],
    ] as const
  ) {
    const { host, calls } = lxdHost({
      env,
      programs: { bwrap: answer, sysctl: { stdout: "1\n" }, waypipe: {} },
    });
    const findings = (await found(attachDiagnosis, { host })).filter(({ about }) => about === "box");
    assertEquals(findings.map(({ verdict }) => verdict), [verdict]);
    if (hint) assert(hint.test(findings[0]!.hint!), findings[0]!.hint);
    assertEquals(findings[0]!.what.endsWith("(apparmor_restrict_unprivileged_userns)"), verdict === "broken");
    const box = calls.find(([program, option]) => program === "bwrap" && option !== "--version");
    if (verdict === "ok") {
      assertEquals(box!.slice(1, 6).join(" "), "--unshare-user --disable-userns --seccomp 0 --unshare-all");
    }
  }
});

Deno.test("the last line of attach.ts --doctor says how windows will come", async () => {
  const last = async (env: Record<string, string>, programs: Record<string, Answer> = {}): Promise<string> => {
    const findings = await found(attachDiagnosis, lxdHost({ env, programs: { ...displayPrograms, ...programs } }));
    const { verdict, what, hint } = findings.at(-1)!;
    assertEquals(hint, undefined, "What will happen is the last line");
    return `${verdict}: ${what.replace(/;.*|: see above/, "")}`;
  };
  const [x11, wayland] = [{ DISPLAY: ":7" }, { WAYLAND_DISPLAY: "/dev/null" }];
  const denied = { bwrap: { code: 1, stderr: "bwrap: setting up uid map: Permission denied" } };
  const none = "broken: No window can be shown";
  assertEquals(await last(bothDisplays), "ok: Windows come over Wayland");
  assertEquals(await last(wayland, { xpra: missing }), "ok: Windows come over Wayland");
  assertEquals(await last(bothDisplays, { waypipe: missing }), "ok: Windows come over X");
  assertEquals(await last(bothDisplays, { bwrap: missing }), "ok: Windows come over X");
  assertEquals(await last(x11), "ok: Windows come over X");
  assertEquals(await last(x11, { bwrap: missing }), "ok: Windows come over X");
  assertEquals(await last(wayland, { bwrap: missing }), none);
  assertEquals(await last(bothDisplays, denied), none);
  assertEquals(await last(x11, { xpra: missing }), none);
  assertEquals(await last({ DISPLAY: ":7", WAYLAND_DISPLAY: "/no/such" }), "ok: Windows come over X");
  assertEquals(await last({}), none);
  assertEquals(await last(bothDisplays, { setfacl: missing }), "broken: No app can be run");
});

Deno.test("findRootIds() tells a host whose root has no ids for Incus", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/newuidmap`, "");
    const found = async (cli: "incus" | "lxc", PATH = directory): Promise<string[]> => {
      const { host } = recordingHost({ env: { PATH } });
      const facts = { host, script: "create", wanted: undefined, engine: engineCalled(cli) } as const;
      return (await findRootIds(facts, directory)).map(({ verdict }) => verdict);
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

Deno.test("--doctor names what is in the way of the default profile's bridge, and the last line follows it", async () => {
  const devices = { ...goodDevices, eth0: { type: "nic", network: "lxdbr0" } };
  const directory = await Deno.makeTempDir();
  try {
    for (
      const [ss, docker, verdicts, last] of [
        ["0.0.0.0%lxdbr0:67", false, ["ok"], "Containers can be made in LXD"],
        [
          "0.0.0.0%lxdbr0:67",
          true,
          ["risk"],
          "Containers can be made in LXD; whether they reach the network: see above",
        ],
        ["0.0.0.0%virbr0:67", true, ["broken", "risk"], "No container can be made: see above"],
      ] as const
    ) {
      const programs: Record<string, Answer> = {
        ...{ ss: { stdout: `UNCONN 0 0 ${ss} 0.0.0.0:*\n` }, find: docker ? {} : { code: 1 } },
        ...{ ssh: {}, setfacl: {}, getfacl: {} },
      };
      const network = { managed: true, config: { "ipv4.address": "10.0.0.1/24" } };
      const world = { devices, network, programs, env: { GUI_CONTAINER_MOUNTS: directory } };
      const findings = await found(createDiagnosis, lxdHost(world));
      assertEquals(findings.filter(({ about }) => about === "network").map(({ verdict }) => verdict), [...verdicts]);
      assertEquals(findings.at(-1)!.what, last);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--doctor names SELinux where it is in force", async () => {
  for (const [answer, count] of [["Enforcing\n", 1], ["Permissive\n", 0], ["Disabled\n", 0]] as const) {
    const host = lxdHost({ programs: { getenforce: { stdout: answer } } });
    assertEquals((await found(createDiagnosis, host, /SELinux/)).length, count);
  }
});

Deno.test("--doctor tries to set an ACL where the containers' directories are, and leaves nothing", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/file`, "");
    for (const diagnosis of [createDiagnosis, attachDiagnosis]) {
      const at = (path: string, setfacl: Answer = {}): Promise<Finding[]> =>
        found(
          diagnosis,
          lxdHost({ env: { GUI_CONTAINER_MOUNTS: path }, programs: { setfacl } }),
          new RegExp(directory),
        );
      assertEquals((await at(`${directory}/file`)).map(({ verdict }) => verdict), ["broken"]);
      assertEquals(said(await at(directory)), [["ok", `ACLs can be set in ${directory}`]]);
      assertEquals(said(await at(directory, { code: 1, stderr: "Operation not supported" })), [
        ["broken", `The file system of "${directory}" has no ACLs`],
      ]);
    }
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["file"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--doctor tells shared ids, privileged containers, and those without seccomp, of ours only", async () => {
  const marked = ours("other", 1000000) as { name: string; config: Record<string, string> };
  const { "user.gui-container": _, ...config } = marked.config;
  const other = { ...marked, config };
  const instances = [ours("a", 1000000), ours("b", 1000000, "Stopped"), ours("c", 2000000), ours("p", null), other];
  const inside = ([, , name]: readonly string[]): Answer => ({ stdout: `Seccomp:\t${name === "a" ? 0 : 2}\n` });
  const about = /^The (?:container|system calls)|^(?:These|No two) containers|^seccomp/;
  const all = await found(mapDiagnosis, lxdHost({ instances, inside }), about);
  const risks = all.filter(({ verdict }) => verdict === "risk").map(({ what }) => what);
  assertEquals(risks.length, 3);
  assertStringIncludes(risks[0]!, '"p" is privileged');
  assertStringIncludes(risks[1]!, "a, b");
  assertStringIncludes(risks[2]!, "not filtered by seccomp: a");
  assertEquals(all.length, 3);
  const fine = await found(mapDiagnosis, lxdHost({ instances: instances.slice(2, 3), inside }), about);
  assertEquals(fine.map(({ verdict }) => verdict), ["ok"]);
});

Deno.test("sharedIdMaps() are those that start at the same host id", () => {
  const instance = (name: string, first: number): { name: string; config: Record<string, string> } => ({
    name,
    config: { "volatile.idmap.next": JSON.stringify([{ Isuid: true, Hostid: first, Nsid: 0 }]) },
  });
  assertEquals(sharedIdMaps([instance("a", 1), instance("b", 2), instance("c", 1)]), ["a", "c"]);
  assertEquals(sharedIdMaps([instance("a", 1), { name: "d", config: {} }, { name: "e", config: {} }]), []);
});

Deno.test("attach.ts --doctor logs into each container, and tells those that it cannot, and what is missing in others", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const names = ["new", "old", "none", "silent", "blind", "shut", "stopped", "liar", "asking", "lost"];
    for (const name of names) {
      await Deno.mkdir(`${directory}/${name}`);
      await Deno.writeTextFile(`${directory}/${name}/known_hosts`, "");
    }
    await Deno.mkdir(`${directory}/half`);
    using _making = await claimFile(creationRecordPath({ directory: `${directory}/half` }));
    // A container that prints what LXD prints to a user without permission, and more than a line.
    const lie = new ProcessError({
      ...{ argv: ["ssh"], code: 1, signal: null, stdout: "" },
      stderr: `permission denied: /var/lib/lxd/unix.socket\nok      all is well\x1b[2J${"!".repeat(1000)}`,
    });
    const answers: Record<string, Answer> = {
      old: { stdout: "xpra v4.4\n" },
      none: { stdout: "no xpra\n" },
      silent: { stdout: "no pulseaudio\nxpra v6.5.5\n" },
      blind: { stdout: "no Xvfb\nxpra v6.5.5\n" },
      shut: { stdout: "closed share\nclosed /etc/shadow\nxpra v6.5.5\n" },
      liar: lie,
      asking: { code: 255, stderr: "ubuntu@asking: Permission denied (publickey).\n" },
    };
    const inside = (argv: readonly string[]): Answer =>
      answers[argv.find((word) => word.startsWith("ubuntu@"))?.slice("ubuntu@".length) ?? ""] ??
        { stdout: "xpra v6.5.5\n" };
    const instances = [...names, "elsewhere", "half"].map((name, i) => ({
      ...ours(name, i, name === "stopped" ? "Stopped" : "Running"),
      ...(name === "lost" ? { expanded_devices: { eth0: { type: "nic", network: "lxdbr0" } } } : {}),
    }));
    const world = { instances, inside, env: { GUI_CONTAINER_MOUNTS: directory } };
    const all = (await found(attachDiagnosis, lxdHost(world))).filter(({ what, about }) =>
      about === "container" && !/^No two containers|^seccomp|^The system calls/.test(what)
    );
    assertEquals(all.map(({ verdict, what }) => [verdict, /"(\w+)"/.exec(what)![1]]), [
      ["ok", "new"],
      ["broken", "old"],
      ["broken", "none"],
      ["ok", "silent"],
      ["absent", "silent"],
      ["ok", "blind"],
      ["broken", "blind"],
      ["ok", "shut"],
      ["broken", "shut"],
      ["broken", "ssh"],
      ["absent", "asking"],
      ["broken", "lost"],
      ["broken", "elsewhere"],
      ["ok", "half"],
    ]);
    assertEquals(all[4]!.hint, "lxc exec silent -- apt-get install pulseaudio");
    assertStringIncludes(all[8]!.what, "cannot write in share, which this host shares with it");
    const { what } = all[9]!;
    assertStringIncludes(what, `in the container "liar": `);
    assert(!what.includes("\n") && !what.includes("\x1b") && what.length < 500, what);
    assertStringIncludes(all[10]!.what, "unless ssh may ask for a passphrase");
    assertEquals(all[11]!.what, 'The container "lost" has no address');
    assertEquals(all[13]!.what, 'The container "half" is being made');
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
