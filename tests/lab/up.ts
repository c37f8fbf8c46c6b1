/** Brings the lab up, from whatever is there. */

import { mountCheckout } from "./checkout.ts";
import { ensureDesktop } from "./desktop.ts";
import { ensureEngine, ensureImage, findEngine } from "./engines.ts";
import { ensureDefaultImage } from "./image_servers.ts";
import { ensureImageFiles, type ImageFiles } from "./image.ts";
import { hostPackages, installPackages, xpraRuntimePackages } from "./packages.ts";
import { engineNames, labEngineNames, type Part, saveState, type XpraSource } from "./state.ts";
import { type Lab, partStep, step } from "./steps.ts";
import { ensureDenoPackages, ensureUser } from "./user.ts";
import { ensureWayland } from "./wayland.ts";
import { buildLog, ensureHostXpra, findXpraSource, noSource } from "./xpra.ts";

/** All of it; what is there is kept. Parts that cannot be had are recorded as missing, with the reason. */
export async function bringUp(lab: Lab): Promise<void> {
  const root = Deno.uid() === 0;
  await step(lab, "packages", () => installPackages(lab, [...hostPackages, ...xpraRuntimePackages]));
  await partStep(lab, "user", () => ensureUser(lab.state));
  await ensureDesktop(lab);
  await ensureWayland(lab);
  if (!root) {
    await partStep(lab, "xpra", () => ensureHostXpra(lab, undefined));
    lab.state.parts.imageXpra = { missing: "no image says that it has one" };
    for (const engine of engineNames) await findEngine(lab, engine);
    lab.state.parts.incus7 = { missing: "unpacking and starting it takes root" };
    saveState(lab.state);
    return;
  }
  await step(lab, "checkout", async () => {
    const place = await mountCheckout(lab.state.user!);
    const packages = await ensureDenoPackages(lab.state, place).catch((error) => `not installed: ${error.message}`);
    return `${place} (Deno's packages: ${packages})`;
  });
  await Promise.all(labEngineNames.map((engine) => ensureEngine(lab, engine)));
  let source: XpraSource | undefined;
  await step(lab, "xpra's source", async () => {
    try {
      source = await findXpraSource(lab);
    } catch (error) {
      lab.ui.warn(`xpra cannot be built (see ${buildLog()}): ${error instanceof Error ? error.message : error}`);
    }
    return source ? `${source.kind} ${source.version}` : "none";
  });
  await partStep(lab, "xpra", () => ensureHostXpra(lab, source));
  let files: ImageFiles | undefined;
  await partStep(lab, "imageXpra", async (): Promise<Part> => {
    files = await ensureImageFiles(lab, source);
    return source ? { version: source.version, note: source.kind } : { missing: noSource };
  });
  for (const engine of labEngineNames) {
    if (files) {
      await ensureImage(lab, engine, files);
      // Both versions of Incus have one configuration of the user's.
      if (engine !== "incus7") await step(lab, "default image", () => ensureDefaultImage(lab, engine));
    } else if (!("missing" in lab.state.parts[engine])) {
      lab.state.parts[engine] = { missing: "the image cannot be built" };
    }
  }
  saveState(lab.state);
}
