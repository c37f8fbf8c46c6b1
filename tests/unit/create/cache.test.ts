import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import {
  cachedImages,
  cacheInstance,
  chooseCached,
  describeCached,
  recipeOf,
  removeReplaced,
} from "../../../lib/create/cache.ts";
import type { Host } from "../../../lib/base/host.ts";
import { chooseEngine, type Engine } from "../../../lib/engine/engine.ts";
import type { Image } from "../../../lib/engine/image.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { type RecordingHost, recordingHost } from "../recording_host.ts";

const fingerprint = "ab".repeat(32);

/** An engine whose base image has this fingerprint, and whose store holds these images. */
async function engineWith(
  { base = fingerprint, images = [] }: { base?: string; images?: readonly Partial<Image>[] } = {},
): Promise<{ host: Host; engine: Engine; recorded: RecordingHost }> {
  const recorded = recordingHost({
    answer: (argv) => ({
      stdout: argv[1] === "image"
        ? `Fingerprint: ${base}\nSize: 1MiB\n`
        : argv[1] === "publish"
        ? `Instance published with fingerprint: ${fingerprint}\n`
        : JSON.stringify(images),
    }),
  });
  return { host: recorded.host, engine: await chooseEngine(recorded.host, { engine: "lxc" }), recorded };
}

Deno.test("recipeOf() is the same for the same base image and profile, whatever the image is called", async () => {
  const { host, engine } = await engineWith();
  const recipe = await recipeOf(host, engine, { image: "ubuntu:", profile: "config: {}\n" });
  assertMatch(recipe.recipe, /^[0-9a-f]{64}$/);
  const other = await recipeOf(host, engine, { image: "ubuntu:24.04", profile: "config: {}\n" });
  assertEquals(other.recipe, recipe.recipe);
  assertNotEquals(other.source, recipe.source);
});

Deno.test("recipeOf() differs with the base image, and with the profile, which holds the user-data", async () => {
  const { host, engine } = await engineWith();
  const newer = await engineWith({ base: "cd".repeat(32) });
  const recipes = [
    await recipeOf(host, engine, { image: "x", profile: "config: {}\n" }),
    await recipeOf(host, engine, { image: "x", profile: "config: {a: b}\n" }),
    await recipeOf(newer.host, newer.engine, { image: "x", profile: "config: {}\n" }),
  ];
  assertEquals(new Set(recipes.map(({ recipe }) => recipe)).size, 3);
  assertEquals(recipes[0]!.source, recipes[2]!.source, "the same source, an older base image");
});

Deno.test("recipeOf() refuses an image that the engine does not know", async () => {
  const { host } = recordingHost({ answer: () => ({ stdout: "no such thing\n" }) });
  const engine = await chooseEngine(host, { engine: "lxc" });
  await assertRejects(() => recipeOf(host, engine, { image: "x", profile: "" }), UserError, '"x"');
});

const recipeKey = "user.gui-container.recipe";
const sourceKey = "user.gui-container.source";
const recipe = { recipe: "r", source: "s" };

function image(name: string, created_at: string, properties: Record<string, string>): Partial<Image> {
  return { fingerprint: name, created_at, properties };
}

Deno.test("chooseCached() takes the oldest image of the recipe, and none of another one or older than a month", async () => {
  const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
  const images = [
    image("too-old", daysAgo(31), { [recipeKey]: "r" }),
    image("foreign", "2024-01-01T00:00:00Z", {}),
    image("other", daysAgo(28), { [recipeKey]: "other", [sourceKey]: "s" }),
    image("new", daysAgo(1), { [recipeKey]: "r" }),
    image("old-2", daysAgo(20), { [recipeKey]: "r" }),
    image("old-1", daysAgo(29), { [recipeKey]: "r" }),
  ];
  const { host, engine } = await engineWith({ images });
  const cached = await cachedImages(host, engine, recipe);
  assertEquals(cached.map(({ fingerprint }) => fingerprint), ["too-old", "other", "new", "old-2", "old-1"]);
  assertEquals(chooseCached(cached, { recipe })?.fingerprint, "old-1");
  assertEquals(chooseCached(cached, { recipe, unusable: ["old-1", "old-2"] })?.fingerprint, "new");
  assertEquals(chooseCached(cached, { recipe: { recipe: "t", source: "s" } }), undefined);
});

Deno.test("removeReplaced() removes the images of older bases and of the same recipe, and no others", async () => {
  const images = [
    image("used", "2024-02-01T00:00:00Z", { [recipeKey]: "r", [sourceKey]: "s" }),
    image("twin", "2024-02-02T00:00:00Z", { [recipeKey]: "r", [sourceKey]: "s" }),
    image("older-base", "2024-01-01T00:00:00Z", { [recipeKey]: "q", [sourceKey]: "s" }),
    image("other-name", "2024-01-01T00:00:00Z", { [recipeKey]: "r", [sourceKey]: "t" }),
    image("other-recipe", "2024-01-01T00:00:00Z", { [recipeKey]: "q", [sourceKey]: "t" }),
    image("foreign", "2024-01-01T00:00:00Z", {}),
  ];
  const { host, engine, recorded } = await engineWith({ images });
  await removeReplaced(host, engine, { images: await cachedImages(host, engine, recipe), used: "used" });
  const removed = recorded.calls.filter(([, command]) => command === "image").map((argv) => argv.at(-1));
  assertEquals(removed, ["twin", "older-base", "other-name"]);
});

Deno.test("cacheInstance() takes the container's identity away before it is stopped and kept", async () => {
  const { host, engine, recorded } = await engineWith();
  assertEquals(await cacheInstance(host, { engine, name: "box" }, { recipe, run: "7" }), fingerprint);
  assertEquals(recorded.calls.map((argv) => argv[1]), ["exec", "stop", "publish"]);
  const script = recorded.calls[0]!.at(-1)!;
  for (const word of ["ssh_host_", "machine-id", "cloud-init clean", "authorized_keys"]) assert(script.includes(word));
  assertEquals(recorded.calls[2]!.slice(-3), [`${recipeKey}=r`, `${sourceKey}=s`, "user.gui-container.run=7"]);
});

Deno.test("describeCached() tells fingerprint, day and size", () => {
  const image = { fingerprint, created_at: "2026-11-29T06:00:00Z", size: 3 * 2 ** 20, properties: {} };
  assertEquals(describeCached(image), "Using the cached image abababababab of 2026-11-29, 3 MiB on disk");
});
