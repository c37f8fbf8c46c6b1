// Files that a copy gets: which ones, under which names.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { holdFiles, lentPathsOf } from "../../../../lib/attach/disposable/lent_files.ts";
import { UserError } from "../../../../lib/base/errors.ts";
import { runProcess } from "../../../../lib/base/process.ts";
import { ubuntuUser } from "../../../../lib/container/user.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { withFiles } from "../../held_files.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("holdFiles() keeps the base name of a file, and tells two of the same name apart", async () => {
  await withFiles(async ({ home, host }) => {
    await Deno.mkdir(join(home, "other"));
    const paths = [join(home, "it's a\nname.pdf"), join(home, "other", "it's a\nname.pdf"), join(home, "-x")];
    for (const path of paths) await Deno.writeTextFile(path, "x");
    using files = await holdFiles(host, paths);
    const maps = "/home/ubuntu/maps";
    assertEquals(files.pathsFor(ubuntuUser), [`${maps}/it's a\nname.pdf`, `${maps}/2/it's a\nname.pdf`, `${maps}/-x`]);
  });
});

Deno.test("lentPathsOf() puts no file below another one, whatever they are called", () => {
  assertEquals(lentPathsOf(["a", "2", "a", "2"]), ["a", "2", "3/a", "4/2"]);
  assertEquals(lentPathsOf(["2", "2", "2-"]), ["2", "2--/2", "2-"]);
  assertEquals(lentPathsOf(["2", "2", "3", "3"]), ["2", "2-/2", "3", "4/3"]);
});

Deno.test("holdFiles() refuses what is no file, and what a container could have put there", async () => {
  await withFiles(async ({ home, shared, host }) => {
    await Deno.writeTextFile(join(home, "secret"), "x");
    await Deno.symlink(join(home, "secret"), join(shared, "planted"));
    await Deno.symlink(join(shared, "planted"), join(home, "link"));
    await runProcess(["mkfifo", join(home, "fifo")]);
    const cases: [string, string][] = [
      [home, "directory"],
      [join(home, "none"), "no file"],
      [join(home, "secret", "x"), "no file"],
      [join(home, "fifo"), "regular file"],
      ["/dev/null", "regular file"],
      [join(shared, "planted"), "container can write"],
      [join(home, "link"), "container can write"],
    ];
    for (const [path, message] of cases) {
      const error = await assertRejects(() => holdFiles(host, [path]), UserError, message);
      assertEquals(error.exitCode, 2);
    }
  });
});

Deno.test("holdFiles() refuses more than is to be copied", async () => {
  await withFiles(async ({ home, host }) => {
    const large = join(home, "large");
    await Deno.writeTextFile(large, "");
    await Deno.truncate(large, 2 ** 30 + 1);
    (await holdFiles(host, [large]))[Symbol.dispose]();
    const error = await assertRejects(() => holdFiles(host, [large, large]), UserError, "at most 2 GiB");
    assertEquals(error.exitCode, 2);
  });
});

Deno.test("lend() hands the very file over that was held, byte by byte", async () => {
  await withFiles(async ({ home, host: { env } }) => {
    const path = join(home, "file");
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    await Deno.writeFile(path, bytes);
    const recorded = recordingHost({ env: { GUI_CONTAINER_MOUNTS: env("GUI_CONTAINER_MOUNTS")! } });
    using files = await holdFiles(recorded.host, [path]);
    await Deno.rename(path, `${path}.old`);
    await Deno.writeTextFile(path, "another");
    // The recording host reads nothing of the stream: the file then counts as not read to its end.
    await assertRejects(
      () => files.lend({ engine: engineCalled("lxc"), name: "box-d01234" }, ubuntuUser),
      UserError,
      "to its end",
    );
    const stdin = recorded.options.at(-1)!.stdin as { bytes: ReadableStream<Uint8Array> };
    assertEquals(new Uint8Array(await new Response(stdin.bytes).arrayBuffer()), bytes);
    const options = ["--uid", "0", "--gid", "0", "--mode", "0444", "--create-dirs"];
    assertEquals(recorded.calls, [["lxc", "file", "push", ...options, "-", "box-d01234/home/ubuntu/maps/file"]]);
  });
});
