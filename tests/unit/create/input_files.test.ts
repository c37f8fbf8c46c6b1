import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { bundledCloudConfigs, bundledFile, bundledProfiles } from "../../../lib/create/bundled.ts";
import { readInput, readProfile, readUserData, type Software } from "../../../lib/create/input_files.ts";
import type { PartFile } from "../../../lib/create/user_data.ts";
import { recordingHost } from "../recording_host.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** Runs `test` with the path of a file of this content. */
async function withFile(content: string | Uint8Array, test: (path: string) => Promise<void> | void): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "it's", suffix: ".yaml" });
  try {
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

const bundled = (name: string): PartFile => bundledFile(name, bundledCloudConfigs[name]!);

const risky = `config:
  limits.cpu: "2"
  raw.lxc: lxc.mount.entry = / mnt none bind 0 0
devices:
  home:
    type: disk
    path: /mnt
    source: /home
`;

Deno.test("readProfile() refuses each key that gives the host away, with its place, exit code 2, and a way out", () =>
  withFile(risky, (path) => {
    const { host, said } = recordingHost();
    const act = (): unknown => readProfile(host, { path, text: risky }, { trusted: false });
    const error = assertThrows(act, UserError, `${path}:3:3: "config.raw.lxc" `);
    assertEquals(error.exitCode, 2);
    assertEquals(error.output, `${path}:8:5: "devices.home.source" gives the container "/home" of the host`);
    assertStringIncludes(error.hint, "--trust-profile");
    assertEquals(said, []);
  }));

Deno.test("readProfile() takes them when the profile is trusted, and warns of each", () =>
  withFile(risky, (path) => {
    const { host, said } = recordingHost();
    const profile = readProfile(host, { path, text: risky }, { trusted: true });
    assertEquals(profile.devices, { home: { type: "disk", path: "/mnt", source: "/home" } });
    assertEquals(said.map((line) => line.replace(path, "p").slice(0, 40)), [
      'warn: p:3:3: "config.raw.lxc" sets anyth',
      'warn: p:8:5: "devices.home.source" gives',
    ]);
  }));

Deno.test("readProfile() refuses a privileged container, trusted or not", () => {
  const file = { path: "p.yaml", text: 'config:\n  security.privileged: "true"\n' };
  for (const trusted of [false, true]) {
    const error = assertThrows(() => readProfile(recordingHost().host, file, { trusted }), UserError, "p.yaml:2:3: ");
    assertEquals(error.exitCode, 2);
    assertStringIncludes(error.message, "privileged");
  }
});

Deno.test("readProfile() takes the files of the bundled profiles without a word, and no changed copy", async () => {
  const { host, said } = recordingHost();
  for (const name of Object.keys(bundledProfiles)) {
    const path = join(root, "profiles", `${name}.yaml`);
    readProfile(host, { path, text: await readInput(path) }, { trusted: false });
  }
  assertEquals(said, []);
  const changed = { path: "p", text: `${bundledProfiles["gui-gpu"]}  more: {type: none}\n` };
  assertThrows(() => readProfile(host, changed, { trusted: false }), UserError, '"devices.gpu" lets');
});

Deno.test("readUserData() names the user before all files, since the first of several values counts", () => {
  const { host } = recordingHost();
  const file = { path: "app.yaml", text: "#cloud-config\nuser: {name: mallory}\n" };
  const plain = readUserData(host, [file], { user: undefined, software: "none" });
  const named = readUserData(host, [file], { user: "alice", software: "none" });
  assertEquals(plain.includes("alice"), false);
  assertEquals(named.match(/alice|mallory/g), ["alice", "mallory"]);
});

Deno.test("readUserData() adds what attach.ts needs, once, unless it is to be bare", () => {
  const { host } = recordingHost();
  const count = (names: string[], bare = false): number =>
    readUserData(host, names.map(bundled), { user: undefined, software: bare ? "none" : "all" })
      .split('filename="xpra.sh"').length - 1;
  assertEquals(count(["firefox"]), 1);
  assertEquals(count(["xpra", "firefox"]), 1);
  assertEquals(count(["firefox"], true), 0);
  assertEquals(count(["xpra", "firefox"], true), 1);
});

Deno.test("readUserData() leaves out xpra, and xpra alone, for a container whose windows are shown on Wayland only", () => {
  const { host } = recordingHost();
  const read = (software: Software): string => readUserData(host, [bundled("vlc")], { user: undefined, software });
  const [all, wayland] = [read("all"), read("wayland")];
  assertEquals([all.match(/^with_xpra=\w+$/gm), wayland.match(/^with_xpra=\w+$/gm)], [["with_xpra=yes"], [
    "with_xpra=no",
  ]]);
  assertEquals(wayland.replace("with_xpra=no", "with_xpra=yes"), all);
});

Deno.test("readInput() gives a text as it is, line ends and all, but for a byte-order mark", async () => {
  for (const text of ["a\r\nb", "#cloud-config\n", "ünï 𝄞\n\n"]) {
    await withFile(text, async (path) => assertEquals(await readInput(path), text));
    await withFile(`\ufeff${text}`, async (path) => assertEquals(await readInput(path), text));
  }
});

Deno.test("readInput() refuses what is no text, with exit code 2 and the file's name", async () => {
  for (
    const [bytes, message] of [
      [[], "empty"],
      [[32, 10, 9], "empty"],
      [[0xff, 0xfe, 0x41, 0], "UTF-8"],
      [[0x61, 0xc3], "UTF-8"],
      [[0x61, 0, 0x62], "binary"],
    ] as const
  ) {
    await withFile(new Uint8Array(bytes), async (path) => {
      const error = await assertRejects(() => readInput(path), UserError, message);
      assertEquals([error.exitCode, error.message.includes(path)], [2, true]);
    });
  }
});

Deno.test("readInput() refuses a directory and a file that is not there", async () => {
  await withFile(new Uint8Array([97]), async (path) => {
    for (
      const [wrong, message] of [
        [`${path}-not`, "no file"],
        [join(path, ".."), "directory"],
        [join(path, "below"), "no file"],
      ] as const
    ) assertEquals((await assertRejects(() => readInput(wrong), UserError, message)).exitCode, 2);
  });
});

Deno.test({
  name: `readInput() refuses a file that may not be read${Deno.uid() === 0 ? " (skipped: root may read all)" : ""}`,
  ignore: Deno.uid() === 0,
  fn: () =>
    withFile(new Uint8Array([97]), async (path) => {
      await Deno.chmod(path, 0);
      assertEquals((await assertRejects(() => readInput(path), UserError, "read")).exitCode, 2);
    }),
});
