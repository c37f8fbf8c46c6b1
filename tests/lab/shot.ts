/** A picture of a desktop of the lab. */

import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { desktopEnvironment, type DesktopName, type LabState } from "./state.ts";
import { runAsUser } from "./user.ts";

/** Writes a PNG of the whole desktop to `file`. */
export async function takeShot(state: LabState, file: string, desktop: DesktopName): Promise<void> {
  const env = desktopEnvironment(state, desktop);
  // The program runs as the display's user, who may not write where the caller wants the picture.
  const picture = join(env["XDG_RUNTIME_DIR"] ?? "/tmp", `shot-${Deno.pid}.png`);
  try {
    const take = desktop === "wayland" ? ["grim", picture] : ["import", "-window", "root", `png:${picture}`];
    await runAsUser(state.user!, take, { env });
    await Deno.copyFile(picture, file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.PermissionDenied) {
      throw new UserError(`The picture cannot be written to "${file}"`, {
        hint: "Name a file in a folder that is there",
        cause,
      });
    }
    throw cause;
  } finally {
    await Deno.remove(picture).catch(() => {});
  }
}
