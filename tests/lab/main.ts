/** The lab's command line: `deno task lab up|status|run|shot|down`. */

import { resolve } from "@std/path";
import { ExitCode, inputError, ProcessError, UserError } from "../../lib/base/errors.ts";
import { terminalUi, type Ui } from "../../lib/base/ui.ts";
import { hint, takeOptions } from "./options.ts";
import { looksUp, runInLab } from "./run.ts";
import {
  desktopNames,
  type EngineName,
  engineNames,
  incusNames,
  labState,
  partsOnRequest,
  seatNames,
  seatState,
  withLock,
} from "./state.ts";

const usage = `\
A machine to test in: LXD, Incus 6 and 7, an image, xpra, and a user with an X and a Wayland desktop, a bus and a
sound server.

Usage: deno task lab up                                     all of it; what is there is kept
       deno task lab up demo                                what the demo needs: Incus 6, a Wayland desktop, an image
       deno task lab up desktops                            the user and the desktops alone
       deno task lab xpra5                                  xpra 5 for the test that needs it: three minutes, once
       deno task lab cluster up                             three Incus in a cluster, and an Incus and an LXD as remotes
       deno task lab cluster kill|start SERVER              m1, m2, m3, far or lxdfar, as a machine that dies and comes back
       deno task lab cluster link SERVER [--delay 20ms] [--rate 10mbit] [--drop]
                                                            a slow link to it, or one that swallows all; plain: as it was
       deno task lab cluster down [--purge]                 stop these servers; with --purge remove them
       deno task lab today up                                a host of Debian testing, with today's desktops: five minutes, once
       deno task lab uml [--security apparmor|selinux] [WORD…]
                                                            an ordinary kernel as a process, with AppArmor in force, and
                                                            the scripts in it: ten minutes; WORD: a word of the steps to run
       deno task lab status                                 what is there, versions, sizes
       deno task lab run [--engine lxc|incus] [--incus 6|7] [--desktop x11|wayland | --host today] [--seat 1..4] -- CMD…
                                                            CMD as the lab's user, in this checkout, on its desktop;
                                                            "incus" is Incus 7 there, or Debian 13's own, 6.0.4; each
                                                            seat has desktops of its own
       deno task lab shot [--desktop x11|wayland] [--seat 1..4] FILE.png
                                                            a picture of the desktop
       deno task lab down [--purge]                         stop it; with --purge remove all that it made

It runs on Debian 13. As root it installs packages, starts LXD and Incus where they do not run, unpacks Incus 7 out of
Debian's backports beside them, makes a storage pool and a bridge where an engine has none, builds an image, and makes
the user "gui-lab". Without root it uses what is there.
State, logs, the image and xpra's wheel are kept in /var/lib/gui-container-lab, or in $GUI_CONTAINER_LAB_DIR.`;

async function main(args: readonly string[], ui: Ui): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "up": {
      const what = rest[0] === "demo" || rest[0] === "desktops" ? rest[0] : "all";
      noMore(what === "all" ? rest : rest.slice(1));
      return await up(ui, { what });
    }
    case "xpra5":
      noMore(rest);
      return await xpra5(ui);
    case "today":
      return await today(rest, ui);
    case "cluster":
      return await cluster(rest, ui);
    case "uml":
      return await uml(rest, ui);
    case "status":
      noMore(rest);
      return await status(ui);
    case "run":
      return await run(rest, ui);
    case "shot":
      return await shot(rest, ui);
    case "down":
      return await down(rest, ui);
    case "help":
    case "--help":
    case "-h":
      ui.result(usage, usage);
      return 0;
    default:
      throw inputError(command === undefined ? "No command is given" : `Unknown command "${command}"`, hint);
  }
}

