// However an attachment or a session ends: what should run on runs on, nothing else is left, and the exit code says
// how.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWord, quoteWords } from "../../lib/base/shell_words.ts";
import { eventually, inContainer, mountsRoot, root, script, sh, startScript } from "./run.ts";
import { withDirectory } from "./lending.ts";
import { clientsOf, needed, nothingLeft, testInTurns, testOnOneEngine } from "./sessions.ts";
import { desktop, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { closeWindow, pressIn, windowWith, withDisplay } from "./windows.ts";
import { type EngineName, shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("ends");

/** A session that is shown, in a terminal of its own. */
interface Scene {
  engine: EngineName;
  name: string;
  /** attach.ts. */
  attach: number;
  /** The box of xpra's client. */
  client: number;
  terminal: Terminal;
}

/** One way to end, and what is expected of it. */
interface Ending {
  how: string;
  /** Brings it about. */
  act(scene: Scene): Promise<unknown>;
  /** attach.ts's exit code; undefined for one that cannot have any. */
  code: number | undefined;
  /** What it says. */
  says: RegExp;
  /** Whether the app runs on. */
  runsOn: boolean;
}

const detached =
  /^(?:\^C)?Detached; the app runs on. To come back: \S*attach\.ts (?:--engine=\w+ )?--session \S+ \S+$/m;

const endings: readonly Ending[] = [
  {
    how: "the app is killed",
    act: ({ engine, name }) => inContainer(engine, name, "pkill -KILL -x xclock"),
    code: 1,
    says: /^error: .*"ending" .*\b137$/m,
    runsOn: false,
  },
  {
    how: "the xpra client is asked to end",
    act: ({ client }) => Promise.resolve(Deno.kill(client, "SIGTERM")),
    code: 1,
    says: /^error: .*xpra client .*"ending"$/m,
    runsOn: true,
  },
  {
    how: "the xpra client is killed",
    act: ({ client }) => Promise.resolve(Deno.kill(client, "SIGKILL")),
    code: 1,
    says: /^error: .*xpra client .*"ending"$/m,
    runsOn: true,
  },
  {
    how: "Ctrl-C is pressed",
    act: ({ terminal }) => terminal.type("\x03"),
    code: 130,
    says: detached,
    runsOn: true,
  },
  {
    how: "the terminal is closed",
    act: ({ terminal }) => terminal.close(),
    code: 129,
    says: /^/,
    runsOn: true,
  },
  {
    how: "the server is killed",
    act: ({ engine, name }) => inContainer(engine, name, "pkill -KILL -f '[x]pra seamless'"),
    code: 1,
    // The app loses its X server then, and may still tell.
    says: /^error: .*"ending" .*(outside|status 1)$/m,
    runsOn: false,
  },
  {
    how: "the X server in the container is killed",
    // It leaves its socket, which the next one takes over.
    act: ({ engine, name }) => inContainer(engine, name, "pkill -KILL -x Xvfb; rm /tmp/.X11-unix/*"),
    code: 1,
    says: /^error: .*"ending" .*(outside|status 1)$/m,
    runsOn: false,
  },
  {
    how: "attach.ts is killed: its client and its player go with it",
    async act({ attach }) {
      const player = await eventually("the player", async () => {
        return (await runProcess(["pgrep", "-P", String(attach), "-f", "rest_seconds"], { okCodes: "any" })).stdout
          .trim();
      });
      Deno.kill(attach, "SIGKILL");
      await eventually("the player's end", async () => {
        return (await runProcess(["ps", "-p", player], { okCodes: "any" })).code !== 0;
      });
    },
    code: undefined,
    says: /^/,
    runsOn: true,
  },
];

for (const [row, { how, act, code, says, runsOn }] of endings.entries()) {
  testInTurns(row)(`attach.ts leaves nothing but what runs on: ${how}`, needed, async (engine) => {
    const name = nameOn(engine);
    const terminal = openTerminal([
      join(root, "attach.ts"),
      `--engine=${engine}`,
      "--session=ending",
      name,
      "xclock",
    ]);
    try {
      await windowWith(`\\[${name}\\] xclock`);
      const [client] = await clientsOf(name);
      const parent = await sh(["ps", "-o", "ppid=", "-p", String(client)]);
      await act({ engine, name, terminal, client: client!, attach: Number(parent) });
      const ended = await terminal.ended();
      // deno-lint-ignore no-control-regex
      assertMatch(ended.printed.replace(/\x1b\[\d*m/g, ""), says);
      if (code !== undefined) assertEquals(ended.code, code, ended.printed);
      if (runsOn) {
        assertEquals(await inContainer(engine, name, "pgrep -c -x xclock"), "1");
        await eventually("no client", async () => {
          const [session] = JSON.parse((await script("attach", engine, ["--json", "--list", name])).stdout);
          return session.session === "ending" && session.clients === 0;
        });
        assertEquals(await clientsOf(name), []);
        assertEquals((await script("attach", engine, ["--stop", name])).stdout, "ending\n");
      }
      await nothingLeft(engine, name);
    } finally {
      if (how !== "the terminal is closed") await terminal.close();
    }
  });
}

testOnOneEngine(
  "an app whose client is killed keeps the file that it shows, until its session ends",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await inContainer(
      engine,
      name,
      `printf '#!/bin/sh\\nexec xclock\\n' >~/reader; chmod +x ~/reader; mkdir -p ~/.local/share/applications; cd ~/.local/share; ` +
        String
          .raw`printf '[Desktop Entry]\nType=Application\nName=Reader\nExec=/home/ubuntu/reader %%f\n' >applications/reader.desktop; ` +
        String.raw`printf 'MimeType=text/plain;\n' >>applications/reader.desktop`,
    );
    await withDirectory(async (directory) => {
      const letter = join(directory, "letter.txt");
      await Deno.writeTextFile(letter, "Dear reader");
      const read = (): Promise<string> => inContainer(engine, name, "cat ~/maps/*/letter.txt 2>&1 || true");
      const terminal = openTerminal([
        join(root, "attach.ts"),
        `--engine=${engine}`,
        "--session=reading",
        name,
        `file://${letter}`,
      ]);
      try {
        await windowWith(`\\[${name}\\] xclock`);
        const [client] = await clientsOf(name);
        Deno.kill(client!, "SIGKILL");
        const { printed } = await terminal.ended();
        assertStringIncludes(printed, "A file stays lent");
        assertEquals(await read(), "Dear reader");
        assertEquals((await script("attach", engine, ["--stop", name])).stdout, "reading\n");
        assertStringIncludes(await read(), "No such file");
        await nothingLeft(engine, name);
      } finally {
        await terminal.close();
      }
    });
  },
);

testOnEngines(
  "attach.ts ends at once at Ctrl-C while its container boots, and starts no session then",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const unit = "/etc/systemd/system/user@1000.service.d";
    const asRoot = (shell: string): Promise<string> => sh([engine, "exec", name, "--", "sh", "-c", shell]);
    const wait = "until [ -e /run/go ]; do sleep 0.1; done";
    await asRoot(`mkdir ${unit}; printf '[Service]\nExecStartPre=/bin/sh -c "${wait}"\n' >${unit}/late.conf`);
    try {
      await sh([engine, "stop", "--force", name]);
      const terminal = openTerminal([join(root, "attach.ts"), `--engine=${engine}`, "--session=early", name, "xclock"]);
      try {
        await eventually("a session that waits", () => asRoot("pgrep -f 'run_early[.]sh'").catch(() => undefined));
        const pressedMs = performance.now();
        await terminal.type("\x03");
        const { code, printed } = await terminal.ended();
        assertEquals(code, 130, printed);
        assert(performance.now() - pressedMs < 10_000, printed);
        assertEquals(await asRoot("pgrep -f 'run_early[.]sh' || true"), "");
      } finally {
        await terminal.close();
      }
      await asRoot("touch /run/go");
      await eventually("the user's systemd", () => asRoot("ls /run/user/1000/systemd/private").catch(() => undefined));
      await nothingLeft(engine, name);
    } finally {
      await asRoot(`rm -r ${unit}`);
    }
  },
);

/** A terminal in which a program runs. */
interface Terminal {
  /** Presses keys. */
  type(keys: string): Promise<void>;
  /** Closes it, as its window's button does. */
  close(): Promise<void>;
  /** Waits until the program ends: how, and what it printed. */
  ended(): Promise<{ code: number; printed: string }>;
}

/** Runs a program in a real terminal: script(1) makes one, and the kernel hangs it up when that is killed. */
function openTerminal(argv: readonly string[]): Terminal {
  const directory = Deno.makeTempDirSync({ prefix: "e2e-ends-" });
  const [typescript, status] = [join(directory, "typescript"), join(directory, "status")];
  // The outer shell ends with the terminal, as a user's does, and the terminal's programs are hung up then.
  const inner = `trap : HUP INT; ${quoteWords(argv)}; status=$?; echo "status $status"; ` +
    'echo "$status" >"$STATUS.part"; mv "$STATUS.part" "$STATUS"';
  const command = `trap : INT; sh -c ${quoteWord(inner)}; read -r _`;
  const process = new Deno.Command("script", {
    args: ["--quiet", "--flush", "--command", command, typescript],
    env: { SHELL: "/bin/sh", STATUS: status },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const keys = process.stdin.getWriter();
  let isClosed = false;
  return {
    type: (text) => keys.write(new TextEncoder().encode(text)),
    async close() {
      isClosed = true;
      process.kill("SIGKILL");
      await process.status;
      await keys.close().catch(() => {});
    },
    async ended() {
      const code = await eventually(
        "the end of the program in the terminal",
        () => Deno.readTextFile(status).catch(() => undefined),
      );
      // script writes down what the program has printed some time later.
      const printed = await eventually("the last line in the terminal", async () => {
        const text = (await Deno.readTextFile(typescript)).replaceAll("\r", "");
        return (isClosed ? /^Script started [^\n]*\n(.*)/s : /^Script started [^\n]*\n(.*)status \d+\n/s).exec(text)
          ?.[1];
      });
      return { code: Number(code), printed };
    },
  };
}

testOnOneEngine(
  "attach.ts shows an app that leaves for the background, and says of one that it has shown nothing",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const left = startScript("attach", engine, [
      "--session=left",
      name,
      "--",
      "sh",
      "-c",
      "(sleep 1; exec xclock) & sleep 0.2",
    ]);
    await closeWindow(await windowWith(`\\[${name}\\] xclock`));
    assertEquals((await left.ended).code, 0);
    const { code, stderr } = await script("attach", engine, [name, "true"]);
    assertEquals(code, 0);
    assertStringIncludes(stderr, '\nThe app of "true" ended without an error and without a window. To see what');
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts: a session whose container stands still for three seconds goes on, and is cut off after ten",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const signal = (which: string): Promise<string> =>
      inContainer(engine, name, `pkill -${which} -f '[x]pra seamless'`);
    await withDisplay(async (env) => {
      const app = `xterm -T still -e sh -c 'while read -r line; do echo "$line" >share/still; done'`;
      const running = startScript("attach", engine, ["--session=still", name, app], { env });
      await pressIn(await windowWith(`\\[${name}\\] still`, { env }), env);
      const type = (letters: string): Promise<string> => sh(["xdotool", "type", "--delay=1", `${letters}\n`], { env });

      await signal("STOP");
      await type("a".repeat(400));
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await signal("CONT");
      await eventually("the line", async () => (await inContainer(engine, name, "cat share/still || true")) !== "");

      await signal("STOP");
      const stopped = performance.now();
      // More than the 208 KiB that a socket holds while its process stands still: each end of a key takes some 45 bytes.
      await type("b".repeat(4_000));
      const { code, stderr } = await running.ended;
      assert(performance.now() - stopped > 10_000);
      assertEquals(code, 1, stderr);
      assertStringIncludes(
        stderr,
        'error: The session "still" was cut off: it has read nothing for 10 seconds\n',
      );
      await signal("CONT");
      assertEquals((await script("attach", engine, ["--stop", name])).stdout, "still\n");
      await nothingLeft(engine, name);
    });
  },
);

for (const display of ["x11", "wayland"] as const) {
  testOnOneEngine(
    `--stop has apps close their windows on ${display}, and ends one that asks back`,
    display === "x11" ? needed : [...needed, ...waylandParts],
    async (engine) => {
      const name = nameOn(engine);
      const share = join(mountsRoot, name, "share");
      await Deno.copyFile(join(root, "tests/e2e/closing_app.py"), join(share, "closing_app.py"));
      const stopped = async (env: Record<string, string>, app: string): Promise<{ ends: string; ms: number }> => {
        await Deno.remove(join(share, "ends")).catch(() => {});
        const shown = ["--session=letter", `--display=${display}`, name, `python3 share/closing_app.py ${app}`];
        const running = startScript("attach", engine, shown, { env });
        await (display === "x11" ? windowWith(`\\[${name}\\] letter`, { env }) : windowCalled(`[${name}] letter`, env));
        const start = performance.now();
        assertEquals((await script("attach", engine, ["--stop", name], { env })).stdout, "letter\n");
        const ms = performance.now() - start;
        const { code, stderr } = await running.ended;
        assertEquals(code, 0);
        assertMatch(stderr, /^The session "letter" was stopped$/m);
        await nothingLeft(engine, name);
        return { ends: await Deno.readTextFile(join(share, "ends")), ms };
      };
      const stopBoth = async (env: Record<string, string>): Promise<void> => {
        assertEquals((await stopped(env, "")).ends, "closed\n");
        const { ends, ms } = await stopped(env, "asks");
        assertEquals(ends, "closed\nterminated\n");
        assert(ms < 10_000, `${ms} ms`);
      };
      await (display === "x11" ? withDisplay(stopBoth) : stopBoth(desktop()));
    },
  );
}
