// Which globals an app hears of, and may bind.

import { assertEquals } from "@std/assert";
import { message, nothing, refused, trial } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland hides globals that are not on its list, and newer versions", () => {
  const { app, host } = trial();
  app(message(1, "wl_display.get_registry", 2));
  const global = (id: number, name: string, version: number): Uint8Array =>
    message(2, "wl_registry.global", id, name, version);
  assertEquals(host(global(1, "zwlr_layer_shell_v1", 4), global(2, "ext_data_control_manager_v1", 1)), nothing);
  assertEquals(host(global(3, "wl_compositor", 99)), global(3, "wl_compositor", 6));
  assertEquals(host(message(2, "wl_registry.global_remove", 1)), nothing);
  for (
    const [number, name, version] of [
      [1, "zwlr_layer_shell_v1", 4],
      [3, "wl_seat", 1],
      [3, "wl_compositor", 7],
      [9, "wl_compositor", 6],
    ] as const
  ) refused(() => app(message(2, "wl_registry.bind", number, name, version, 3)), "not offered");
});
