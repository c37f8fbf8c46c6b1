/** The command line of another run, which opens something in a container or on this host. */

import { programPath } from "../../base/script_names.ts";
import { engineArguments } from "../../container/address.ts";
import type { Container } from "../../container/container.ts";
import type { Destination } from "../../channels/destinations.ts";
import { settingsFor } from "../../settings/file.ts";

/**
 * The command line that opens a link, or a file in another container. The container's words stand behind `--`, where
 * attach.ts takes none for an option. A copy opens no links itself, and one for a file no files either, so that nothing
 * leads from copy to copy. Engine and project are those that are set for it, else those of the container that
 * the link or file comes from.
 *
 * @throws {UserError} exit code 2 for a settings file that is not read
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
