// Profiles of the engine.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { createProfile, findProfile, refuseUsedByOthers, showProfile } from "../../../lib/engine/profile.ts";
import { ownServer } from "../../../lib/engine/server.ts";
import { lxcThat } from "../engine_hosts.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

Deno.test("createProfile() refuses a profile that somebody has just made", async () => {
  const refusal = 'Error: Error inserting "box" into database: The profile already exists\n';
  const { host, engine } = await lxcThat({ code: 1, stderr: refusal });
  const error = await assertRejects(
    () => createProfile(host, { engine, name: "box" }, {}),
    UserError,
    'profile named "box"',
  );
  assertEquals(error.exitCode, 1);
});

Deno.test("refuseUsedByOthers() knows the container of that name, and its copies, in its own project only", () => {
  const refuse = (project: string | undefined, ...used: string[]): void => {
    const profile = { config: {}, devices: {}, used_by: used.map((path) => `/1.0/instances/${path}`) };
    refuseUsedByOthers({ engine: { cli: "lxc", server: { ...ownServer, project } }, name: "box" }, {
      profile,
      copies: ["box-d01234"],
    });
  };
  refuse(undefined, "box", "box-d01234");
  refuse("default", "box");
  refuse("work", "box?project=work", "box-d01234?project=work");
  for (const [project, used] of [["work", "box"], [undefined, "box?project=work"], [undefined, "boxer"]] as const) {
    assertThrows(() => refuse(project, used), UserError, `used by others: /1.0/instances/${used}`);
  }
});

Deno.test("findProfile() throws what is not an answer", async () => {
  const find = async (answer: Answer): Promise<unknown> => {
    const { host, engine } = await lxcThat(answer);
    return await findProfile(host, { engine, name: "p" });
  };
  const profile = { config: { "user.a": "b" }, devices: {}, used_by: ["/1.0/instances/x"] };
  assertEquals(
    await find({ stdout: JSON.stringify(profile) }),
    profile,
  );
  assertEquals(
    await find({ code: 1, stderr: "Error: Profile not found" }),
    undefined,
  );
  const { host, engine } = await lxcThat({ code: 1, stderr: "Error: disk full" });
  await assertRejects(() => findProfile(host, { engine, name: "p" }), ProcessError);
});

Deno.test("showProfile() changes nothing: a plan of what a run would do does not list it", async () => {
  const { host, calls, options } = recordingHost({ answer: () => ({ stdout: "config: {}\n" }) });
  assertEquals(await showProfile(host, { engine: engineCalled("lxc"), name: "box" }), "config: {}\n");
  assertEquals(calls, [["lxc", "profile", "show", "box"]]);
  assertEquals(options.map(({ looksOnly }) => looksOnly), [true]);
});
