/** The command line that opens a link or file in another container or on this host. */

import { programPath } from "../../base/script_names.ts";
import { engineArguments } from "../../container/address.ts";
import type { Container } from "../../container/container.ts";
import type { Destination } from "../../channels/destinations.ts";
import { settingsFor } from "../../settings/file.ts";

/**
 * The command line that opens a link, or a file in another container. Words from the container follow `--`, so that
 * attach.ts takes none for an option. A copy cannot open links itself, nor files if it is for a file, so that no chain
 * of copies arises. Engine and project are those in the target's settings, or else those of the container that the link
 * or file comes from.
 *
 * @throws {UserError} exit code 2 for a settings file that cannot be read
 */
export async function openArgv(
  { host, engine }: Pick<Container, "host" | "engine">,
  destination: Destination,
  { href, protocol }: URL,
): Promise<string[]> {
  if (destination.on === "host") return ["xdg-open", href];
  const settings = await settingsFor(host, destination.container);
  const set = (["engine", "project"] as const).filter((key) => settings.has(key));
  const options = engineArguments(engine).filter((option) => !set.some((key) => option.startsWith(`--${key}=`)));
  const copy = destination.on === "copy"
    ? ["--disposable", protocol === "file:" ? "--deny=links,files" : "--deny=links"]
    : [];
  return [programPath("attach.ts"), ...options, ...copy, destination.container, "--", href];
}
