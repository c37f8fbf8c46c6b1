/** Provisioned containers kept as local images: the next container of the same recipe starts from one. */

import { runKey } from "./creation.ts";
import { type Engine, exec, findImages, type Image, imageFingerprint, publish } from "./engine.ts";
import { userDataKey } from "./profile.ts";

/** The image property that holds the recipe: what the image was made from, by its hash. */
const recipeKey = "user.gui-container.recipe";

/**
 * The configuration of an instance from a cached image. Its user-data is done in the image already: what cloud-init would
 * do again, package lists above all, takes longer than the rest. Identity (host keys, host name) cloud-init makes anew.
 */
export const cachedInstanceConfig: Readonly<Record<string, string>> = { [userDataKey]: "#cloud-config\n{}\n" };

/** Takes away what makes the container itself, as root in it: cloud-init does it again in a container of the image. */
const generalizeScript = `
set -eu
apt-get clean 2>/dev/null || true
cloud-init clean --logs --seed
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
: >/etc/machine-id
rm -f /home/*/.bash_history /root/.bash_history
find /home -mindepth 3 -name authorized_keys -delete
`;

/** The recipe: SHA-256 over base image, profile and user-data, in hexadecimal. */
export async function recipeOf(
  engine: Engine,
  { image, profile }: { image: string; profile: string },
): Promise<string> {
  const text = `${await imageFingerprint(engine, image)}\n${profile}`;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The newest cached image of a recipe. */
export async function findCached(engine: Engine, recipe: string): Promise<Image | undefined> {
  const images = await findImages(engine, { [recipeKey]: recipe });
  return images.sort((a, b) => a.created_at < b.created_at ? 1 : -1)[0];
}

/** Makes an image of a provisioned instance, which is stopped for it. */
export async function cacheInstance(
  engine: Engine,
  name: string,
  { recipe, run }: { recipe: string; run: string },
): Promise<Image> {
  await exec(engine, name, ["/bin/sh", "-c", generalizeScript], { stdin: "null" });
  await publish(engine, name, {
    alias: `gui-container-${recipe.slice(0, 12)}`,
    properties: { [recipeKey]: recipe, [runKey]: run },
  });
  const made = await findCached(engine, recipe);
  return made ??
    { fingerprint: `gui-container-${recipe.slice(0, 12)}`, aliases: [], created_at: "", size: 0, properties: null };
}

/** One line on a cached image: its age, and what it costs on disk. */
export function describeCached({ created_at, size, aliases }: Image): string {
  const minutes = Math.round((Date.now() - Date.parse(created_at)) / 60_000);
  const age = minutes < 60
    ? `${minutes} min`
    : minutes < 48 * 60
    ? `${Math.round(minutes / 60)} h`
    : `${Math.round(minutes / 1440)} days`;
  return `Using the cached image ${aliases[0]?.name ?? ""}, ${age} old, ${Math.round(size / 2 ** 20)} MiB on disk`;
}
