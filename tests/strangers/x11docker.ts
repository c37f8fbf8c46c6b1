/** x11docker's attacks on a desktop, from a container, on both displays. */

import { join } from "@std/path";
import { onEngines } from "./in_lab.ts";
import { gitSource } from "./sources.ts";
import type { Suite } from "./suite.ts";

const repository = "https://github.com/mviereck/dockerfile-x11docker-check";
const commit = "885b2f137a7a389e7dffd9c66859c0691a558b4d";

export const x11docker: Suite = {
  about: "x11docker's attacks on keys, clipboard, windows and shared memory, from a container",
  async run() {
    const checks = join(await gitSource(repository, commit, ":"), "bin");
    const run = { engines: ["incus"], desktop: "wayland" } as const;
    return new Map([
      ...await onEngines("x11docker_check.ts", ["x11", checks], { engines: ["incus"] }),
      ...await onEngines("x11docker_check.ts", ["wayland", checks], run),
    ]);
  },
};
