// What attach.ts --doctor checks: how windows come, and each container.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { attachDiagnosis } from "../../../lib/attach/doctor.ts";
import { ProcessError } from "../../../lib/base/errors.ts";
import { claimFile } from "../../../lib/base/lock.ts";
import { creationRecordPath } from "../../../lib/container/paths.ts";
import { found, lxdHost, missing, ours } from "../doctor_host.ts";
import type { Answer } from "../recording_host.ts";

/** The programs of a host on which windows come, both ways. */
const displayPrograms: Record<string, Answer> = {
  xpra: { stdout: "xpra v6.5.5-r0\n" },
  waypipe: { stdout: "waypipe 0.9.2\nfeatures:" },
  bwrap: { stdout: "bubblewrap 0.12.0" },
  ssh: {},
  setfacl: {},
  getfacl: {},
  xrandr: {},
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
    [{ stdout: "what?" }, "absent", /does not report its version/],
    [
      { code: 1, stderr: "Traceback" },
      "broken",
      /^"xpra --version" failed with exit status 1 on this host: Traceback$/,
    ],
    [missing, "broken", /There is no xpra/],
  ];
  for (const [xpra, verdict, what] of cases) {
    const [finding] = await found(attachDiagnosis, lxdHost({ programs: { xpra } }), /xpra .*on this host/);
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
  assertEquals((await said({}))[0]!.slice(0, 36), "broken: No display to show windows o");
  assertEquals(await said({ DISPLAY: ":7" }, { xrandr: { code: 1, stderr: "Can't open display :7\n" } }), [
    'absent: The display ":7" cannot be opened',
  ]);
  assertEquals(await said(bothDisplays), wayland("0.9.2", "a security context is a second line of defence"));
  // What each says where there are none: the box prints it.
  const refused = (bwrap: string): Record<string, Answer> => ({ bwrap: { code: 1, stderr: bwrap } });
  const none = "the compositor has no security contexts, a second line of defence";
  assertEquals(
    await said(bothDisplays, refused("C4: 82.9 [src/secctx.c: 120] Security context is not supported by compositor")),
    wayland("0.9.2", none),
  );
  assertEquals(
    await said(bothDisplays, {
      ...refused("waypipe: unrecognized option '--secctx=gui-container'\n"),
      waypipe: { stdout: "waypipe 0.8.4\n" },
    }),
    wayland("0.8.4", "it is too old for security contexts, a second line of defence"),
  );
  const failed = "absent: No window can be shown on the Wayland display ";
  assertEquals(await said(bothDisplays, refused("C4: Failed to connect to the Wayland compositor")), [
    `${failed}/dev/null: the compositor that $WAYLAND_DISPLAY names does not answer`,
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
      [{ code: 1, stderr: "bwrap: Unknown option --disable-userns" }, {}, "broken", /0\.8 or newer$/],
      [{ code: 1, stderr: "bwrap: something else" }, { DISPLAY: ":7" }, "broken", /dmesg.*\nOr --no-box/],
      [{ code: 1, stderr: "bwrap: something else" }, { WAYLAND_DISPLAY: "/dev/null" }, "broken", /userns$/],
    ] as const
  ) {
    const { host, calls } = lxdHost({
      env,
      programs: { bwrap: answer, waypipe: {} },
    });
    const findings = (await found(attachDiagnosis, { host })).filter(({ about }) => about === "box");
    assertEquals(findings.map(({ verdict }) => verdict), [verdict]);
    if (hint) assert(hint.test(findings[0]!.hint!), findings[0]!.hint);
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
  assertEquals(await last(bothDisplays), "ok: Windows are shown over Wayland");
  assertEquals(await last(wayland, { xpra: missing }), "ok: Windows are shown over Wayland");
  assertEquals(await last(bothDisplays, { waypipe: missing }), "ok: Windows are shown over X");
  assertEquals(await last(bothDisplays, { bwrap: missing }), "ok: Windows are shown over X");
  assertEquals(await last(x11), "ok: Windows are shown over X");
  assertEquals(await last(x11, { bwrap: missing }), "ok: Windows are shown over X");
  assertEquals(await last(wayland, { bwrap: missing }), none);
  assertEquals(await last(bothDisplays, denied), none);
  assertEquals(await last(x11, { xpra: missing }), none);
  assertEquals(await last({ DISPLAY: ":7", WAYLAND_DISPLAY: "/no/such" }), "ok: Windows are shown over X");
  assertEquals(await last({}), none);
  assertEquals(await last(bothDisplays, { setfacl: missing }), "broken: No app can be run");
});

Deno.test("attach.ts --doctor logs into each container, and tells those that it cannot, and what is missing in others", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const names = ["new", "old", "none", "silent", "blind", "shut", "stopped", "liar", "asking", "lost", "ending"];
    for (const name of names) {
      await Deno.mkdir(`${directory}/${name}`);
      await Deno.writeTextFile(`${directory}/${name}/known_hosts`, "");
    }
    await Deno.mkdir(`${directory}/half`);
    using _making = await claimFile(creationRecordPath({ directory: `${directory}/half` }));
    // A container that prints what LXD prints to a user without permission, and more than a line.
    const lie = new ProcessError({
      argv: ["ssh"],
      code: 1,
      signal: null,
      stdout: "",
      stderr: `permission denied: /var/lib/lxd/unix.socket\nok      all is well\x1b[2J${"!".repeat(1000)}`,
    });
    const answers: Record<string, Answer> = {
      old: { stdout: "xpra v4.4\n" },
      none: { stdout: "no xpra\n" },
      silent: { stdout: "no pulseaudio\nxpra v6.5.5\n" },
      blind: { stdout: "no Xvfb\nxpra v6.5.5\n" },
      shut: { stdout: "closed share\nclosed /etc/shadow\nxpra v6.5.5\n" },
      liar: lie,
      ending: { code: 255, stderr: "Connection closed\n" },
      asking: { code: 255, stderr: "ubuntu@asking: Permission denied (publickey).\n" },
    };
    const inside = (argv: readonly string[]): Answer =>
      answers[argv.find((word) => word.startsWith("ubuntu@"))?.slice("ubuntu@".length) ?? ""] ??
        { stdout: "xpra v6.5.5\n" };
    const instances = [...names, "elsewhere", "gone", "half"].map((name, i) => ({
      ...ours(name, i, name === "stopped" ? "Stopped" : "Running"),
      ...(name === "lost" ? { expanded_devices: { eth0: { type: "nic", network: "lxdbr0" } } } : {}),
    }));
    // Another run ends one of them, and deletes "gone".
    const now = { ending: ours("ending", 10, "Stopped"), gone: undefined };
    const world = { instances, now, inside, env: { GUI_CONTAINER_MOUNTS: directory } };
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
