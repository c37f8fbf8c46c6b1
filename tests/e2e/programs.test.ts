// Programs that nobody here wrote, of many toolkits: each shows its window from a container. On displays of the test's
// own.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type RunningProcess, runProcess } from "../../lib/base/process.ts";
import { makeImage } from "./images.ts";
import { eventually, inContainer, script, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { startSway, waylandParts, windows } from "./wayland_desktop.ts";
import { coloursOf, windowWith, withDisplay, xWindows } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-programs-${engine}`;

/** Programs, each with the beginning of its window's title, a regular expression. The first one is started first. */
type Programs = Readonly<Record<string, string>>;

/** Those of Debian's x11-apps that show a window, all but bitmap: Xaw, Xt, and Xlib alone. */
const x11Apps: Programs = {
  "xclock": "xclock",
  "oclock": "oclock",
  "xbiff": "xbiff",
  "xcalc": "Calculator",
  "xclipboard": "xclipboard",
  "xconsole": "xconsole",
  "xcutsel": "xcutsel",
  "xditview": "xditview",
  "xedit": "xedit",
  "xeyes": "xeyes",
  "xgc": "xgc",
  "xload": "xload",
  "xlogo": "xlogo",
  "xman": "xman",
  "xmore /etc/services": "xmore",
  "sh -c 'until xwininfo -name xclock | grep IsViewable; do sleep 0.1; done; xwd -name xclock | xwud'": "xwud",
  "ico": "Ico: thread 1",
};

/** Those of the image's packages. */
const toolkits: Programs = {
  // Swing. It takes longest to start.
  "jedit -nosettings": "jEdit - ",
  // GTK 3
  "gtk3-demo": "Application Class",
  "galculator": "galculator",
  "yad --title=yad --text=text": "yad",
  // GTK 4
  "gtk4-demo": "GTK Demo",
  "zenity --info --text=text": "Information",
  // Qt 5 and 6
  "qt5ct": "Qt5 Configuration Tool",
  "qt6ct": "Qt6 Configuration Tool",
  "featherpad": "Untitled",
  // Tk
  "tkcon": "tkcon",
  // FLTK
  "/usr/games/flsudoku": "Sudoku",
  // wxWidgets
  "xchm": "xCHM",
  // EFL
  "elementary_test": "Elementary Tests",
  // Motif
  "nedit /etc/services": "services",
  // XForms
  "fdesign": "Control",
  // FOX
  "xfe": "Xfe",
  // OpenGL by EGL, and by winit in Rust
  "egltri_x11": "egltri",
  "alacritty": "Alacritty",
  // Last what draws all the time, SDL 2 too
  "gtk3-widget-factory": "gtk3-widget-factory",
  "gtk4-widget-factory": "GTK Widget Factory",
  "env SDL_RENDER_DRIVER=software /usr/libexec/installed-tests/SDL2/testsprite2 --vsync": ".*testsprite2",
};

/** Those of Debian's weston that show a window on sway, with cairo, EGL or none. */
const westonClients: Programs = {
  "weston-flower": "Flower",
  "weston-clickdot": "Wayland ClickDot",
  "weston-cliptest": "cliptest",
  "weston-dnd": "Wayland Drag and Drop Demo",
  "weston-eventdemo": "EventDemo",
  "weston-fullscreen": "Fullscreen",
  "weston-image /usr/share/weston/wayland.png": "Wayland Image",
  "weston-multi-resource": "multi-resource",
  "weston-presentation-shm": "presentation-shm",
  "weston-resizor": "Wayland Resizor",
  "weston-scaler": "Scaler Test Box",
  "weston-simple-egl": "simple-egl",
  "weston-simple-shm": "simple-shm",
  "weston-simple-touch": "simple-touch",
  "weston-smoke": "smoke",
  "weston-stacking": "Stacking Test",
  "weston-subsurfaces": "Wayland Sub-surface Demo",
  "weston-tablet": "Wayland Tablet Demo",
  "weston-terminal --shell=/bin/cat": "Wayland Terminal",
  "weston-transformed": "Transformed",
};

/** How programs are shown from a container. */
interface Show {
  /** The session that all of them run in. */
  session: string;
  programs: Programs;
  /** Options of attach.ts. */
  args?: readonly string[];
  env: Record<string, string>;
  /** Waits for a window. */
  shown: (title: string) => Promise<unknown>;
}

/** Does something while programs of a container show their windows. Nothing is left when their session is stopped. */
async function withPrograms(
  engine: EngineName,
  { session, programs, args = [], env, shown }: Show,
  action: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const name = nameOn(engine);
  const running: RunningProcess[] = [];
  const start = async ([program, title]: [string, string], ...more: string[]): Promise<void> => {
    const attach = startScript("attach", engine, [...more, `--session=${session}`, name, program], { env });
    running.push(attach);
    await Promise.race([
      shown(marked(name, title)),
      attach.ended.then(({ code, stderr }) => {
        throw new Error(`"${program}" ended before its window came: exit status ${code}: ${stderr}`);
      }),
    ]);
  };
  try {
    const [first, ...others] = Object.entries(programs);
    await start(first!, ...args);
    // sshd lets ten log in at a time (MaxStartups).
    for (let next = 0; next < others.length; next += 6) {
      await Promise.all(others.slice(next, next + 6).map((program) => start(program, "--join")));
    }
    await action();
  } catch (error) {
    for (const attach of running) attach.kill("SIGTERM");
    throw error;
  } finally {
    await script("attach", engine, ["--stop", name, session]);
    await Promise.all(running.map(({ ended }) => ended));
  }
  const { code, stderr } = await running[0]!.ended;
  assertEquals(code, 0, stderr);
  await nothingLeft(engine, name);
}

/** The same title on the host. */
function marked(container: string, title: string): string {
  return `^\\[${container}\\] ${title}`;
}

/**
 * Raises the window with this title, and waits until it shows more than one colour. An app may put another window in
 * the place of one meanwhile.
 *
 * @returns its class
 */
async function painted(title: string, env: Record<string, string>): Promise<string> {
  return await eventually(`a picture in the window "${title}"`, async () => {
    const [window] = await xWindows(title, { env });
    if (!window) return undefined;
    const raise = 'timeout 10 xdotool windowactivate --sync "$0" && xprop -id "$0" WM_CLASS';
    const { stdout } = await runProcess(["sh", "-c", raise, window], { env, okCodes: "any" });
    return await coloursOf(window, env) > 1 && stdout || undefined;
  });
}

shareOnEngines({
  make: async (engine) => {
    await makeImage(engine, "e2e-toolkits");
    await makeContainer(engine, nameOn(engine), undefined, ["--image=e2e-toolkits"]);
  },
  remove: (engine) => removeContainer(engine, nameOn(engine)),
});

for (const [session, programs] of Object.entries({ "x11-apps": x11Apps, toolkits })) {
  testOnOneEngine(
    `programs of others, ${session}, over X: each shows and paints its window`,
    needed,
    async (engine) => {
      const name = nameOn(engine);
      await withDisplay(async (env) => {
        const shown = (title: string): Promise<string> => windowWith(title, { env });
        await withPrograms(engine, { session, programs, env, shown }, async () => {
          for (const title of Object.values(programs)) {
            assertStringIncludes(await painted(marked(name, title), env), `= "${name}.`);
          }
        });
      });
    },
  );
}

