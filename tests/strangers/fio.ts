/**
 * fio writes blocks with a pattern and reads them again: into a file while it is lent, from both sides, and once it is
 * taken back. `MINUTES=10` has it last longer.
 */

import { runProcess } from "../../lib/base/process.ts";
import { installed } from "./sources.ts";
import { onEngines } from "./in_lab.ts";
import type { Suite } from "./suite.ts";

export const fio: Suite = {
  about: "fio's patterns through a file that is lent, taken back and lent again (MINUTES=NUMBER)",
  async run() {
    await installed("fio=3.39-1");
    const directory = await Deno.makeTempDir({ prefix: "fio." });
    try {
      // The container has not got its libraries.
      const copy =
        `ldd /usr/bin/fio | grep -o '/[^ ]*' | xargs -I @ cp -L @ "$0" && cp /usr/bin/fio "$0" && chmod 755 "$0"`;
      await runProcess(["sh", "-ec", copy, directory]);
      return await onEngines("fio_rounds.ts", [directory, Deno.env.get("MINUTES") ?? "0.5"]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
};
