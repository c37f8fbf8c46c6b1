// Whether windows are shown over Wayland, and what speaks against it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withDisplay } from "../../../lib/attach/choose_display.ts";
import { CannotShow, type DisplayRequest } from "../../../lib/attach/display/display.ts";
import { wantedDisplay } from "../../../lib/settings/request.ts";
import { newTransport, noWayland, startWaylandClient } from "../../../lib/attach/wayland/client.ts";
import { wayland } from "../../../lib/attach/wayland/display.ts";
import { ExitCode, MissingProgram, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { type Happening, openHistory } from "../../../lib/container/history.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { socketPath } from "../../../lib/container/session_socket.ts";
import { crossingText } from "../../../lib/guard/process_interface.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("wantedDisplay() takes the option, else the variable, else auto, and refuses other words", () => {
  const wanted = (option: string | undefined, variable?: string): string =>
    wantedDisplay(recordingHost({ env: variable ? { GUI_CONTAINER_DISPLAY: variable } : {} }).host, option);
  assertEquals([wanted(undefined), wanted(undefined, "x11"), wanted("wayland", "x11")], ["auto", "x11", "wayland"]);
  for (const word of ["", "Wayland", "x"]) assertThrows(() => wanted(word), UserError, `"${word}"`);
  assertThrows(() => wanted(undefined, "xorg"), UserError, '"xorg"');
});

const onBoth = { WAYLAND_DISPLAY: "wayland-1", DISPLAY: ":0" };

/** The display that is chosen, and why it is not a better one. */
async function chosen(
  changes: Partial<DisplayRequest> = {},
  { env = onBoth, crossesNetwork = false, fails = false }: {
    env?: Record<string, string>;
    crossesNetwork?: boolean;
    fails?: boolean;
  } = {},
): Promise<[string, string | undefined]> {
  const container = { host: recordingHost({ env }).host, crossesNetwork };
  const plain = { display: "auto", userOptions: [], detached: false, box: true } as const;
  return await withDisplay(container, { ...plain, ...changes }, (display, why) => {
    const name = display === wayland ? "wayland" : "x11";
    if (fails && name === "wayland") return Promise.reject(noWayland("there is no waypipe"));
    return Promise.resolve([name, why]);
  });
}

Deno.test("withDisplay() takes Wayland unless that cannot show what is asked for, and says why", async () => {
  assertEquals(await chosen(), ["wayland", undefined]);
  assertEquals(await chosen({ display: "x11" }), ["x11", undefined]);
  for (
    const [changes, reason] of [
      [{ detached: true }, "a Wayland window cannot be left and shown later"],
      [{ userOptions: ["--title=x", "--opengl=no"] }, '"--title=x" is an option for xpra'],
      [{ box: false }, "waypipe runs in a sandbox only"],
    ] as const
  ) {
    assertEquals(await chosen(changes), ["x11", reason]);
    const insisting = await assertRejects(() => chosen({ ...changes, display: "wayland" }), CannotShow, reason);
    assertEquals(insisting.exitCode, ExitCode.usage);
  }
  assertEquals(await chosen({}, { fails: true }), ["x11", "there is no waypipe"]);
  await assertRejects(() => chosen({ display: "wayland" }, { fails: true }), CannotShow, "there is no waypipe");
});

Deno.test("withDisplay() says nothing of Wayland on an X desktop, and what to do where there is no display", async () => {
  assertEquals(await chosen({}, { env: { DISPLAY: ":0" } }), ["x11", undefined]);
  await assertRejects(() => chosen({}, { env: {} }), UserError, "$DISPLAY");
  assertEquals(await chosen({ detached: true }, { env: {} }), ["x11", undefined]);
  const env = { WAYLAND_DISPLAY: "wayland-1" };
  await assertRejects(
    () => chosen({}, { env, fails: true }),
    UserError,
    ": there is no waypipe",
  );
});

Deno.test("withDisplay() prefers X for an app on another machine, where there is an X display", async () => {
  const why = "an app on another machine can then be left and shown again";
  assertEquals(await chosen({}, { crossesNetwork: true }), ["x11", why]);
  const env = { WAYLAND_DISPLAY: "wayland-1" };
  assertEquals(await chosen({}, { crossesNetwork: true, env }), ["wayland", undefined]);
  assertEquals(await chosen({ display: "wayland" }, { crossesNetwork: true }), ["wayland", undefined]);
});

const crossing = { type: "text/plain", times: 1, bytes: 5, time: "2026-01-02T03:04:05.678Z" };

/**
 * Starts a client that fails: its first box ends at once with the output `context`, and the second with `stderr`. Without
 * `stderr`, there is no bubblewrap.
 *
 * The guard, and a box that does not fail, each say that something has crossed the clipboard.
 *
 * @returns the error, the command lines of the boxes, what was said, and what was written down
 */
