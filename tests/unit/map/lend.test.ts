// map.ts when something fails, at each call of a program: on an engine in memory that answers as real ones did, with real
// files. The end-to-end tests show with one call a kind of resource that real ones are like it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ifThere } from "../../../lib/base/files.ts";
import { NoEngine } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { mapSome } from "../../../lib/base/promises.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { lend } from "../../../lib/map/lend.ts";
import { takeBack } from "../../../lib/map/take_back.ts";
import { type EngineModel, engineModel, type EngineRecord } from "../engine_model.ts";
import { type FaultyCall, faultyCalls, type FaultyHost, faultyHost, keepDirectory } from "../faulty_host.ts";
import { testWith } from "../samples.ts";
import { recordingHost } from "../recording_host.ts";
import { assertRefuses, assertSaid } from "../refusals.ts";

/** A container, two files, and a journal of their own. */
interface Place {
  model: EngineModel;
  base: string;
  files: string[];
  journal: string;
}

async function inPlace(on: EngineRecord, test: (place: Place) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir();
  const files = ["one", "it's\ntwo"].map((name) => join(base, name));
  for (const file of files) await Deno.writeTextFile(file, "text");
  await runProcess(["setfacl", "-m", "u:7:rwx,g:8:r,m:r", files[0]!]);
  const model = engineModel(on);
  model.state.instance = { config: { "user.gui-container": "1" }, devices: {}, snapshots: [] };
  try {
    await test({ model, base, files, journal: join(base, "state/gui-container/mappings") });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** A host for one run. */
function hostOf({ model, base, files, journal }: Place, fault?: FaultyCall): FaultyHost {
  return faultyHost({
    model,
    env: { GUI_CONTAINER_ENGINE: model.cli, XDG_STATE_HOME: join(base, "state"), HOME: base },
    ...(fault && { fault }),
    async keep() {
      const [acls, restore] = [await permissions(files), keepDirectory(journal)];
      return async () => {
        await restore();
        await runProcess(["setfacl", "--restore=-"], { stdin: { text: acls } });
      };
    },
  });
}

async function permissions(files: readonly string[]): Promise<string> {
  return (await runProcess(["getfacl", "-np", "--", ...files])).stdout;
}

/** Lends the files and takes them back, or lets them stay lent. */
async function lendAll(
  host: Host,
  { files }: Pick<Place, "files">,
  options: Partial<Parameters<typeof lend>[1]> = {},
): Promise<number> {
  const plain = { readOnly: false, stays: false, forMs: undefined, yes: false };
  return await lend(host, { words: ["box", ...files], ...plain, ...options });
}

async function unmap(host: Host): Promise<number> {
  return await takeBack(host, [], { engine: undefined, forget: false });
}

/** What of a loan is there: on the files, in the container, in the journal. */
async function picture(
  { model, files, journal }: Place,
): Promise<Record<"permissions" | "devices" | "records", unknown>> {
  const entries = await ifThere(Array.fromAsync(Deno.readDir(journal))) ?? [];
  const records = entries.map(({ name }) => name).filter((name) => name !== "lock");
  return { permissions: await permissions(files), devices: Object.keys(model.state.instance!.devices), records };
}

/** What comes after a run that was killed. */
const next: readonly ((place: Place) => Promise<unknown>)[] = [
  (place) => unmap(hostOf(place).host),
  (place) => Promise.all([unmap(hostOf(place).host), unmap(hostOf(place).host)]),
  (place) => lendAll(hostOf(place).host, place, { stays: true }),
];

for (
  const { on, what, prepare, act } of [
    { on: "lxc", what: "that lends and takes back", prepare: () => Promise.resolve(0), act: lendAll },
    {
      on: "incus",
      what: "of --unmap",
      prepare: (place: Place) => lendAll(hostOf(place).host, place, { stays: true }),
      act: unmap,
    },
  ] as const
) {
  for (const fault of ["fail", "signal", "kill", "gone"] as const) {
    testWith(
      ["getfacl", "setfacl"],
      `a run of map.ts ${what}, on ${on}: ${fault} at each call, before and after its effect`,
      async () => {
        let calls: string[] = [];
        await inPlace(on, async (place) => {
          const before = await picture(place);
          await prepare(place);
          const run = hostOf(place);
          assertEquals(await act(run.host, place), 0, run.said.join("\n"));
          assertEquals(await picture(place), before);
          calls = run.calls;
        });
        assert(calls.length >= 5, calls.join("\n"));
        await mapSome(faultyCalls(fault, calls), {
          atOnce: 8,
          act: ({ call, ...faulty }) =>
            inPlace(on, async (place) => {
              const before = await picture(place);
              await prepare(place);
              const run = hostOf(place, faulty);
              const end = await act(run.host, place).catch((error) => error);
              await run.restore();
              const told = `${faulty.isBefore ? "before" : "after"} ${call.slice(0, 200)}: ${end}\n${
                run.said.join("\n")
              }`;
              assertEquals(run.calls.length > faulty.at, true, told);
              // Without its ACL the container cannot open a file any more, though the engine still has the device.
              if (fault === "gone" && act === unmap) assertEquals(await permissions(place.files), before.permissions);
              // A signal has the files taken back at once.
              const isDone = fault === "signal" && act === lendAll;
              if (fault === "kill") await next[faulty.at % next.length]!(place);
              if (!isDone) assertEquals(await unmap(hostOf(place).host), 0, told);
              assertEquals(await picture(place), before, told);
            }),
        });
      },
    );
  }
}

/**
 * A host on which this answers whether sessions run. Its user presses Enter so many times before the input ends, and says
 * no to so many questions.
 */
function withSessions(
  { host }: FaultyHost,
  { answer, lines = Infinity, refusals = 0 }: { answer: () => string; lines?: number; refusals?: number },
): { host: Host; asked: () => string } {
  const run: Host["run"] = async (argv, options) => {
    if (!argv.some((word) => word.includes("ls /run/user/"))) return await host.run(argv, options);
    return { argv, code: 0, signal: null, stdout: `${answer()}\u0004`, stderr: "" };
  };
  let asked = "";
  const ui: Host["ui"] = {
    ...host.ui,
    enter: () => Promise.resolve((asked += "enter ", lines-- > 0)),
    confirm: () => Promise.resolve((asked += "confirm ", refusals-- <= 0)),
  };
  return {
    host: { ...host, run, ui, forCleanup: (signal) => ({ ...host.forCleanup(signal), run }) },
    asked: () => asked,
  };
}

testWith(["getfacl", "setfacl"], "files are taken back also where nobody says whether sessions run", async () => {
  await inPlace("incus", async (place) => {
    const run = hostOf(place);
    let asked = 0;
    const { host } = withSessions(run, {
      answer() {
        if (asked++ > 0) return "";
        throw new NoEngine("It does not answer", { hint: "See why" });
      },
    });
    assertEquals([await lendAll(host, place), asked], [0, 1]);
    assertSaid(run.said.slice(-1), [["status", "2 files"]]);
  });
});

testWith(
  ["getfacl", "setfacl"],
  "files are taken back from a session that runs once the user confirms it, or cannot be asked",
  async () => {
    for (
      const [yes, lines, refusals, wanted] of [
        [false, 3, 2, "enter confirm enter confirm enter confirm "],
        [false, 1, 1, "enter confirm enter "],
        [true, 3, 3, "enter "],
      ] as const
    ) {
      await inPlace("incus", async (place) => {
        const run = hostOf(place);
        const { host, asked } = withSessions(run, { answer: () => "gui-container-editor\n", lines, refusals });
        assertEquals(await lendAll(host, place, { yes }), 0);
        assertEquals([asked(), run.said.some((line) => /^warn: .*\beditor\b/.test(line))], [wanted, !yes]);
        assertEquals((await picture(place)).devices, []);
      });
    }
  },
);

testWith(
  ["getfacl", "setfacl"],
  "files are taken back when their time is over, though nobody presses Enter",
  async () => {
    await inPlace("incus", async (place) => {
      const { host } = hostOf(place);
      const enter: Host["ui"]["enter"] = (_, { signal } = {}) =>
        new Promise((resolve) => signal!.addEventListener("abort", () => resolve(false)));
      const before = await picture(place);
      assertEquals(await lendAll({ ...host, ui: { ...host.ui, enter } }, place, { forMs: 1 }), 0);
      assertEquals(await picture(place), before);
    });
  },
);

Deno.test("without NAME, containers are offered, and disposable copies that run, which are named as such", async () => {
  const box = { name: "box", config: { "user.gui-container": "1" } };
  const copy = { ...box, config: { ...box.config, "user.gui-container.copy-of": "box" } };
  const running = { ...copy, name: "box-d00001", status: "Running" };
  // What update.ts has made the origin of later copies would be changed by its start.
  const renewed = { ...copy, name: "box-d00002", status: "Stopped" };
  const incus = [{ ...box, status: "Stopped" }, running, renewed];
  for (
    const [lxc, wanted] of [
      [[], ["box", "box-d00001, a disposable copy"]],
      [[{ ...box, name: "web" }], ["web (LXD)", "box (Incus)", "box-d00001, a disposable copy (Incus)"]],
    ] as const
  ) {
    const base = await Deno.makeTempDir();
    try {
      for (const { name } of [...incus, ...lxc]) await Deno.mkdir(join(base, name));
      const { host } = recordingHost({
        env: { GUI_CONTAINER_MOUNTS: base, XDG_STATE_HOME: base },
        answer: ([cli]) => ({ stdout: JSON.stringify(cli === "lxc" ? lxc : incus) }),
      });
      let offered: readonly string[] = [];
      const choose: Host["ui"]["choose"] = (_, names) => Promise.resolve(void (offered = names.map(String)));
      const options = { words: [], readOnly: false, stays: true, forMs: undefined, yes: false, engine: undefined };
      await assertRefuses(() => lend({ ...host, ui: { ...host.ui, choose } }, options), { code: 2, names: "NAME" });
      assertEquals(offered, wanted);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  }
});

testWith(
  ["getfacl", "setfacl"],
  "many files are lent by several calls, each of which fits on a command line",
  async () => {
    await inPlace("lxc", async (place) => {
      const files = Array.from({ length: 450 }, (_, index) => join(place.base, `an ordinary name ${index}.txt`));
      await Promise.all(files.map((file) => Deno.writeTextFile(file, "")));
      const run = hostOf(place);
      assertEquals(await lendAll(run.host, { files }, { stays: true }), 0, run.said.join("\n"));
      const words = run.calls.filter((call) => call.includes("PATCH"));
      assertEquals(words.length, 3);
      assert(words.every((word) => word.length < 2 ** 17));
      assertEquals(Object.keys(place.model.state.instance!.devices).length, 450);
      const last = hostOf(place);
      assertEquals(await unmap(last.host), 0);
      assertEquals(last.said.filter((line) => line.includes("is gone")), [], "the container is there");
    });
  },
);

testWith(
  ["getfacl", "setfacl"],
  "files that were lent to a container which is gone by its name may still be in it, and the user is told",
  async () => {
    await inPlace("lxc", async (place) => {
      await lendAll(hostOf(place).host, place, { stays: true });
      const devices = Object.keys(place.model.state.instance!.devices);
      delete place.model.state.instance;
      const run = hostOf(place);
      assertEquals(await unmap(run.host), 0);
      const told = run.said.find((line) => line.includes("If it was renamed"));
      assert(told?.includes("lxc config device remove NEW-NAME ") && devices.every((id) => told.includes(id)), told);
    });
  },
);

testWith(
  ["getfacl", "setfacl"],
  "a file that its owner may not write is lent read-only, and that is told",
  async () => {
    await inPlace("lxc", async (place) => {
      await Deno.chmod(place.files[0]!, 0o400);
      const run = hostOf(place);
      assertEquals(await lendAll(run.host, place, { stays: true }), 0, run.said.join("\n"));
      const devices = Object.values(place.model.state.instance!.devices);
      assertEquals(devices.map(({ source, readonly }) => [source, readonly]), [
        [place.files[0], "true"],
        [place.files[1], undefined],
      ]);
      assertEquals(run.said.filter((line) => line.includes("is lent read-only")).length, 1);
      assertEquals(await unmap(hostOf(place).host), 0);
    });
  },
);
