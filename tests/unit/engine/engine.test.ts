import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { dryRunHost } from "../../../lib/base/host.ts";
import { chooseEngine, warningsOf } from "../../../lib/engine/engine.ts";
import { findInstance } from "../../../lib/engine/instance.ts";
import { launch } from "../../../lib/engine/lifecycle.ts";
import { setProfile } from "../../../lib/engine/profile.ts";
import { big, engineOn, hostWith, lxcThat, notInstalled } from "../engine_hosts.ts";
import { type Answer, type RecordingHost, recordingHost, recordingUi } from "../recording_host.ts";

const noSocket =
  'Error: Get "http://unix.socket/1.0": dial unix /var/snap/lxd/common/lxd/unix.socket: connect: no such file or directory';

const noPermission =
  'Error: Get "http://unix.socket/1.0": dial unix /var/lib/incus/unix.socket: connect: permission denied';

/** What Debian 13's Incus says. */
const noNeeded =
  "Error: You don't have the needed permissions to talk to the incus daemon (socket path: /var/lib/incus/unix.socket)";

Deno.test("chooseEngine() takes the one that answers, lxc before incus", async () => {
  const both = hostWith({ lxc: { stdout: "{}" }, incus: { stdout: "{}" } });
  const lxc = await chooseEngine(both.host);
  assertEquals([lxc.cli, lxc.product, lxc.defaultImage], ["lxc", "LXD", "ubuntu:"]);
  assertEquals(both.calls.map(([program]) => program), ["lxc"]);

  for (const lxc of [notInstalled, { code: 1, stderr: noSocket }]) {
    const incus = await chooseEngine(hostWith({ lxc, incus: { stdout: "{}" } }).host);
    assertEquals([incus.cli, incus.product, incus.defaultImage], ["incus", "Incus", "images:ubuntu/24.04/cloud"]);
  }
});

Deno.test("chooseEngine() does as it is told without asking, the option before the variable", async () => {
  const recorded = recordingHost({ env: { GUI_CONTAINER_ENGINE: "incus" } });
  assertEquals((await chooseEngine(recorded.host, { engine: "lxc" })).cli, "lxc");
  assertEquals((await chooseEngine(recorded.host, { engine: "lxd" })).cli, "lxc");
  assertEquals((await chooseEngine(recorded.host)).cli, "incus");
  const byOption = async (engine?: string): Promise<boolean> =>
    (await chooseEngine(recorded.host, { engine })).byOption;
  assertEquals([await byOption("lxc"), await byOption("incus"), await byOption()], [true, false, false]);
  assertEquals(recorded.calls, []);
});

