/** Where the end-to-end tests run: on each engine at hand, in containers that those of a file share. */

import { join } from "@std/path";
import { type EngineName, engineNames, missingParts, type PartName } from "../lab/state.ts";
import { tellAftermath } from "./aftermath.ts";
import { publicKey, root, script, scriptRuns } from "./run.ts";

export type { EngineName };

/** What the tests of a file share on an engine, such as a container. */
export interface Fixture {
  /** Makes it. */
  make(engine: EngineName): Promise<unknown>;
  /** Removes it. */
  remove(engine: EngineName): Promise<unknown>;
}

let shared: Fixture | undefined;

/** The engines on which {@linkcode shared} is made. */
const made = new Map<EngineName, Promise<unknown>>();

/**
 * Has the tests of this file share something on each engine: it is made before the first of them that runs there,
 * whichever that is, and removed after the last.
 */
export function shareOnEngines(fixture: Fixture): void {
  shared = fixture;
  Deno.test.afterAll(async () => {
    for (const engine of made.keys()) await fixture.remove(engine);
  });
}

/** Makes what is shared on this engine, if it is not there yet. */
export async function makeShared(engine: EngineName): Promise<void> {
  if (!made.has(engine)) made.set(engine, Promise.resolve(shared?.make(engine)));
  await made.get(engine);
}

/** Removes what is shared on this engine after a test that has failed: the next one gets it anew, whatever that left. */
async function discardShared(engine: EngineName): Promise<void> {
  // What the test did not wait for fails now as well, and would end the whole file.
  globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
  // Some check that no session is left, which does not count any more. The next one removes the rest first.
  if (made.delete(engine)) await shared?.remove(engine).catch(() => {});
}

/**
 * Registers a test once for each engine, or for those that are named. Where a part of the lab is missing the test is
 * ignored, with the reason in its name.
 */
export function testOnEngines(
  name: string,
  parts: readonly PartName[],
  test: (engine: EngineName, context: Deno.TestContext) => Promise<void>,
  engines: readonly EngineName[] = engineNames,
): void {
  for (const engine of engines) {
    const missing = missingParts(engine, ...parts);
    Deno.test({
      name: `${engine}: ${name}${missing ? ` (skipped: ${missing})` : ""}`,
      ignore: missing !== undefined,
      async fn(context) {
        scriptRuns.length = 0;
        await makeShared(engine);
        await test(engine, context).catch(async (error) => {
          await tellAftermath(engine).catch(() => {});
          await discardShared(engine);
          throw error;
        });
      },
    });
  }
}

/**
 * Runs a part of a test, which goes on from the part before it. Where separate tests can share something on an engine,
 * they say more: each runs alone, too.
 */
export async function testPart(context: Deno.TestContext, holds: string, act: () => Promise<void>): Promise<void> {
  if (!await context.step(holds, act)) throw new Error("What comes after a part that has failed is not run");
}

/** Makes a container with create.ts for the tests of one file, and first removes one that a killed run has left. */
export async function makeContainer(
  engine: EngineName,
  name: string,
  cloudInit = "#cloud-config\ndisable_root: true\n",
  options: readonly string[] = ["--image=gui-lab"],
): Promise<void> {
  await removeContainer(engine, name);
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "test.yaml");
    await Deno.writeTextFile(file, cloudInit);
    const result = await script("create", engine, [
      ...options,
      // A run of the tests has one without it while xpra is built.
      ...(missingParts("imageXpra") && options.every((option) => option.startsWith("--image="))
        ? ["--without-xpra"]
        : []),
      "--yes",
      name,
      publicKey,
      join(root, "profiles/gui.yaml"),
      file,
    ]);
    if (result.code !== 0) throw new Error(`create.ts failed: ${result.stderr}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Has the tests of this file share a container on each engine, `e2e-WORD-ENGINE`.
 *
 * @param options `cloudInit`: what it is made with; `prepare`: does the rest before the first test
 * @returns its name on an engine
 */
export function shareContainer(
  word: string,
  { cloudInit, prepare }: { cloudInit?: string; prepare?: (engine: EngineName, name: string) => Promise<unknown> } = {},
): (engine: EngineName) => string {
  const nameOn = (engine: EngineName): string => `e2e-${word}-${engine}`;
  shareOnEngines({
    make: async (engine) => {
      await makeContainer(engine, nameOn(engine), cloudInit);
      await prepare?.(engine, nameOn(engine));
    },
    remove: (engine) => removeContainer(engine, nameOn(engine)),
  });
  return nameOn;
}

/** Removes a container of the tests, whatever state it is in. */
export async function removeContainer(engine: EngineName, name: string): Promise<void> {
  await script("create", engine, ["--delete", "--force", name]);
}
