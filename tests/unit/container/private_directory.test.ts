// Private directories: of runs that go on, and that were killed.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { modeOf } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { makePrivateDirectory } from "../../../lib/container/private_directory.ts";
import { withHost } from "../private_directories.ts";

Deno.test("makePrivateDirectory() removes what killed runs have left, and nothing of one that runs", () =>
  withHost(async ({ host, directory }) => {
    const [dead, live] = [join(directory, ".attach-1"), join(directory, ".attach-2")];
    for (const path of [dead, live]) {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "lock"), "");
    }
    const holder = new Deno.Command("flock", {
      args: [join(live, "lock"), "sh", "-c", "echo locked; cat"],
      stdin: "piped",
      stdout: "piped",
    })
      .spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    {
      await using _directory = await makePrivateDirectory(host);
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();
      assertEquals(names, [`.attach-${Deno.pid}`, ".attach-2", ".lock", "box"].toSorted());
    }
    await holder.stdin.close();
    await holder.status;
    await reader.cancel();
    await Deno.remove(live, { recursive: true });
    await runProcess(["true"]);
  }));

Deno.test("makePrivateDirectory() waits for no lock that another user of the host can take", () =>
  withHost(async ({ host, directory }) => {
    // Whoever may read a directory may lock it.
    using other = await Deno.open(directory);
    await other.lock(true);
    {
      await using _directory = await makePrivateDirectory(host);
    }
    assertEquals(await modeOf(join(directory, ".lock")), 0o600);
  }));

Deno.test("makePrivateDirectory() never takes the directory of a run that starts at the same time for a leftover", () =>
  withHost(async ({ directory }) => {
    const program = `
      import { makePrivateDirectory } from "${import.meta.resolve("../../../lib/container/private_directory.ts")}";
      const host = { env: () => ${
      JSON.stringify(directory)
    }, change: (_plan, act) => act(), signal: AbortSignal.any([]) };
      for (let count = 0; count < 150; count++) {
        await using _made = await makePrivateDirectory(host);
      }
    `;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const argv = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", "--config", config, "--ext=ts", "-"];
    await Promise.all(Array.from({ length: 4 }, () => runProcess(argv, { stdin: { text: program } })));
  }));
