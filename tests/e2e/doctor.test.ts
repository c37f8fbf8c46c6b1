// --doctor of each script on a host where all is well, and on one where things are missing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Finding } from "../../lib/cli/doctor.ts";
import { script, sh, testOnEngines } from "./world.ts";

testOnEngines("--doctor finds nothing broken where all is there", ["user", "display", "xpra"], async (engine) => {
  for (const name of ["create", "attach", "map"] as const) {
    const { code, stdout, stderr } = await script(name, engine, ["--doctor", "--json"]);
    assertEquals(stderr, "");
    const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
    // Containers of other tests may be half made.
    const broken = findings.filter(({ verdict, what }) => verdict === "broken" && !what.includes("container"));
    assertEquals(broken, []);
    assertEquals(code, ok ? 0 : 1);
    assert(findings.some(({ what }) => /^(LXD|Incus) \d.* answers$/.test(what)));
  }
});

testOnEngines("--doctor tells what is missing, with the line that installs it", ["user"], async (engine) => {
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
