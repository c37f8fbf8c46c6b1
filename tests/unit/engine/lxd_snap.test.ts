import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { diagnose } from "../../../lib/cli/doctor.ts";
import type { Finding } from "../../../lib/cli/finding.ts";
import { mapDiagnosis } from "../../../lib/cli/doctor_checks.ts";
import { chooseEngine } from "../../../lib/engine/engine.ts";
import { findServer } from "../../../lib/engine/server.ts";
import { kindOfLxc } from "../../../lib/engine/lxd_snap.ts";
import { recordingHost } from "../recording_host.ts";

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
      answer: ([cli]) => cli === "incus" ? { stdout: '{"environment":{}}' } : {},
    });
    assertEquals((await chooseEngine(host)).cli, "incus");
    await assertRejects(() => chooseEngine(host, { engine: "lxc" }), UserError, '"lxc" is not installed');
    let findings: Finding[] = [];
    const result = (_text: string, json: unknown): void => void ({ findings } = json as { findings: Finding[] });
    await diagnose({ ...host, ui: { ...host.ui, result } }, { ...mapDiagnosis, wanted: undefined });
    assertEquals(findings[1]!.what, 'The engine\'s program "lxc" is not installed');
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
    answer: ([cli]) => cli === "lxc" ? { code: 1, stderr } : new UserError("", { hint: "", exitCode: 127 }),
  });
  const error = await assertRejects(() => chooseEngine(host), UserError, "systemd user session");
  assertStringIncludes(error.hint, "loginctl enable-linger");
  assertEquals(error.exitCode, 125);
});