async function up(ui: Ui, { what = "all" }: { what?: "all" | "demo" | "desktops" } = {}): Promise<number> {
  const start = performance.now();
  const { made, user } = labState();
  if (Deno.uid() !== 0 && made.user && user?.uid === Deno.uid()) {
    if (!looksUp(labState())) throw new UserError("The lab is not up", { hint: "Bring it up as root" });
    ui.status("The lab is up; root takes care of it");
    return 0;
  }
  const [{ bringUpDemo, bringUpDesktops, startLab }, { openLab }] = await Promise.all([
    import("./up.ts"),
    import("./steps.ts"),
  ]);
  await locked(ui, () => {
    const lab = openLab(ui);
    return {
      all: () => startLab(lab).then(({ all }) => all),
      demo: () => bringUpDemo(lab),
      desktops: () => bringUpDesktops(lab),
    }[what]();
  });
  const missing = what !== "all"
    ? []
    : Object.entries(labState().parts).filter(([name, part]) => "missing" in part && !(name in partsOnRequest))
      .map(([name]) => name);
  const took = `${((performance.now() - start) / 1000).toFixed(2)} s`.padStart(8);
  ui.status(`${took}  the lab is up${missing.length > 0 ? `, without ${missing.join(", ")}` : ""}`);
  return 0;
}

async function xpra5(ui: Ui): Promise<number> {
  const [{ ensureXpra5 }, { openLab, partStep }] = await Promise.all([import("./xpra.ts"), import("./steps.ts")]);
  await locked(ui, async () => {
    const lab = openLab(ui);
    await partStep(lab, "xpra5", () => ensureXpra5(lab));
  });
  return 0;
}

async function today(args: readonly string[], ui: Ui): Promise<number> {
  if (args[0] !== "up") throw inputError(args[0] === undefined ? "No command is given" : `Unknown "${args[0]}"`, hint);
  noMore(args.slice(1));
  needRoot("make it");
  await needContainers();
  const [{ findToday, makeTodayRoot }, { openLab, partStep }] = await Promise.all([
    import("./today.ts"),
    import("./steps.ts"),
  ]);
  // Other runs may change the lab meanwhile.
  const made = makeTodayRoot(openLab(ui));
  await made.catch(() => {});
  await locked(ui, async () => {
    const lab = openLab(ui);
    await partStep(lab, "today", () => made.then(() => findToday(lab)));
  });
  return 0;
}

async function cluster(args: readonly string[], ui: Ui): Promise<number> {
  const [command, ...rest] = args;
  const [{ makeCluster, stopCluster }, { controlCluster, serveControl }, { openLab, step }] = await Promise.all([
    import("./cluster.ts"),
    import("./cluster_control.ts"),
    import("./steps.ts"),
  ]);
  switch (command) {
    case "up":
      noMore(rest);
      needRoot("bring the cluster up");
      await needContainers();
      await locked(ui, () => makeCluster(openLab(ui)));
      return 0;
    case "down": {
      const purge = rest[0] === "--purge";
      noMore(purge ? rest.slice(1) : rest);
      needRoot("take the cluster down");
      await locked(ui, async () => {
        const lab = openLab(ui);
        await step(lab, "cluster", () => stopCluster(lab, { purge }));
      });
      return 0;
    }
    case "control":
      return await serveControl();
    case undefined:
      throw inputError("No command is given", hint);
    default:
      ui.status(await controlCluster(args));
      return 0;
  }
}

async function uml(args: readonly string[], ui: Ui): Promise<number> {
  needRoot("boot a kernel");
  const [{ bootUml, securityModules }, { openLab }] = await Promise.all([import("./uml.ts"), import("./steps.ts")]);
  const { options: { security = "apparmor" }, rest } = takeOptions(args, { security: securityModules });
  return await bootUml(openLab(ui), { steps: rest, security });
}

