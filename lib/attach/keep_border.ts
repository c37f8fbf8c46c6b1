/** A border that is chosen while windows are shown, which keep theirs. */

import { borderOf, type ContainerBorder } from "../container/border.ts";
import type { Container } from "../container/container.ts";

/** Keeps a border for windows that are shown later, and says so if it is a new one. */
export async function keepForLater(
  container: Pick<Container, "host" | "mounts">,
  chosen: ContainerBorder | "auto" | undefined,
): Promise<void> {
  if (chosen === undefined) return;
  const [before, after] = [await borderOf(container), await borderOf(container, chosen)];
  if (after.colour === before.colour && after.width === before.width && after.isAlways === before.isAlways) return;
  container.host.ui.status(
    "The windows that are shown keep their border: the next run that shows some has the new one",
  );
}
