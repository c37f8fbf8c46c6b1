// What all scripts check.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { attachDiagnosis } from "../../../lib/attach/doctor.ts";
import { createDiagnosis, mapDiagnosis, sharedIdMaps } from "../../../lib/cli/doctor_checks.ts";
import { ProcessError } from "../../../lib/base/errors.ts";
import type { Finding } from "../../../lib/cli/finding.ts";
import { deniesNewSystemd } from "../../../lib/engine/known_holes.ts";
import { found, goodDevices, lxdHost, missing, ours, type World } from "../doctor_host.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

/** The verdict and the text of each. */
const said = (findings: readonly Finding[]): [verdict: string, what: string][] =>
  findings.map(({ verdict, what }) => [verdict, what]);

Deno.test("--doctor tells which engine answers, and calls one broken only when none does", async () => {
  const engines = /answers|installed|does not answer/;
  const all = await found(mapDiagnosis, lxdHost({ programs: { getfacl: {}, setfacl: {} } }));
  // Nobody needs the other one.
  assertEquals(said(all.slice(1, 2)), [["ok", "LXD 6.10 answers"]]);
  assertStringIncludes(all[2]!.what, "can be root on this host");
  assertEquals(said(all.slice(-1)), [["ok", "Files can be lent to containers of LXD"]]);

  const none = await found(mapDiagnosis, recordingHost({ answer: () => missing }), engines);
  assertEquals(none.map(({ verdict }) => verdict)[0], "broken");
  assertMatch(none[0]!.what, /LXD.*Incus/);

  // The one that is installed is at fault.
  const stopped = recordingHost({
    answer: ([cli]) => cli === "lxc" ? missing : { code: 1, stderr: "Error: Get http://unix.socket/1.0: refused" },
  });
  for (const diagnosis of [createDiagnosis, attachDiagnosis, mapDiagnosis]) {
    const broken = await found(diagnosis, stopped);
    assertEquals(said(broken).filter(([, what]) => /LXD|lxc/.test(what)), []);
    assertEquals(broken[1]!.verdict, "broken");
    assertStringIncludes(broken[1]!.hint!, "incus admin init");
    assertEquals(broken.at(-1)!.verdict, "broken");
  }

  const unread = recordingHost({
    answer: ([cli]) => cli === "lxc" ? missing : { code: 1, stderr: "Error: yaml: line 3: mapping" },
  });
  assertEquals(
    (await found(mapDiagnosis, unread))[1]!.what,
    '"incus query /1.0" failed with exit status 1: Error: yaml: line 3: mapping',
  );
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

Deno.test("--doctor names what the default profile gives to each container, but not its network card", async () => {
  const home = { type: "disk", source: "/home/me", path: "/home/ubuntu" };
  const world = { config: { "raw.idmap": "both 1000 1000" }, devices: { ...goodDevices, home } };
  const risks = await found(createDiagnosis, lxdHost(world), /profile "default"/);
  assertEquals(risks.map(({ verdict, what, hint }) => [verdict, what.split('"')[3], hint?.split(": ")[1]]), [
    ["risk", "config.raw.idmap", "lxc profile edit default"],
    ["risk", "devices.home.source", "lxc profile edit default"],
  ]);
  assertEquals(await found(createDiagnosis, lxdHost(), /profile "default"/), []);
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

Deno.test("--doctor asks no display for a version, and tells a program that hangs by itself", async () => {
  const hangs = (program: string): ProcessError =>
    new ProcessError({ argv: [program], code: 143, signal: "SIGTERM", stdout: "", stderr: "" }, {
      timedOutAfterMs: 60_000,
    });
  const programs = { ssh: { stderr: "OpenSSH_10.0p2" }, setfacl: hangs("setfacl"), xrandr: hangs("xrandr") };
  const { host, calls, options } = lxdHost({ programs, env: { DISPLAY: ":7" } });
  const findings = await found(attachDiagnosis, { host }, /^"?(?:ssh|setfacl|xrandr)/);
  assertEquals(said(findings), [
    ["ok", "ssh 10.0p2: starts the sessions in a container"],
    ["broken", '"setfacl" did not end within 60 s'],
    ["absent", '"xrandr" did not end within 60 s'],
  ]);
  assertEquals(options[calls.findIndex(([program, option]) => program === "xrandr" && option === "--version")]?.env, {
    DISPLAY: "",
  });
  const x11 = await found(attachDiagnosis, { host }, /^The display/);
  assertEquals(said(x11), [["absent", 'The display ":7" does not answer']]);
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
        ss: { stdout: `UNCONN 0 0 ${ss} 0.0.0.0:*\n` },
        find: docker ? {} : { code: 1 },
        ssh: {},
        setfacl: {},
        getfacl: {},
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

  // One that does not answer: since it was stopped meanwhile, or since it will not.
  const silent = { instances: instances.slice(2, 3), inside: () => ({ code: 1 }) };
  const states = [[{}, "risk"], [{ c: ours("c", 2000000, "Stopped") }, "ok"], [{ c: undefined }, "ok"]] as const;
  for (const [now, verdict] of states) {
    const [finding] = await found(mapDiagnosis, lxdHost({ ...silent, now }), about);
    assertEquals(finding?.verdict, verdict, verdict);
  }
});

Deno.test("sharedIdMaps() are those that start at the same host id", () => {
  const instance = (name: string, first: number): { name: string; config: Record<string, string> } => ({
    name,
    config: { "volatile.idmap.next": JSON.stringify([{ Isuid: true, Hostid: first, Nsid: 0, Maprange: 65536 }]) },
  });
  assertEquals(sharedIdMaps([instance("a", 1), instance("b", 2), instance("c", 1)]), ["a", "c"]);
  assertEquals(sharedIdMaps([instance("a", 1), { name: "d", config: {} }, { name: "e", config: {} }]), []);
});
