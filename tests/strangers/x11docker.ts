/** x11docker's attacks on a desktop, from a container, on both displays. */

import { onEngines } from "./in_lab.ts";
import { byHand } from "./sources.ts";
import type { Suite } from "./suite.ts";

export const x11docker: Suite = {
  about: "x11docker's attacks on keys, clipboard, windows and shared memory, from a container",
  async run() {
    const checks = byHand("x11docker-check", "the scripts of x11docker's own check");
    const run = { engines: ["incus"], desktop: "wayland" } as const;
    return new Map([
      ...await onEngines("x11docker_check.ts", ["x11", checks], { engines: ["incus"] }),
      ...await onEngines("x11docker_check.ts", ["wayland", checks], run),
    ]);
  },
};
