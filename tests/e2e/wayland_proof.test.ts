// What the product is for, on a Wayland desktop: real programs in the container that try to read and act beyond their
// own windows, once in a session, once with the compositor's socket handed in as simpler solutions do. Prints what they
// got as a table.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, sh, startScript } from "./run.ts";
import { nothingLeft, testOnIncus } from "./sessions.ts";
import { desktop, type, waylandParts, windowCalled, windows } from "./wayland_desktop.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("wproof");

/** The colour of the host's own window, which nothing else on the desktop has. */
const colour = "d10fa3";

/** What the keys are that a user types into a window of the host's own. */
const secret = "hunter22";

/** What the programs in the container got. */
interface Loot {
  globals: number;
  keys: number;
  pixels: number;
  titles: number;
  commands: number;
  clipboard: number;
}

/** Globals that give a client the screen, the keyboard, the clipboard or the windows of others. */
const privileged = [
  "ext_session_lock_manager_v1",
  "zwlr_data_control_manager_v1",
  "zwlr_foreign_toplevel_manager_v1",
  "zwlr_layer_shell_v1",
  "zwlr_screencopy_manager_v1",
  "zwp_input_method_manager_v2",
  "zwp_virtual_keyboard_manager_v1",
];

testOnIncus(
  "attach.ts keeps keys, screen, titles and terminals of a Wayland desktop from the app, which the compositor's socket gives away",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const directory = await Deno.makeTempDir({ prefix: "e2e-wproof-" });
    const title = `bank-${engine}`;
    const terminal = startProcess(
      ["foot", "-T", title, "-o", `colors.background=${colour}`, "-o", `colors.foreground=${colour}`, "sh"],
      { cwd: directory, env: { ...desktop(), PS1: "", ENV: "" } },
    );
    try {
      await windowCalled(title);
      const ours = await inSession(engine, { title, directory });
      await nothingLeft(engine, name);
      const given = await withSocket(engine, { title, directory });
      await printTable(engine, { given, ours });
      const nothing = { globals: 0, keys: 0, pixels: 0, titles: 0, commands: 0, clipboard: 0 };
      assertEquals(ours, nothing);
      assertEquals({ ...given, pixels: 0 }, {
        globals: privileged.length,
        keys: secret.length,
        pixels: 0,
        titles: 1,
        commands: 1,
        clipboard: 1,
      });
      assertEquals(given.pixels > 10_000, true, `${given.pixels} pixels`);
    } finally {
      terminal.kill("SIGKILL");
      await terminal.ended;
      await Deno.remove(directory, { recursive: true });
    }
  },
);

interface Scene {
  /** The title of the host's own window. */
  title: string;
  /** Where its shell runs. */
  directory: string;
}

/** What a program gets in a session of ours. */
async function inSession(engine: EngineName, scene: Scene): Promise<Loot> {
  const name = nameOn(engine);
  const attach = startScript("attach", engine, ["--session=hostile", name, "foot -T app sleep 600"], {
    env: desktop(),
  });
  await windowCalled(`[${name}] app`);
  const loot = await steal(engine, {
    ...scene,
    environment: '. "$XDG_RUNTIME_DIR/gui-container-hostile/environment"',
    works: false,
  });
  await inContainer(engine, name, "systemctl --user stop gui-container-hostile.service");
  await attach.ended;
  return loot;
}

/** What it gets with the compositor's own socket, as a bind mount or a proxy device gives it. */
async function withSocket(engine: EngineName, scene: Scene): Promise<Loot> {
  const name = nameOn(engine);
  const { XDG_RUNTIME_DIR: directory, WAYLAND_DISPLAY: display } = desktop();
  await sh([
    ...[engine, "config", "device", "add", name, "wl0", "proxy", "bind=instance", "uid=1000", "gid=1000", "mode=0600"],
    ...[`connect=unix:${directory}/${display}`, "listen=unix:/tmp/wayland-host"],
    ...[`security.uid=${Deno.uid()}`, `security.gid=${Deno.gid()}`],
  ]);
  const environment = "export WAYLAND_DISPLAY=/tmp/wayland-host";
  const app = inContainer(engine, name, `${environment}; exec foot -T app sleep 600`).catch(() => {});
  try {
    await windowCalled("app");
    return await steal(engine, { ...scene, environment, works: true });
  } finally {
    await inContainer(engine, name, "pkill -x foot");
    await app;
    await sh([engine, "config", "device", "remove", name, "wl0"]);
  }
}

