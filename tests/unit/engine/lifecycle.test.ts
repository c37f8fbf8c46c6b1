import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { chooseEngine, type Engine, engineCalled } from "../../../lib/engine/engine.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import {
  deleteInstance,
  launch,
  startInstance,
  twoRangesHint,
  waitForOperations,
} from "../../../lib/engine/lifecycle.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { startTime } from "../../model/time.ts";

async function lxcThat(
  answer: Answer,
): Promise<{ host: Host; recorded: RecordingHost; engine: Engine }> {
  const recorded = recordingHost({ answer: () => answer });
  return { host: recorded.host, recorded, engine: await chooseEngine(recorded.host, { engine: "lxc" }) };
}

Deno.test("launch() says which image and container the engine refused, with what it said", async () => {
  const { host, engine } = await lxcThat({ code: 1, stderr: "Error: No space left\n" });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x:y", profiles: [], config: {} }),
    UserError,
    'the container "box" from the image "x:y"',
  );
  assertEquals([error.exitCode, error.output], [1, "Error: No space left"]);
  assertStringIncludes(error.hint, "lxc image list");
});

Deno.test("launch() makes anew, three times, what could be made but not started", async () => {
  using time = startTime();
  const failed: Answer = {
    code: 1,
    stderr: "Error: Failed to run: /usr/bin/lxd forkstart box /var/lib/lxd/…: exit status 1\n",
  };
  for (const failures of [3, 4]) {
    let launches = 0;
    const answer = ([, command]: readonly string[]): Answer =>
      command === "launch" && ++launches <= failures ? failed : {};
    const { host, calls } = recordingHost({ answer });
    const launched = launch(host, { engine: await chooseEngine(host, { engine: "lxc" }), name: "box" }, {
      image: "x",
      profiles: [],
      config: {},
    });
    const outcome = await time.until(launched).catch((error) => error);
    if (failures === 4) assertStringIncludes(outcome.message, "cannot start it");
    else assertEquals(outcome, undefined);
    const again = ["delete", "launch"];
    assertEquals(calls.map(([, command]) => command), ["launch", ...again, ...again, ...again]);
  }
});

Deno.test("a start that fails where root has two ranges of ids says how to have one", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [incus, lxc] = [engineCalled("incus"), engineCalled("lxc")];
    const own = "root:1000000:1000000000\n";
    assertEquals(await twoRangesHint(incus, directory), undefined);
    for (const [subuid, isTwo] of [[own, false], [`${own}me:100000:65536\n`, false], [`${own}${own}`, true]] as const) {
      await Deno.writeTextFile(`${directory}/subuid`, subuid);
      assertEquals((await twoRangesHint(incus, directory))?.includes("sudo sed -i") ?? false, isTwo, subuid);
    }
    assertEquals(await twoRangesHint(lxc, directory), undefined);
    // What it advises keeps the first line.
    const script = /sed -i ('.*?')/.exec((await twoRangesHint(incus, directory))!)![1];
    await runProcess(["sh", "-c", `sed -i ${script} ${directory}/subuid`]);
    assertEquals(await Deno.readTextFile(`${directory}/subuid`), own);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("launch() says how to set up an engine that has no storage", async () => {
  const stderr = "Error: Failed instance creation: Failed getting root disk: No root device could be found\n";
  const { host, engine } = await lxcThat({ code: 1, stderr });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x", profiles: [], config: {} }),
    UserError,
  );
  assertStringIncludes(error.hint, "sudo lxd init --auto");
});

Deno.test("launch() says how root gets ids for containers where there are none, as on Fedora", async () => {
  const stderr =
    "Error: Failed instance creation: Failed creating instance record: No uid/gid allocation configured. " +
    "In this mode, only privileged containers are supported\n";
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr }) });
  const engine = await chooseEngine(host, { engine: "incus" });
  const error = await assertRejects(
    () => launch(host, { engine, name: "box" }, { image: "x", profiles: [], config: {} }),
    UserError,
  );
  assertStringIncludes(error.hint, "echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid");
  assertStringIncludes(error.hint, "restart incus");
});

Deno.test("startInstance() is content with an instance that another run has just started", async () => {
  const start = async (stderr: string): Promise<void> => {
    const { host } = recordingHost({ answer: () => ({ code: 1, stderr }) });
    await startInstance(host, { engine: engineCalled("lxc"), name: "box" });
  };
  await start("Error: The instance is already running\n");
  await assertRejects(() => start("Error: No root device could be found\n"), ProcessError);
});

Deno.test("deleteInstance() waits for an engine that is still at work on the instance", async () => {
  let busy = 1;
  const stderr = 'Error: Stopping the instance failed: Instance is busy running a "update" operation\n';
  const { host, calls } = recordingHost({ answer: () => busy-- > 0 ? { code: 1, stderr } : {} });
  await deleteInstance(host, { engine: engineCalled("lxc"), name: "box" });
  assertEquals(calls.length, 2);
  const refusing = recordingHost({ answer: () => ({ code: 1, stderr: "Error: Instance is protected" }) });
  await assertRejects(() => deleteInstance(refusing.host, { engine: engineCalled("lxc"), name: "box" }), ProcessError);
  assertEquals(refusing.calls.length, 1, "it waits for nothing else");
});

Deno.test("waitForOperations() waits for tasks on the instance, and for images where a killed run may be making one", async () => {
  const task = (id: string, paths: string[], rest: Record<string, unknown> = {}): unknown => ({
    id,
    class: "task",
    description: "Updating instance",
    resources: paths.length > 0 ? { instances: paths } : {},
    ...rest,
  });
  const running = [
    task("other", ["/1.0/instances/boxes"]),
    task("own", ["/1.0/instances/box?project=work"]),
    task("program", ["/1.0/instances/box"], { class: "websocket" }),
    task("image", [], { description: "Downloading image" }),
    task("unknown", []),
    // LXD 6.7: the resources do not name what is just being made.
    task("made", ["/1.0/projects/default"], { metadata: { entity_url: "/1.0/instances/box?project=work" } }),
    task("made-other", [], { resources: null, metadata: { entity_url: "/1.0/instances/boxes" } }),
    task("strange", [], { metadata: { entity_url: 1 } }),
  ];
  for (const [publishing, expected] of [[false, ["own", "made"]], [true, ["own", "image", "made"]]] as const) {
    const { host, calls } = recordingHost({
      answer: (argv) => ({ stdout: argv[2] === "/1.0/operations?recursion=1" ? JSON.stringify({ running }) : "{}" }),
    });
    await waitForOperations(host, { engine: engineCalled("incus"), name: "box" }, { publishing });
    const waited = calls.slice(1).map((call) => call[2]!.split("/")[3]);
    assertEquals(waited, [...expected]);
  }
  // A container that is being made from an image elsewhere is nothing to wait for, unless this is said.
  const { host, calls } = recordingHost({ answer: () => ({ stdout: JSON.stringify({ running: [running[3]] }) }) });
  await waitForOperations(host, { engine: engineCalled("incus"), name: "box" });
  assertEquals(calls.length, 1);
});
