// The tests mirror the house: tests/unit/PATH.test.ts is of lib/PATH.ts, or of tools/, tests/ or manage/ in the same way. What is
// about no module of its own is in `house`, or beside what it drives.

import { assert, assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { modulesOf } from "../../../tools/coverage.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** Modules of types and values alone. */
const nothingToTest = ["attach/display/display", "channels/interface", "guard/faults"];

/** The modules that have no test of their own, by the test in which they are: a part, a neighbour, or a real desktop. */
const testedBy: Readonly<Record<string, readonly string[]>> = {
  "e2e/attach_sessions": ["attach/x11/display"],
  "unit/attach/choose_display": [
    "guard/wayland/process_interface",
    "settings/displays",
    "settings/request",
  ],
  "unit/attach/default_app": ["channels/file_types"],
  "unit/attach/read_request": ["channels/destinations"],
  "unit/attach/serve_again": ["attach/session/advice"],
  "unit/attach/session/app": ["cli/xpra_options"],
  "unit/attach/start_session": ["attach/session/protocol"],
  "unit/attach/x11/guard": ["attach/display/guard", "guard/xpra/process", "guard/xpra/process_interface"],
  "unit/channels/file_dialogs": ["channels/dialogs/host"],
  "unit/channels/handed_files": ["channels/files/host", "channels/printing/host"],
  "unit/channels/io": ["channels/links/host", "channels/notifications/host"],
  "unit/channels/microphone/host": ["channels/samples"],
  "unit/channels/opening": ["attach/agent/other_run", "container/downloads"],
  "unit/cli/doctor_checks": ["cli/finding"],
  "unit/container/lend/copy_transfer": ["container/lend/content"],
  "unit/container/lend/lent_copies": ["container/lend/lend"],
  "unit/container/lend/restore": ["base/hold"],
  "unit/container/lend/write_back": ["container/lend/held_file"],
  "unit/container/resolve": ["container/managed", "container/over_ssh"],
  "unit/create/create": ["create/make", "create/provision"],
  "unit/create/export/app": ["container/exec_line"],
  "unit/create/remove": ["create/existing"],
  "unit/guard/wayland/border": ["guard/wayland/border_pieces"],
  "unit/guard/wayland/carrying": ["guard/wayland/own_messages"],
  "unit/guard/wayland/descriptors": ["guard/rate"],
  "unit/guard/wayland/messages": ["guard/wayland/objects"],
  "unit/guard/wayland/frames": ["guard/wayland/frame_kinds"],
  "unit/guard/wayland/popups": ["guard/wayland/positioners"],
  "unit/guard/wayland/policy": ["guard/wayland/object_table", "guard/wayland/rules"],
  "unit/guard/wayland/relay": ["guard/sockets"],
  "unit/guard/wayland/surfaces": [
    "guard/wayland/boxes",
    "guard/wayland/commits",
    "guard/wayland/contents",
    "guard/wayland/surface",
  ],
  "unit/guard/xpra/client_packets": ["guard/xpra/judge"],
  "unit/guard/xpra/frames": ["guard/pending_bytes"],
  "unit/guard/xpra/relay": ["guard/xpra/memory"],
  "unit/guard/xpra/server_packets": ["guard/limits"],
  "unit/guard/xpra/windows": ["guard/xpra/description"],
  "unit/map/lend": ["container/lend/mappings", "map/list"],
};

const exists = (path: string): Promise<boolean> =>
  Deno.lstat(join(root, path)).then(({ isFile }) => isFile, () => false);

/** The unit tests below a directory, as paths without the end. */
function testsIn(directory: string): string[] {
  return [...Deno.readDirSync(join(root, "tests/unit", directory))].flatMap(({ name, isDirectory }) => {
    const path = join(directory, name);
    return isDirectory ? testsIn(path) : name.endsWith(".test.ts") ? [path.replace(".test.ts", "")] : [];
  });
}

/** The files of the checkout that one of them loads, itself or by others. */
function loadedBy(path: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(path)) return loaded;
  loaded.add(path);
  const text = Deno.readTextFileSync(join(root, path));
  for (const [, target] of text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*"(\.[^"]+\.ts)"/gm)) {
    loadedBy(join(dirname(path), target!), loaded);
  }
  return loaded;
}

Deno.test("each unit test has its counterpart", async () => {
  const tests = testsIn("").filter((path) => !path.startsWith("house/"));
  assert(tests.length > 100, tests.join("\n"));
  const places = (path: string): string[] => [
    ...["lib", ".", "tests", "tests/unit"].map((place) => `${place}/${path}.ts`),
    `${path}.py`,
  ];
  const found = await Promise.all(
    tests.map(async (path) => (await Promise.all(places(path).map(exists))).includes(true)),
  );
  assertEquals(tests.filter((_, index) => !found[index]), []);
});

Deno.test("each module has its test, or stands above with where it is tested", async () => {
  const modules = modulesOf(root).flatMap((path) => /^lib\/(.*)\.ts$/.exec(path)?.[1] ?? []);
  assert(modules.length > 200);
  const listed = [nothingToTest, ...Object.values(testedBy)].flat();
  const own = new Set(testsIn(""));
  assertEquals(
    listed.filter((path, index) => !modules.includes(path) || own.has(path) || listed.indexOf(path) < index),
    [],
  );
  assertEquals(modules.filter((path) => !own.has(path) && !listed.includes(path)), [], "without a test");
  const isLoaded = (path: string): boolean => {
    const test = `tests/unit/${path}.test.ts`;
    // Some run a script that imports it.
    return loadedBy(test).has(`lib/${path}.ts`) || Deno.readTextFileSync(join(root, test)).includes(`${path}.ts"`);
  };
  assertEquals(modules.filter((path) => own.has(path) && !isLoaded(path)), [], "not loaded by its test");
  for (const path of nothingToTest) {
    assertEquals(
      /\bfunction\b|=>\s*\{|\s= .*=>/.exec(await Deno.readTextFile(join(root, `lib/${path}.ts`)))?.[0],
      undefined,
      path,
    );
  }
  for (const [test, paths] of Object.entries(testedBy)) {
    assert(await exists(`tests/${test}.test.ts`), `There is no ${test} for ${paths}`);
  }
});