/** Tries everything, on the display that `environment` sets. What works there is waited for; all else has some seconds. */
async function steal(engine: EngineName, scene: Scene & { environment: string; works: boolean }): Promise<Loot> {
  const { environment, title, directory, works } = scene;
  const limit = (seconds: number): string => `timeout ${works ? 40 : seconds}`;
  const inside = (shell: string): Promise<string> =>
    inContainer(engine, nameOn(engine), `${environment}; cd share; ${shell}`);
  const share = join(mountsRoot, nameOn(engine), "share");
  const focus = (): Promise<string> => sh(["swaymsg", `[title="^${title}$"] focus`], { env: desktop() });

  const info = await inside("wayland-info");
  const globals = privileged.filter((global) => info.includes(`interface: '${global}'`)).length;

  await focus();
  await inside(`rm -f screen.ppm; ${limit(10)} grim -t ppm screen.ppm 2>&1 || true`);
  const isSeen = await Deno.lstat(join(share, "screen.ppm")).then(() => true, () => false);
  const pixels = isSeen
    ? Number(
      await sh([
        ...["convert", join(share, "screen.ppm"), "-fill", "black", "+opaque", `#${colour}`],
        ...["-fill", "white", "-opaque", `#${colour}`, "-format", "%[fx:mean*w*h]", "info:"],
      ]),
    )
    : 0;
  const titles = (await inside(`${limit(5)} wlrctl toplevel list 2>&1 || true`)).includes(title) ? 1 : 0;

  // A menu that takes the keyboard from the window with the focus.
  await focus();
  const before = await picture();
  const menu = inside(`${limit(6)} fuzzel --dmenu --log-level=none </dev/null 2>/dev/null || true`);
  // sway does not tell of it, but the screen does. Where it cannot be shown, it ends.
  let isOver = false;
  void menu.finally(() => isOver = true);
  await eventually("the menu", async () => isOver || await picture() !== before);
  await type(`${secret}\n`);
  const keys = (await menu).trim() === secret ? secret.length : 0;

  const typed = join(directory, "typed-by-the-app");
  await focus();
  await inside(`${limit(10)} wtype -d 40 '     touch typed-by-the-app' -k Return 2>&1 || true`);
  const commands = await eventually("the file", () => Deno.lstat(typed), works ? {} : { timeoutMs: 500 })
    .then(() => 1, () => 0);

  await sh(["wl-copy", secret], { env: desktop(), output: "inherit" });
  // The clipboard belongs to the window with the focus.
  const [own] = (await windows()).filter(({ name }) => name.endsWith("app"));
  await sh(["swaymsg", `[con_id=${own!.id}] focus`], { env: desktop() });
  const clipboard = (await inside(`${limit(5)} wl-paste 2>&1 || true`)).includes(secret) ? 1 : 0;
  return { globals, keys, pixels, titles, commands, clipboard };
}

/** What tells a picture of the screen from another one. */
function picture(): Promise<string> {
  return sh(["sh", "-c", "grim -t ppm - | sha256sum"], { env: desktop() });
}

async function printTable(engine: EngineName, { given, ours }: { given: Loot; ours: Loot }): Promise<void> {
  const row = (what: string, show: (loot: Loot) => string): string => `| ${what} | ${show(given)} | ${show(ours)} |`;
  const yesNo = (key: keyof Loot) => (loot: Loot): string => loot[key] ? "yes" : "no";
  const lines = [
    "| a program in the container … | with the compositor's socket | `attach.ts` |",
    "| --- | --- | --- |",
    row("finds privileged protocols of the compositor (`wayland-info`)", ({ globals }) => `${globals} of 7`),
    row("takes keys typed for another window (`fuzzel --dmenu`)", ({ keys }) => `${keys} of ${secret.length}`),
    row("sees another window's pixels (`grim`)", ({ pixels }) => String(pixels)),
    row("reads the titles of other windows (`wlrctl toplevel list`)", yesNo("titles")),
    row("types a command into a terminal of the host (`wtype`)", yesNo("commands")),
    row("reads the clipboard (`wl-paste`)", yesNo("clipboard")),
  ];
  await Deno.stdout.write(new TextEncoder().encode(`\n${engine}\n\n${lines.join("\n")}\n\n`));
}
