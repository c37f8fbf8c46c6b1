/** The snapshot of a container as it was made, from which attach.ts makes disposable copies. */

import { pristine } from "../container/copies.ts";
import type { Engine } from "../engine/engine.ts";
import { hasCheapSnapshots, takeSnapshot } from "../engine/snapshot.ts";

/** Takes the snapshot, where it costs neither time nor space. */
export async function keepPristine(engine: Engine, name: string): Promise<void> {
  if (engine.host.dryRun || await hasCheapSnapshots(engine, name)) await takeSnapshot(engine, name, pristine);
}
