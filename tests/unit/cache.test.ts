// @ts-types="../../lib/types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { cacheInstance, describeCached, findCached, recipeOf } from "../../lib/cache.ts";
import { chooseEngine, type Engine, type Image } from "../../lib/engine.ts";
import { UserError } from "../../lib/errors.ts";
import { type RecordingHost, recordingHost } from "./recording_host.ts";

const fingerprint = "ab".repeat(32);

/** An engine whose base image has this fingerprint, and whose store holds these images. */
async function engineWith(
  { base = fingerprint, images = [] }: { base?: string; images?: readonly Partial<Image>[] } = {},
): Promise<{ engine: Engine; recorded: RecordingHost }> {
  const recorded = recordingHost({
    answer: (argv) => ({
      stdout: argv[1] === "image" ? `Fingerprint: ${base}\nSize: 1MiB\n` : JSON.stringify(images),
    }),
  });
  return { engine: await chooseEngine(recorded.host, "lxc"), recorded };
}

Deno.test("recipeOf() is the same for the same base image and profile, whatever the image is called", async () => {
  const { engine } = await engineWith();
  const recipe = await recipeOf(engine, { image: "ubuntu:", profile: "config: {}\n" });
  assertMatch(recipe, /^[0-9a-f]{64}$/);
  assertEquals(await recipeOf(engine, { image: "ubuntu:24.04", profile: "config: {}\n" }), recipe);
});

Deno.test("recipeOf() differs with the base image, and with the profile, which holds the user-data", async () => {
  const { engine } = await engineWith();
  const { engine: newer } = await engineWith({ base: "cd".repeat(32) });
  const recipes = [
    await recipeOf(engine, { image: "x", profile: "config: {}\n" }),
    await recipeOf(engine, { image: "x", profile: "config: {a: b}\n" }),
    await recipeOf(newer, { image: "x", profile: "config: {}\n" }),
  ];
  assertEquals(new Set(recipes).size, 3);
});

Deno.test("recipeOf() refuses an image that the engine does not know", async () => {
  const recorded = recordingHost({ answer: () => ({ stdout: "no such thing\n" }) });
  const engine = await chooseEngine(recorded.host, "lxc");
  await assertRejects(() => recipeOf(engine, { image: "x", profile: "" }), UserError, '"x"');
});

const recipeKey = "user.gui-container.recipe";

Deno.test("findCached() takes the newest image of the recipe, and none of another one", async () => {
  const image = (name: string, created_at: string, properties: Record<string, string> | null): Partial<Image> => ({
    fingerprint: name,
    created_at,
    properties,
  });
  const images = [
    image("old", "2024-01-01T00:00:00Z", { [recipeKey]: "r" }),
    image("new", "2024-02-01T00:00:00Z", { [recipeKey]: "r" }),
    image("other", "2024-03-01T00:00:00Z", { [recipeKey]: "s" }),
    image("foreign", "2024-03-01T00:00:00Z", null),
  ];
  const { engine } = await engineWith({ images });
  assertEquals((await findCached(engine, "r"))?.fingerprint, "new");
  assertEquals(await findCached(engine, "t"), undefined);
});

Deno.test("cacheInstance() takes the container's identity away before it is stopped and kept", async () => {
  const { engine, recorded } = await engineWith({
    images: [{ fingerprint, created_at: "2024-01-01T00:00:00Z", properties: { [recipeKey]: "r" } }],
  });
  const made = await cacheInstance(engine, "box", { recipe: "r", run: "7" });
  assertEquals(made.fingerprint, fingerprint);
  assertEquals(recorded.calls.map((argv) => argv[1]), ["exec", "stop", "publish", "query"]);
  const script = recorded.calls[0]!.at(-1)!;
  for (const word of ["ssh_host_", "machine-id", "cloud-init clean", "authorized_keys"]) assert(script.includes(word));
  assertEquals(recorded.calls[2]!.slice(-2), [`${recipeKey}=r`, "user.gui-container.run=7"]);
});

Deno.test("describeCached() tells alias, age and size", () => {
  const aged = (minutes: number): string =>
    describeCached({
      fingerprint,
      aliases: [{ name: "gui-container-1" }],
      created_at: new Date(Date.now() - minutes * 60_000).toISOString(),
      size: 3 * 2 ** 20,
      properties: null,
    });
  assertEquals(aged(5), "Using the cached image gui-container-1, 5 min old, 3 MiB on disk");
  assertMatch(aged(120), /, 2 h old,/);
  assertMatch(aged(3 * 1440), /, 3 days old,/);
});