testOnOneEngine(
  "bitmap, of x11-apps, makes a window in the container that xpra does not show",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const session = "bitmap";
    const shows = "bitmap & until xdotool search --onlyvisible --name '^bitmap$'; do sleep 0.1; done";
    await inContainer(engine, name, `exec timeout 40 xvfb-run --auto-servernum sh -c "$1"`, shows);
    await withDisplay(async (env) => {
      const shown = (title: string): Promise<string> =>
        title.endsWith("bitmap")
          ? eventually("the window in the container", async () => {
            const search = "xdotool search --name '^bitmap$' || true";
            return await inSession(engine, name, session, search).catch(() => "") || undefined;
          })
          : windowWith(title, { env });
      await withPrograms(
        engine,
        { session, programs: { "bitmap": "bitmap", "xclock": "xclock" }, env, shown },
        async () => {
          const { stdout } = await runProcess(["xdotool", "search", "--name", "bitmap"], { env, okCodes: "any" });
          assertEquals(stdout, "");
        },
      );
    });
  },
);

testOnOneEngine(
  "programs of others, weston's clients, over Wayland: each shows its window",
  waylandParts,
  async (engine) => {
    await using sway = await startSway();
    const { env } = sway;
    const shown = (title: string): Promise<unknown> =>
      eventually(
        `a window with the title ${title}`,
        async () => (await windows(env)).find(({ name }) => new RegExp(title).test(name)),
      );
    await withPrograms(engine, { session: "weston", programs: westonClients, args: ["--display=wayland"], env, shown });
  },
);
