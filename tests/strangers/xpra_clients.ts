/**
 * xpra's own tests that attach a client to a server, of the version installed, with our guard between the two. Each runs
 * in namespaces of its own, with a /tmp and a network of its own: xpra's sockets have one name for each display.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { mapSome } from "../../lib/base/promises.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { installedXpra, pypiSource } from "./sources.ts";
import type { Result, Suite } from "./suite.ts";

const path = (name: string): string => fromFileUrl(new URL(name, import.meta.url));

/** The files of tests, and their classes. */
const classes = { x11_client_test: "X11ClientTest", x11_clipboard_test: "X11ClipboardTest" };

/** How long a test may take, in milliseconds. Most of that time it sleeps. */
const testMs = 600_000;

const isolated = [
  ...["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec"],
  'mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -t tmpfs tmpfs /run; ip link set lo up; exec "$@"',
  "sh",
];

export const xpraClients: Suite = {
  about: "xpra's own tests of a client and a server, with the guard between them",
  async run() {
    const source = await pypiSource("xpra", await installedXpra());
    const cwd = join(source, "tests/unittests");
    const tests = Object.entries(classes).flatMap(([file, name]) =>
      [...Deno.readTextFileSync(join(cwd, `unit/client/${file}.py`)).matchAll(/^\s+def (test_\w+)/gm)]
        .map(([, test]) => `${file}.${name}.${test}`)
    );
    const env = {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      PYTHONPATH: ".",
      PYTHONDONTWRITEBYTECODE: "1",
      XPRA_COMMAND: path("xpra_client.py"),
      XPRA_GUARD: quoteWords([Deno.execPath(), "run", "-A", "--no-check", path("xpra_guard.ts")]),
    };
    const run = async (test: string): Promise<[string, Result]> => {
      const argv = [...isolated, "/usr/bin/python3", "-m", "unittest", `unit.client.${test}`];
      const { code, stderr } = await runProcess(argv, { cwd, env, okCodes: "any", timeoutMs: testMs });
      const said = stderr.split("\n").findLast((line) => /^\w*(?:Error|Exception): /.test(line)) ?? stderr.slice(-200);
      return [test, { isPassed: code === 0, said: said.trim() }];
    };
    return new Map(await mapSome(tests, { atOnce: navigator.hardwareConcurrency, act: run }));
  },
};
