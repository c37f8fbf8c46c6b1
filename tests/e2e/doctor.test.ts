// --doctor of each script on a host where all is well, and on one where things are missing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Finding } from "../../lib/cli/finding.ts";
import { runProcess } from "../../lib/base/process.ts";
import { root, script, sh } from "./run.ts";
import { testOnIncus, testOnOneEngine } from "./sessions.ts";
import { testOnEngines } from "./world.ts";

/** What the last line of each says. */
const ends = {
  create: /^Containers can be made in (LXD|Incus)$/,
  attach: /^Windows are shown over X$/,
  map: /^Files can be lent to containers of (LXD|Incus)$/,
};

testOnEngines("--doctor finds nothing broken where all is there", ["user", "display", "xpra"], async (engine) => {
  for (const name of ["create", "attach", "map"] as const) {
    const { code, stdout, stderr } = await script(name, engine, ["--doctor", "--json"]);
    assertEquals(stderr, "");
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    // Containers of other tests may be half made.
    const broken = findings.filter(({ verdict, about }) => verdict === "broken" && about !== "container");
    assertEquals(broken, []);
    assertEquals(code, ok ? 0 : 1);
    assert(findings.some(({ what }) => /^(LXD|Incus) \d.* answers$/.test(what)));
    assertEquals(findings.filter(({ about }) => about === "network").length, name === "map" ? 0 : 1);
    assert(ends[name].test(findings.at(-1)!.what), findings.at(-1)!.what);
  }
});

testOnOneEngine("--doctor tells what is missing, with the line that installs it", ["user"], async (engine) => {
  const path = await Deno.makeTempDir();
  try {
    for (const program of ["deno", "sh", engine]) {
      await Deno.symlink(await sh(["which", program]), join(path, program));
    }
    for (
      const [name, what, hint] of [
        ["create", "setfacl is not installed", "sudo apt install acl"],
        ["attach", "There is no xpra on this host", "sudo apt-get install xpra"],
        ["map", "getfacl is not installed", "sudo apt install acl"],
      ] as const
    ) {
      const { code, stdout } = await script(name, engine, ["--doctor"], { env: { PATH: path } });
      assertEquals(code, 1, stdout);
      assertStringIncludes(stdout, `broken  ${what}`);
      assertStringIncludes(stdout, hint);
    }
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

testOnIncus("--doctor says what forbids bubblewrap's boxes, and that no window comes", ["user"], async (engine) => {
  // In a namespace of its own, in which no further one may be made.
  const forbidden = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
  const argv = ["unshare", "--user", "--map-root-user", "sh", "-c", forbidden, "sh", "./attach.ts", "--doctor"];
  const { code, stdout } = await runProcess(argv, {
    cwd: root,
    okCodes: "any",
    env: { GUI_CONTAINER_ENGINE: engine, NO_COLOR: "1" },
  });
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "broken  bubblewrap cannot make the sandbox");
  assertStringIncludes(stdout, "sudo sysctl user.max_user_namespaces=");
  assertStringIncludes(stdout.trimEnd().split("\n").at(-1)!, "No window can be shown");
});
