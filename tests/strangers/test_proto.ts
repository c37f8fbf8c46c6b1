/**
 * waypipe's own tests of what its two ends make of a protocol, with the guard between them and the user at work. Those that
 * need a graphics card are left out.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { eventually } from "../e2e/run.ts";
import { exists } from "../lab/files.ts";
import { gitSource, installed } from "./sources.ts";
import type { Results, Suite } from "./suite.ts";

/** waypipe 0.11.1. */
const repository = "https://gitlab.freedesktop.org/mstoeckl/waypipe";
const commit = "a1652e1ef36e5bdeef720cf2f7cf11bf424b87d3";
const build = "cargo build --quiet --locked --release --no-default-features --features test_proto";

const here = (name: string): string => fromFileUrl(new URL(name, import.meta.url));

export const testProto: Suite = {
  about: "waypipe's tests of its protocol, through the guard",
  async run() {
    await installed("python3", "cargo", "gcc", "pkgconf");
    const programs = join(await gitSource(repository, commit, build), "target/release");
    const [tests, waypipe] = [join(programs, "test_proto"), join(programs, "waypipe")];
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "test_proto." });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const told: string[] = [];
    const argv = [Deno.execPath(), "run", "-A", "--no-check", here("chain_guard.ts"), directory, "used"];
    const line = (line: string): void => void told.push(line);
    const guard = startProcess(argv, { output: { line } });
    stack.defer(async () => {
      guard.kill("SIGTERM");
      await guard.ended;
    });
    await eventually("the guard listens", () => Promise.resolve(exists(join(directory, "session"))));
    const client = join(directory, "run_client");
    await Deno.writeTextFile(
      client,
      `#!/bin/sh\nexec python3 '${here("test_proto.py")}' '${directory}' '${waypipe}' "$@"\n`,
    );
    await Deno.chmod(client, 0o755);
    const names = (await runProcess([tests, "--list"])).stdout.trim().split("\n");
    const results: Results = new Map();
    for (const name of names) {
      told.length = 0;
      const end = await runProcess(["timeout", "20", tests, "--exact", client, waypipe, name], {
        env: { RUST_BACKTRACE: "0" },
        okCodes: "any",
      });
      const [, complaint = `it ends with ${end.code}`] = /panicked at [^\n]*\n([^\n]*)/.exec(end.stdout) ?? [];
      results.set(name, { isPassed: end.code === 0, said: [...told, complaint].join("; ") });
    }
    return results;
  },
};
