/** Brings the lab up, from whatever is there. */

import { UserError } from "../../lib/base/errors.ts";
import { showCheckout } from "./checkout.ts";
import { ensureDesktop, ensureSession } from "./desktop.ts";
import { ensureEngine, ensureImage, findEngine } from "./engines.ts";
import { ensureDefaultImage } from "./image_servers.ts";
import { ensureImageFiles, type ImageFiles } from "./image.ts";
import { demoImagePackages } from "./image_recipe.ts";
import { type Lacks, machineLacks, madeOfContainers, noContainers, whereToRead } from "./machine.ts";
import {
  demoPackages,
  hostPackages,
  imageBuildPackages,
  installPackages,
  whyNotInstallable,
  xpraRuntimePackages,
} from "./packages.ts";
import { mendRootIds } from "./root_ids.ts";
import { engineNames, labEngineNames, type Part, saveState, type XpraSource } from "./state.ts";
import { type Lab, partStep, step } from "./steps.ts";
import { ensureUserManager } from "./user_manager.ts";
import { ensureDenoPackages, ensureUser } from "./user.ts";
import { ensureWayland } from "./wayland.ts";
import { buildLog, ensureHostXpra, findXpraSource, noSource } from "./xpra.ts";

/**
 * What the demo needs: one engine, a Wayland desktop, and an image without xpra. What is there is kept. The image is built
 * while the packages of the rest are installed: either keeps one processor busy.
 */
export async function bringUpDemo(lab: Lab): Promise<void> {
  const { root, containers } = lab.state.lacks = await machineLacks();
  const reason = root ?? containers ?? await whyNotInstallable(demoPackages);
  if (reason) throw new UserError(reason, { hint: `See ${whereToRead}` });
  await step(lab, "packages for the image", () => installPackages(lab, imageBuildPackages));
  const [files] = await Promise.all([
    ensureImageFiles(lab, { packages: demoImagePackages, xpra: undefined }),
    bringUpDemoHost(lab),
  ]);
  await ensureImage(lab, "incus", files, { measures: false });
  saveState(lab.state);
}

async function bringUpDemoHost(lab: Lab): Promise<void> {
  await step(lab, "packages", () => installPackages(lab, demoPackages));
  await partStep(lab, "user", () => ensureUser(lab.state));
  await Promise.all([ensureEngine(lab, "incus"), bringUpDemoDesktop(lab)]);
}

async function bringUpDemoDesktop(lab: Lab): Promise<void> {
  await ensureSession(lab);
  await ensureWayland(lab);
  await step(lab, "checkout", () => prepareCheckout(lab));
  await step(lab, "default image", () => ensureDefaultImage(lab, "incus"));
}

/** The user and the desktops: all that a seat has. */
export async function bringUpDesktops(lab: Lab): Promise<void> {
  lab.state.lacks = await machineLacks();
  await partStep(lab, "user", () => ensureUser(lab.state));
  await ensureDesktop(lab);
  await ensureWayland(lab);
  saveState(lab.state);
}

/** All of it; what is there is kept. Parts that cannot be had are recorded as missing, with the reason. */
export async function bringUp(lab: Lab): Promise<void> {
  const { root, containers } = await lookAtMachine(lab);
  // Without containers, no end-to-end test is worth a package.
  if (!containers) {
    await step(lab, "packages", () => installPackages(lab, [...hostPackages, ...xpraRuntimePackages]));
  }
  await partStep(lab, "user", () => ensureUser(lab.state));
  await ensureDesktop(lab);
  await ensureWayland(lab);
  if (!root) await step(lab, "checkout", () => prepareCheckout(lab));
  if (root ?? containers) {
    await partStep(lab, "xpra", () => ensureHostXpra(lab, undefined));
    lab.state.parts.imageXpra = { missing: "no image says that it has one" };
    if (containers) {
      for (const part of madeOfContainers) lab.state.parts[part] = { missing: noContainers };
      return saveState(lab.state);
    }
    for (const engine of engineNames) await findEngine(lab, engine);
    lab.state.parts.incus7 = { missing: "unpacking and starting it takes root" };
    return saveState(lab.state);
  }
  await partStep(lab, "userManager", () => ensureUserManager(lab, lab.state.user!));
  await mendRootIds(lab);
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
    files = await ensureImageFiles(lab, { xpra: source });
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

/** Says what the machine lacks for the lab, before anything is changed. */
async function lookAtMachine(lab: Lab): Promise<Lacks> {
  lab.state.lacks = await machineLacks();
  for (const reason of Object.values(lab.state.lacks)) lab.ui.warn(`${reason}. See ${whereToRead}`);
  return lab.state.lacks;
}

async function prepareCheckout({ state }: Lab): Promise<string> {
  const { place, isCopy } = await showCheckout(state.user!);
  const packages = await ensureDenoPackages(state, place).catch((error) => `not installed: ${error.message}`);
  return `${place} (${isCopy ? "a copy, brought up to date at each run; " : ""}Deno's packages: ${packages})`;
}
