/** Brings the lab up, from whatever is there. */

import { UserError } from "../../lib/base/errors.ts";
import { showCheckout } from "./checkout.ts";
import { makeCluster } from "./cluster.ts";
import { ensureDesktop, ensureSession } from "./desktop.ts";
import { engineRecord, ensureEngine, ensureImage, findEngine } from "./engines.ts";
import { ensureDefaultImage } from "./image_servers.ts";
import { ensureImageFiles, type ImageFiles, removeOldImages } from "./image.ts";
import { demoImagePackages } from "./image_recipe.ts";
import { type Lacks, machineLacks, noContainers, whereToRead } from "./machine.ts";
import {
  demoPackages,
  hostPackages,
  imageBuildPackages,
  installPackages,
  whyNotInstallable,
  xpraRuntimePackages,
} from "./packages.ts";
import { mendRootIds } from "./root_ids.ts";
import {
  engineNames,
  type LabEngine,
  labEngineNames,
  type Part,
  partNames,
  saveState,
  type XpraSource,
} from "./state.ts";
import { type Lab, partStep, step } from "./steps.ts";
import { findToday, makeTodayRoot } from "./today.ts";
import { ensureUserManager } from "./user_manager.ts";
import { ensureDenoPackages, ensureUser } from "./user.ts";
import { ensureWayland } from "./wayland.ts";
import { buildLog, buildXpraSource, ensureHostXpra, ensureXpra5, findXpraSource, noSource } from "./xpra.ts";

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
  await removeOldImages();
  await ensureImage(lab, "incus", files);
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

/** The user and the desktops, all that a seat has; no desktops where there can be no containers to show. */
export async function bringUpDesktops(lab: Lab): Promise<void> {
  const { containers } = lab.state.lacks = await machineLacks();
  await partStep(lab, "user", () => ensureUser(lab.state));
  if (containers) {
    for (const part of partNames) if (part !== "user") lab.state.parts[part] = { missing: noContainers };
  } else {
    await ensureDesktop(lab);
    await ensureWayland(lab);
  }
  saveState(lab.state);
}

/** The lab while it comes up: each of these is fulfilled when its parts are there, or known to be missing. */
export interface ComingUp {
  /** The host's packages. */
  packages: Promise<void>;
  /** The desktops, the checkout, and the engines without an image. */
  host: Promise<void>;
  /** An image for windows on Wayland, with xpra or without, on {@linkcode waylandEngine}. */
  wayland: Promise<void>;
  /** All of it: xpra, and the image with it on the engines. */
  all: Promise<void>;
}

/** What {@linkcode startRest} makes. */
export interface Rest {
  cluster: Promise<void>;
  xpra5: Promise<void>;
  today: Promise<void>;
}

/** The engine that gets an image first. */
function waylandEngine({ state }: Lab): LabEngine {
  return "missing" in state.parts.incus7 ? "incus" : "incus7";
}

/**
 * Brings it up; what is there is kept. Parts that cannot be had are recorded as missing, with the reason. Two processors
 * are kept busy: an image is built while packages are installed, and xpra while that one is used.
 *
 * @param options `isShort`: of the versions of Incus, only one gets the image
 */
export async function startLab(lab: Lab, { isShort = false } = {}): Promise<ComingUp> {
  const lacks = await lookAtMachine(lab);
  if (lacks.root ?? lacks.containers) {
    const all = findLab(lab, lacks);
    return { packages: all, host: all, wayland: all, all };
  }
  const imageTools = ensurePackages(lab, "packages for the image", imageBuildPackages);
  const packages = imageTools.then(() => ensurePackages(lab, "packages", [...hostPackages, ...xpraRuntimePackages]));
  const host = packages.then(() => bringUpHost(lab));
  const found = imageTools.then(() => findXpraSource(lab));
  // Without xpra, if that is to be built.
  const first = found.then((xpra) => imageFiles(lab, xpra));
  const wayland = Promise.all([first, host]).then(([files]) => giveImage(lab, waylandEngine(lab), { files }));
  const all = Promise.all([found, packages]).then(async ([known]) => {
    const xpra = known ?? await buildXpra(lab);
    await host;
    await partStep(lab, "xpra", () => ensureHostXpra(lab, xpra));
    const [beside] = await Promise.all([first, wayland]);
    const files = known ? beside : await imageFiles(lab, xpra);
    const engines: readonly LabEngine[] = isShort ? ["lxc", waylandEngine(lab)] : labEngineNames;
    for (const engine of engines) await giveImage(lab, engine, { files, beside });
    for (const engine of labEngineNames) noteMissingImage(lab, engine);
    if (files) await removeOldImages();
    await partStep(lab, "imageXpra", () => Promise.resolve(describeXpra(xpra)));
  });
  // Whoever waits for all of it is told of the first error.
  for (const part of [packages, host, wayland]) part.catch(() => {});
  return { packages, host, wayland, all };
}

