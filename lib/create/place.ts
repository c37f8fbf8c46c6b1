/** The container that a word of the command line names. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { type EngineOptions, findPlace, type NamedPlace } from "../container/place.ts";

/**
 * Finds out what NAME means.
 *
 * @throws {UserError} exit code 2 for "default", and as {@linkcode findPlace}
 */
export async function placeCalled(
  host: Host,
  options: EngineOptions & { word: string },
): Promise<NamedPlace> {
  const place = await findPlace(host, options);
  // The container's profile has its name, and every container has the profile "default".
  if (place.name !== "default") return place;
  throw inputError('The name "default" is that of the engine\'s own profile', "Choose another");
}
