import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { holdFiles } from "../../../../lib/attach/disposable/lent_files.ts";
import { makeDisposable, requireOrigin } from "../../../../lib/attach/disposable/make_disposable.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { mapSome } from "../../../../lib/base/promises.ts";
import { quoteWord } from "../../../../lib/base/shell_words.ts";
import { addressOf } from "../../../../lib/container/address.ts";
import { findLeftovers, removeDisposable, removeDisposables } from "../../../../lib/container/disposables.ts";
import { copyDevices } from "../../../../lib/container/origin.ts";
import { mountsIn } from "../../../../lib/container/paths.ts";
import { ubuntuUser } from "../../../../lib/container/user.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { engineModel } from "../../engine_model.ts";
import { type FaultyCall, faultyCalls, faultyHost, keepDirectory } from "../../faulty_host.ts";
import { withFiles } from "../../held_files.ts";
import { recordingHost } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

Deno.test("check() asks this machine's own servers for the instances of all projects, wherever the copy is", async () => {
  await withFiles(async ({ home, host: { env } }) => {
    const path = join(home, "file");
    await Deno.writeTextFile(path, "x");
    const device = { type: "disk", source: home, path: "/x" };
    const other = { name: "other", config: {}, devices: {}, expanded_devices: { device } };
    const { host, calls } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: env("GUI_CONTAINER_MOUNTS")! },
      answer: ([cli, , path]) => ({
        stdout: JSON.stringify(cli === "lxc" && /all-projects/.test(path!) ? [other] : []),
      }),
    });
    using files = await holdFiles(host, [path]);
    const engine = engineCalled("incus");
    for (const [remote, isLocal] of [[undefined, true], ["big", false]] as const) {
      const there = { ...engine, server: { remote, project: "work", isLocal } };
      await assertRejects(() => files.check(there), UserError, "container can write");
    }
    const lists = ["lxc", "incus"].map((cli) => [cli, "query", "/1.0/instances?recursion=1&all-projects=true"]);
    assertEquals(calls.toSorted(), [...lists, ...lists].toSorted());
  });
});

Deno.test("copyDevices() keeps disk and network, shares directories of its own, and nothing else", () => {
  const mounts = mountsIn({ env: () => "/m" }, "box-d01234");
  assertEquals(
    copyDevices({
      user: ubuntuUser,
      location: "none",
      devices: {
        root: { type: "disk", path: "/", pool: "p" },
        eth0: { type: "nic", network: "n" },
        eth1: { type: "none" },
        xpra: { type: "disk", path: "/home/ubuntu/.xpra", source: "/m/box/xpra" },
        share: { type: "disk", path: "/home/ubuntu/share", source: "/m/box/share" },
        "map-0123456789": { type: "disk", path: "/home/ubuntu/maps/x", source: "/home/me/x" },
        web: { type: "proxy", listen: "tcp:127.0.0.1:80", connect: "tcp:127.0.0.1:80" },
      },
    }, mounts),
    {
      "map-0123456789": { type: "none" },
      web: { type: "none" },
      xpra: { type: "disk", path: "/home/ubuntu/.xpra", source: "/m/box-d01234/xpra" },
      share: { type: "disk", path: "/home/ubuntu/share", source: "/m/box-d01234/share" },
    },
  );
  const source = { user: ubuntuUser, location: "m1", devices: { web: { type: "proxy" } } };
  assertEquals(copyDevices(source, undefined), { web: { type: "none" } });
  const moving = copyDevices(source, mounts);
  assertEquals([moving.xpra?.required, moving.share?.required], ["false", "false"]);
});