/** Makes, after all of that, what is not of the lab's own machine and time: other servers, an old xpra, today's host. */
export function startRest(lab: Lab, { all }: ComingUp): Rest {
  if (lab.state.lacks?.root ?? lab.state.lacks?.containers) return { cluster: all, xpra5: all, today: all };
  return {
    cluster: all.then(() => makeCluster(lab)),
    xpra5: all.then(() => partStep(lab, "xpra5", () => ensureXpra5(lab))),
    today: all.then(() => partStep(lab, "today", () => makeTodayRoot(lab).then(() => findToday(lab)))),
  };
}

/** Installs what is missing. Without it, parts come out as missing, each with its reason. */
async function ensurePackages(lab: Lab, name: string, packages: readonly string[]): Promise<void> {
  await step(lab, name, () =>
    installPackages(lab, packages).catch((error) => {
      lab.ui.warn(`Packages cannot be installed: ${error.message}`);
      return "not installed";
    }));
}

/** The user, the desktops, the checkout, and the engines without an image. */
async function bringUpHost(lab: Lab): Promise<void> {
  await partStep(lab, "user", () => ensureUser(lab.state));
  await Promise.all([bringUpEngines(lab), bringUpDesktop(lab)]);
}

async function bringUpEngines(lab: Lab): Promise<void> {
  await mendRootIds(lab);
  await Promise.all(labEngineNames.map((engine) => ensureEngine(lab, engine)));
}

async function bringUpDesktop(lab: Lab): Promise<void> {
  await ensureDesktop(lab);
  await ensureWayland(lab);
  await partStep(lab, "userManager", () => ensureUserManager(lab, lab.state.user!));
  await step(lab, "checkout", () => prepareCheckout(lab));
}

/** Without root, or where there can be no containers: what is there. */
async function findLab(lab: Lab, { root, containers }: Lacks): Promise<void> {
  // Without containers, no end-to-end test is worth a package or a desktop.
  if (!containers) await ensurePackages(lab, "packages", [...hostPackages, ...xpraRuntimePackages]);
  await bringUpDesktops(lab);
  if (!root) await step(lab, "checkout", () => prepareCheckout(lab));
  if (containers) return;
  await partStep(lab, "xpra", () => ensureHostXpra(lab, undefined));
  lab.state.parts.imageXpra = { missing: "no image says that it has one" };
  for (const engine of engineNames) await findEngine(lab, engine);
  lab.state.parts.incus7 = { missing: "unpacking and starting it takes root" };
  saveState(lab.state);
}

async function buildXpra(lab: Lab): Promise<XpraSource | undefined> {
  let source: XpraSource | undefined;
  await step(lab, "xpra's source", async () => {
    try {
      source = await buildXpraSource(lab);
    } catch (error) {
      lab.ui.warn(`xpra cannot be built (see ${buildLog()}): ${error instanceof Error ? error.message : error}`);
    }
    return source ? `${source.kind} ${source.version}` : "none";
  });
  return source;
}

function describeXpra(xpra: XpraSource | undefined): Part {
  return xpra ? { version: xpra.version, note: xpra.kind } : { missing: noSource };
}

/** The image's files; undefined, and a warning, when they cannot be built. */
async function imageFiles(lab: Lab, xpra: XpraSource | undefined): Promise<ImageFiles | undefined> {
  let files: ImageFiles | undefined;
  await step(lab, xpra ? "image with xpra" : "image without xpra", async () => {
    try {
      files = await ensureImageFiles(lab, { xpra });
    } catch (error) {
      lab.ui.warn(`The image cannot be built: ${error instanceof Error ? error.message : error}`);
    }
    return files?.fingerprint.slice(0, 12) ?? "none";
  });
  return files;
}

async function giveImage(
  lab: Lab,
  engine: LabEngine,
  { files, beside }: { files: ImageFiles | undefined; beside?: ImageFiles | undefined },
): Promise<void> {
  if (files === undefined) return;
  await ensureImage(lab, engine, files, { beside: engine === waylandEngine(lab) ? beside : undefined });
  // Both versions of Incus have one configuration of the user's.
  const client = engine === "incus7" ? "incus" : engine;
  await step(lab, "default image", () => ensureDefaultImage(lab, client));
}

/** An engine that runs and has no image counts as missing. */
function noteMissingImage(lab: Lab, engine: LabEngine): void {
  if (engineRecord(lab, engine).images.length > 0 || "missing" in lab.state.parts[engine]) return;
  lab.state.parts[engine] = { missing: "it has no image (deno task lab up)" };
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