Deno.test("chooseEngine() refuses another name with exit code 2", async () => {
  for (const name of ["docker", "LXC", "toString"]) {
    const error = await assertRejects(
      () => chooseEngine(recordingHost().host, { engine: name }),
      UserError,
      `"${name}"`,
    );
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("chooseEngine() works in a dry run without an engine", async () => {
  const host = dryRunHost({ ui: recordingUi().ui, signal: AbortSignal.any([]) });
  assertEquals((await chooseEngine(host)).cli, "lxc");
});

Deno.test("chooseEngine() says what to do: install one, start it, or join its group; exit code 125", async () => {
  for (
    const [answers, message, hint] of [
      [{}, "LXD nor Incus", "snap install lxd"],
      [{ lxc: { code: 1, stderr: noSocket } }, "LXD does not answer", "sudo lxd init --auto"],
      [{ incus: { code: 1, stderr: noSocket } }, "Incus does not answer", "sudo incus admin init --auto"],
      [{ incus: { code: 1, stderr: noPermission } }, "Incus's socket", "--groups incus-admin"],
      [{ lxc: { code: 1, stderr: noPermission } }, "LXD's socket", "--groups lxd"],
      [{ incus: { code: 1, stderr: noNeeded } }, "Incus's socket", "--groups incus-admin"],
    ] as const
  ) {
    const error = await assertRejects(() => chooseEngine(hostWith(answers).host), UserError, message);
    assertStringIncludes(error.hint, hint);
    assertEquals(error.exitCode, 125);
  }
});

Deno.test("an engine that is asked for and not installed is exit code 125, with the other one as a way out", async () => {
  const { host } = hostWith({});
  const engine = await chooseEngine(host, { engine: "incus" });
  const error = await assertRejects(
    () => findInstance(host, { engine, name: "box" }),
    UserError,
    '"incus"',
  );
  assertEquals(error.exitCode, 125);
  assertStringIncludes(error.hint, "--engine=lxc");
});

Deno.test("chooseEngine() tells what an engine says that fails in a way of its own; exit code 125", async () => {
  const snap = { code: 1, stderr: "Sorry, home directories outside of /home needs configuration.\n" };
  const error = await assertRejects(() => chooseEngine(hostWith({ lxc: snap }).host), UserError, "cannot be queried");
  assertEquals([error.exitCode, error.output], [125, snap.stderr.trim()]);
  const incus = await chooseEngine(hostWith({ lxc: snap, incus: { stdout: "{}" } }).host);
  assertEquals(incus.cli, "incus");
});

Deno.test("chooseEngine() refuses a project that no engine has, with exit code 2, and takes the engine that has it", async () => {
  const both = (has: string): RecordingHost =>
    recordingHost({
      answer: ([cli, , path]) =>
        path!.startsWith("/1.0/projects/") && cli !== has
          ? { code: 1, stderr: "Error: Project not found\n" }
          : { stdout: "{}" },
    });
  assertEquals((await chooseEngine(both("incus").host, { project: "work" })).cli, "incus");
  for (const engine of [undefined, "lxc"]) {
    const choosing = () => chooseEngine(both("none").host, { engine, project: "typo" });
    const error = await assertRejects(choosing, UserError, 'project "typo"');
    assertEquals([error.exitCode, error.hint], [2, "See which there are: lxc project list"]);
  }
});

Deno.test("a server of images that is down is not taken for the remote", async () => {
  const said = (url: string): Answer => ({ code: 1, stderr: `Error: Get "${url}": dial tcp: i/o timeout\n` });
  const { host, engine } = engineOn(big, said("https://images.example.org/streams/v1/index.json"));
  await assertRejects(() => setProfile(host, { engine, name: "box" }, ""), ProcessError);
  const down = engineOn(big, said("https://192.0.2.7:8443/1.0"));
  await assertRejects(
    () => setProfile(down.host, { engine: down.engine, name: "box" }, ""),
    UserError,
    "does not answer",
  );
});

Deno.test("a refusal of the engine itself keeps what it said", async () => {
  const { host, engine } = await lxcThat({ code: 1, stderr: "Error: No space left\n" });
  const error = await assertRejects(() => setProfile(host, { engine, name: "box" }, ""), ProcessError);
  assertEquals(error.output, "Error: No space left");
});

Deno.test("launch() tells an engine that does not answer from one that refuses", async () => {
  const { host, engine } = await lxcThat({ code: 1, stderr: noSocket });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x", profiles: [], config: {} }),
    UserError,
    "LXD does not answer",
  );
  assertEquals(error.exitCode, 125);
});

Deno.test("an engine's CLI speaks English, whatever the user's language is", async () => {
  const { host, options } = recordingHost({ answer: () => ({ stdout: "{}" }) });
  await findInstance(host, { engine: await chooseEngine(host, { engine: "lxc" }), name: "box" });
  assertEquals(options.at(-1)!.env, { LC_ALL: "C.UTF-8", LANGUAGE: "" });
});

Deno.test("warningsOf() tells what the engine warns of now, not what is resolved", async () => {
  const warnings = ["new", "acknowledged", "resolved"].map((status) => ({ status, type: status, last_message: "why" }));
  const { host, engine } = await lxcThat({ stdout: JSON.stringify(warnings) });
  const of = (project: string) => warningsOf(host, engine, { ...environment, project });
  assertEquals(await of("default"), ["new: why", "acknowledged: why"]);
  assertEquals(await of("user-1000"), undefined);
});

const environment = { server_version: "6.0.4", server_clustered: false, server_name: "" };
