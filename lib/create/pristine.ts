/** The snapshot of a container as it was made, from which attach.ts makes disposable copies. */

import { pristine } from "../container/copies.ts";
import type { Instance } from "../engine/engine.ts";
import { hasCheapSnapshots, takeSnapshot } from "../engine/snapshot.ts";

/** Takes the snapshot, where it costs neither time nor space. */
export async function keepPristine(instance: Instance): Promise<void> {
  if (instance.engine.host.dryRun || await hasCheapSnapshots(instance)) await takeSnapshot(instance, pristine);
}
