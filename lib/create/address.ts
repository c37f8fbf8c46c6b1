/** The container that a word of the command line names. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { type Address, findAddress } from "../container/address.ts";

/**
 * Finds out what NAME means.
 *
 * @throws {UserError} exit code 2 for "default", and as {@linkcode findAddress}
 */
export async function addressCalled(host: Host, options: Parameters<typeof findAddress>[1]): Promise<Address> {
  const address = await findAddress(host, options);
  // The container's profile has its name, and every container has the profile "default".
  if (address.name !== "default") return address;
  throw inputError('The name "default" is that of the engine\'s own profile', "Choose another");
}
