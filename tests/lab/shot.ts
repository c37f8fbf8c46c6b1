/** A picture of the lab's display. */

import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import type { LabState } from "./state.ts";
import { runAsUser } from "./user.ts";

/** Writes a PNG of the whole display to `file`. */
export async function takeShot(state: LabState, file: string): Promise<void> {
  // ImageMagick runs as the display's user, who may not write where the caller wants the picture.
  const picture = join(state.env["XDG_RUNTIME_DIR"] ?? "/tmp", `shot-${Deno.pid}.png`);
  try {
    await runAsUser(state.user!, ["import", "-window", "root", `png:${picture}`], { env: state.env });
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