async function clientFails(
  { context, stderr }: { context?: string; stderr?: string | undefined },
): Promise<{ error: CannotShow; boxes: string[][]; said: string[]; noted: Happening[] }> {
  const root = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root, WAYLAND_DISPLAY: "null", XDG_RUNTIME_DIR: "/dev" },
    });
    const boxes: string[][] = [];
    const host: Host = {
      ...recorded.host,
      run(argv, options) {
        if (stderr !== undefined || argv[0] !== "bwrap") return recorded.host.run(argv, options);
        throw new MissingProgram("x", { hint: "x" });
      },
      start(argv, { stdin, output } = {}) {
        const kill = (): void => {};
        const isGuard = argv.includes("--guard-wayland");
        if (!isGuard) boxes.push([...argv]);
        const words = boxes.length === 2 ? stderr : context;
        if (!isGuard && words !== undefined) {
          const result = { argv, code: 1, signal: null, stdout: "", stderr: words };
          return { pid: 1, ended: Promise.resolve(result), kill };
        }
        if (typeof output === "object" && "line" in output) {
          output.line("ready");
          output.line(crossingText({ ...crossing, direction: isGuard ? "in" : "out" }));
        }
        const end = typeof stdin === "object" && "text" in stdin ? Promise.resolve(stdin.text) : Promise.resolve("");
        const result = { argv, code: 0, signal: null, stdout: "", stderr: "" };
        return { pid: 1, ended: end.then((word) => (assertEquals(word, ""), result)), kill };
      },
    };
    const noted: Happening[] = [];
    const history = { ...openHistory(host, undefined), note: (happening: Happening) => void noted.push(happening) };
    const box = localBox(host, { mounts: mountsIn(host, "box"), history });
    const client = await startWaylandClient(box, {
      app: "xterm",
      clipboard: { in: true, out: true },
      takesFiles: false,
      givesFiles: false,
      border: { colour: "#e60000", width: 4 },
    });
    const error = await assertRejects(() => client.ready, CannotShow);
    await client[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    // What all runs share, stays.
    const left = [...Deno.readDirSync(root)].filter(({ name }) => name !== ".lock" && name !== ".seccomp");
    assertEquals(left, [], "nothing is left");
    return { error, boxes, noted, said: recorded.said };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a container with a long name has room for the guard's socket", () => {
  const xpra = `/home/somebody/container_mounts/${"n".repeat(50)}/xpra`;
  assertEquals(socketPath(xpra, newTransport()).startsWith(`${xpra}/.wayland-`), true);
  assertEquals(newTransport() === newTransport(), false);
});

Deno.test("startWaylandClient() says why waypipe cannot start", async () => {
  const silent = "the compositor that $WAYLAND_DISPLAY names does not answer";
  for (
    const [stderr, reason, exitCode] of [
      [undefined, "bubblewrap is not installed on this host", 127],
      ["/bin/sh: 17: waypipe: not found", "waypipe is not installed on this host", 127],
      ["/bin/sh: line 17: waypipe: command not found", "waypipe is not installed on this host", 127],
      ["C4: Failed to connect to the Wayland compositor", silent, 1],
      ['Error: "Failed to connnect to socket at \\"/run/gui-container/display\\": ECONNREFUSED: …"', silent, 1],
      ["C1: something else", "waypipe cannot start on this host", 1],
    ] as const
  ) {
    const { error } = await clientFails({ context: stderr ?? "", stderr });
    assertEquals([error.reason, error.exitCode], [reason, exitCode]);
  }
});

Deno.test("startWaylandClient() takes the compositor's own socket where it has no security contexts", async () => {
  for (
    const context of [
      "C1: [src/secctx.c:82] Security context is not supported by the Wayland compositor",
      "Compositor did not provide wp_security_context_manager_v1 global",
      // 0.8.4
      "waypipe: unrecognized option '--secctx=box'\nUsage: waypipe [options] mode ...",
    ]
  ) {
    const { boxes } = await clientFails({ context, stderr: "x" });
    assertEquals(boxes.length, 2);
    assertEquals(boxes[1]!.includes("/dev/null"), true, boxes[1]!.join(" "));
  }
});

Deno.test("startWaylandClient() takes a security context's socket where the compositor has them", async () => {
  const { boxes } = await clientFails({ stderr: "x" });
  assertEquals(boxes.length, 2);
  assertEquals(boxes[1]!.includes("/dev/null"), false, boxes[1]!.join(" "));
});

Deno.test("the box of waypipe writes nothing into the history", async () => {
  const { said, noted } = await clientFails({ stderr: "x" });
  assertEquals(noted, [{ kind: "clipboard", ...crossing, direction: "in" }]);
  assertEquals(said, [`warn: ${crossingText({ ...crossing, direction: "out" })}`]);
});