Deno.test("makeDisposable() gives a copy its own identity, and lets the engine remove it", async () => {
  await withFiles(async ({ host: { env } }) => {
    const idMap = [{ Isuid: true, Isgid: true, Hostid: 1_000_000, Nsid: 0, Maprange: 65_536 }];
    const config = { "user.gui-container": "1", "volatile.idmap.next": JSON.stringify(idMap) };
    const { host, calls, options } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: env("GUI_CONTAINER_MOUNTS")! },
      answer: (argv) => {
        if (argv[0] === "ssh-keygen") {
          for (const end of ["", ".pub"]) Deno.writeTextFileSync(argv.at(-1)! + end, `ssh-ed25519 AAAA${end}\n`);
        }
        const isFound = argv[1] === "query" && /-d[0-9a-f]{5}$/.test(argv.at(-1)!);
        return isFound ? { stdout: JSON.stringify({ name: "x", status: "Stopped", config }) } : {};
      },
    });
    const origin = { source: "box", path: "box/made", created_at: "", user: ubuntuUser, location: "none", devices: {} };
    const lent: string[] = [];
    const copy = await makeDisposable(host, addressOf(host, { engine: engineCalled("lxc"), name: "box" }), {
      origin,
      lend: ({ name }) => Promise.resolve(void lent.push(name)),
    });
    copy.lock!.close();
    const { made, address, name } = copy;
    assertEquals(lent, [name]);
    assertEquals(await Deno.readTextFile(address.mounts.knownHosts), `${name} ssh-ed25519 AAAA.pub\n`);
    const body = calls.find((argv) => argv.at(-1) === "/1.0/instances")!;
    const asked = JSON.parse(body[body.indexOf("--data") + 1]!);
    assertEquals([asked.name, asked.config], [name, {
      "user.gui-container.copy-of": "box",
      "boot.autostart": "false",
      "security.protection.delete": "false",
    }]);
    const instance = (await made)!;
    assertEquals(instance.status, "Stopped");
    const pushed = calls.flatMap((argv) => argv.includes("push") ? [argv.at(-1)!] : []);
    const generator = `${name}/etc/systemd/system-generators/cloud-init-generator`;
    assertEquals(pushed.toSorted(), [`${name}/etc/machine-id`, generator]);
    // Before it can be started: sshd would offer the keys of the container that it is a copy of.
    const at = calls.findIndex((argv) => argv.at(-1) === generator);
    assertEquals(calls[at]![calls[at]!.indexOf("--mode") + 1], "0700");
    const keys = { key: "ssh-ed25519 AAAA\\n", public_key: "ssh-ed25519 AAAA.pub\\n" };
    const begin = Object.entries(keys).map(([name, value]) => `${name}=${quoteWord(value)}\n`).join("");
    assert((options[at]!.stdin as { text: string }).text.startsWith(`#!/bin/sh\n${begin}`));
    assertEquals([...Deno.readDirSync(address.mounts.directory)].filter(({ name }) => name.includes("key")), []);
  });
});

Deno.test("makeDisposable() asks for no uid on the host where nothing is shared with that", async () => {
  await withFiles(async ({ host: { env } }) => {
    const config = { "user.gui-container": "1", "volatile.idmap.next": "[]" };
    const { host } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: env("GUI_CONTAINER_MOUNTS")! },
      answer: (argv) => {
        if (argv[0] === "ssh-keygen") {
          for (const end of ["", ".pub"]) Deno.writeTextFileSync(argv.at(-1)! + end, "x");
        }
        const isFound = argv[1] === "query" && /-d[0-9a-f]{5}(?:\?|$)/.test(argv.at(-1)!);
        return isFound ? { stdout: JSON.stringify({ name: "x", status: "Stopped", config }) } : {};
      },
    });
    const origin = { source: "box", path: "box/made", created_at: "", user: ubuntuUser, location: "none", devices: {} };
    const make = async (isLocal: boolean): Promise<string | undefined> => {
      const server = { remote: isLocal ? "local" : "far", project: undefined, isLocal };
      const engine = { ...engineCalled("lxc"), server };
      const lend = (): Promise<void> => Promise.resolve();
      const copy = await makeDisposable(host, addressOf(host, { engine, name: "box" }), { origin, lend });
      copy.lock!.close();
      return (await copy.made)?.status;
    };
    assertEquals(await make(false), "Stopped");
    await assertRejects(() => make(true), UserError, "id map has no user");
  });
});

