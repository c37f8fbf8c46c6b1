/** The engines' image servers. Where the default image cannot be had from there, the lab's own stands in for it. */

import { join } from "@std/path";
import { parse, stringify } from "@std/yaml";
import { isMap } from "../../lib/base/yaml.ts";
import { callerEnvironment } from "./environment.ts";
import { imageAlias } from "./image.ts";
import type { EngineName } from "./state.ts";
import type { Lab } from "./steps.ts";
import { runAsUser } from "./user.ts";

/** What create.ts launches by default. */
const defaultImages: Readonly<Record<EngineName, string>> = { lxc: "ubuntu:", incus: "images:ubuntu/24.04/cloud" };

/**
 * Where the user of the lab cannot reach the default image, aliases in the user's own configuration of the CLI make
 * `launch` and `image info` take the lab's image for it. (A remote of that name could not: LXD's "ubuntu:" is fixed.)
 *
 * @returns what was done, in a few words
 */
export async function ensureDefaultImage({ state }: Lab, engine: EngineName): Promise<string> {
  const image = defaultImages[engine];
  const user = state.user!;
  const file = join(user.home, ".config", engine, "config.yml");
  const config = parse(await Deno.readTextFile(file).catch(() => "{}"));
  if (!isMap(config)) throw new Error(`${file} is no map`);
  const known = isMap(config.aliases) ? config.aliases : {};
  const aliases = Object.fromEntries(
    ["launch", "image info"].map((command) => [`${command} ${image}`, `${command} ${imageAlias}`]),
  );
  if (Object.entries(aliases).every(([alias, command]) => known[alias] === command)) {
    return `${imageAlias} stands in for ${image}`;
  }
  try {
    await runAsUser(user, [engine, "image", "info", image], { env: callerEnvironment(), timeoutMs: 10_000 });
    return `${image} can be reached`;
  } catch {
    await Deno.writeTextFile(file, stringify({ ...config, aliases: { ...known, ...aliases } }));
    await Deno.chown(file, user.uid, user.gid);
    return `${image} cannot be reached: ${imageAlias} stands in for it`;
  }
}