async function run(args: readonly string[], ui: Ui): Promise<number> {
  const { options, rest: argv } = takeOptions(args, {
    engine: engineNames,
    incus: incusNames,
    desktop: desktopNames,
    host: ["today"] as const,
    seat: seatNames,
  });
  if (argv.length === 0) throw inputError("No command to run is given", hint);
  if (!looksUp(labState())) await up(ui);
  const { seat = "1" } = options;
  if (seat !== "1") await (await import("./seat.ts")).ensureSeat(seat);
  const state = labState();
  const { incus7, lxc, display, wayland } = state.parts;
  // The demo's lab has Incus 6 and the Wayland desktop only.
  const isIncus = Deno.env.get("GUI_CONTAINER_ENGINE") === "incus" || "missing" in lxc;
  const engine: EngineName = isIncus ? "incus" : "lxc";
  const { incus = "missing" in incus7 ? "6" : "7", host } = options;
  const { desktop = "missing" in display && "version" in wayland ? "wayland" : "x11" } = options;
  if (incus === "7" && "missing" in incus7) {
    throw new UserError(`The lab has no Incus 7: ${incus7.missing}`, { hint: "deno task lab up tries again" });
  }
  return await runInLab(state, argv, {
    engine: options.engine ?? engine,
    incus,
    desktop,
    seat,
    host,
  });
}

async function status(ui: Ui): Promise<number> {
  const [{ statusText }, { openLab }] = await Promise.all([import("./status.ts"), import("./steps.ts")]);
  ui.result(await statusText(openLab(ui)), undefined);
  return 0;
}

async function shot(args: readonly string[], ui: Ui): Promise<number> {
  const { options: { desktop = "x11", seat = "1" }, rest: [file, ...more] } = takeOptions(args, {
    desktop: desktopNames,
    seat: seatNames,
  });
  if (file === undefined) throw inputError("The picture needs a file name", hint);
  noMore(more);
  const state = seatState(seat);
  if (!looksUp(state)) throw new UserError("The lab is not up", { hint: "Bring it up with deno task lab up" });
  const { takeShot } = await import("./shot.ts");
  // `deno task` changes to the checkout, and sets this variable to where the user was.
  const path = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), file);
  await takeShot(state, path, desktop);
  ui.status(`Written to ${path}`);
  return 0;
}

async function down(args: readonly string[], ui: Ui): Promise<number> {
  const purge = args[0] === "--purge";
  noMore(purge ? args.slice(1) : args);
  needRoot("take the lab down");
  const [{ takeDown }, { openLab }] = await Promise.all([import("./down.ts"), import("./steps.ts")]);
  await locked(ui, () => takeDown(openLab(ui), { purge }));
  return 0;
}

function needRoot(what: string): void {
  if (Deno.uid() === 0) return;
  throw new UserError(`Only root can ${what}`, { hint: "Run it as root; without root the lab starts nothing of this" });
}

async function needContainers(): Promise<void> {
  const { machineLacks, whereToRead } = await import("./machine.ts");
  const { containers } = await machineLacks();
  if (containers) throw new UserError(containers, { hint: `See ${whereToRead}` });
}

function noMore(rest: readonly string[]): void {
  if (rest.length > 0) throw inputError(`Unexpected "${rest[0]}"`, hint);
}

async function locked<T>(ui: Ui, action: () => Promise<T>): Promise<T> {
  return await withLock(action, {
    waiting: () => ui.status("          waiting for another run that changes the lab …"),
  });
}

if (import.meta.main) {
  // What the lab makes must be readable by its user, whatever the caller keeps to itself.
  Deno.umask(0o022);
  const ui = terminalUi({ signal: AbortSignal.any([]) });
  try {
    Deno.exit(await main(Deno.args, ui));
  } catch (error) {
    if (error instanceof UserError) {
      ui.error(
        error.cause instanceof ProcessError ? { ...error, message: error.message, output: error.cause.output } : error,
      );
      Deno.exit(error.exitCode);
    }
    if (error instanceof ProcessError) {
      ui.error({ message: error.message, hint: "See the logs in the lab's state directory", output: error.output });
    } else throw error;
    Deno.exit(ExitCode.failed);
  }
}