Deno.test("requireOrigin() says what to do without a snapshot", async () => {
  const { host } = recordingHost({
    env: { HOME: "/nowhere" },
    answer: ([, , path]) =>
      path!.endsWith("/snapshots/made")
        ? { code: 1, stderr: "Error: not found" }
        : { stdout: JSON.stringify({ name: "box", status: "Running", config: { "user.gui-container": "1" } }) },
  });
  const engine = engineCalled("incus");
  const error = await assertRejects(() => requireOrigin(host, { engine, name: "box" }), UserError, "no snapshot");
  assertStringIncludes(error.hint, "incus snapshot create box made");
  const far = { ...engine, server: { remote: "big", project: undefined, isLocal: false } };
  const there = await assertRejects(() => requireOrigin(host, { engine: far, name: "box" }), UserError, "no snapshot");
  assertStringIncludes(there.hint, "incus snapshot create big:box made");
});

Deno.test("requireOrigin() says how to renew what has had no updates for a month", async () => {
  const said = async (ageDays: number): Promise<string[]> => {
    const created = new Date(Date.now() - ageDays * 86_400_000).toISOString();
    const { host, said } = recordingHost({
      env: { HOME: "/nowhere" },
      answer: () => ({
        stdout: JSON.stringify({ name: "box", created_at: created, config: { "user.gui-container": "1" } }),
      }),
    });
    await requireOrigin(host, { engine: engineCalled("lxc"), name: "box" });
    return said;
  };
  assertEquals(await said(29), []);
  assertEquals(await said(40), [
    'warn: New copies of "box" have had no updates for 40 days: create.ts --update box',
  ]);
});

const origin = { source: "box", path: "box/made", created_at: "", user: ubuntuUser, location: "none", devices: {} };

/** Makes a copy and removes it, with a fault at one of the calls. Returns the calls, and how many of them had made it. */
async function runWithFault(
  fault?: FaultyCall & { madeBy: number },
): Promise<{ calls: string[]; madeBy: number }> {
  const base = await Deno.makeTempDir();
  const model = engineModel("lxc");
  const hostOf = (fault?: FaultyCall) =>
    faultyHost({
      model,
      env: { GUI_CONTAINER_MOUNTS: join(base, "mounts"), HOME: base },
      ...(fault && { fault }),
      keep: () => keepDirectory(base),
    });
  const left = (): unknown[] => [
    model.state.instance,
    ...[...Deno.readDirSync(join(base, "mounts"))].map(({ name }) => name).filter((name) =>
      !/^\.(ids\.)?lock$/.test(name)
    ),
  ];
  const run = hostOf(fault);
  let madeBy = 0;
  try {
    await Deno.mkdir(join(base, "mounts"));
    const act = async (): Promise<void> => {
      const lend = (): Promise<void> => Promise.resolve();
      const copy = await makeDisposable(run.host, addressOf(run.host, { engine: engineCalled("lxc"), name: "box" }), {
        origin,
        lend,
      });
      try {
        await copy.made;
        madeBy = run.calls.length;
      } finally {
        await copy.made.catch(() => {});
        await removeDisposable(run.host, copy);
      }
    };
    const end = await act().catch((error) => error);
    const told = `${fault?.isBefore ? "before" : "after"} ${run.calls[fault?.at ?? 0]}: ${end}\n${run.said.join("\n")}`;
    await run.restore();
    if (!fault) assertEquals(end, undefined, told);
    // What cannot be removed, the next run removes.
    if (!fault || fault.fault === "signal" || fault.fault === "fail" && fault.at < fault.madeBy) {
      assertEquals(left(), [undefined], told);
    }
    const next = hostOf();
    await removeDisposables(next.host, await findLeftovers(next.host));
    assertEquals(left(), [undefined], told);
    return { calls: run.calls, madeBy };
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

for (const fault of ["fail", "signal", "kill", "gone"] as const) {
  testWith(
    ["ssh-keygen"],
    `a copy that is made, used and removed: ${fault} at each call, before and after its effect`,
    async () => {
      const { calls, madeBy } = await runWithFault();
      assert(madeBy > 5 && calls.length > madeBy, calls.join("\n"));
      const cases = faultyCalls(fault, calls).map((call) => ({ ...call, madeBy }));
      await mapSome(cases, { atOnce: 8, act: runWithFault });
    },
  );
}
