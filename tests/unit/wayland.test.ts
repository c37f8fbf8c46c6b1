// Whether windows are shown by Wayland, and what speaks against it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Channel, openChannels } from "../../lib/attach/session/channels.ts";
import {
  againstRemoteWayland,
  againstWayland,
  NoWayland,
  wantedDisplay,
  type Wish,
} from "../../lib/attach/wayland/choice.ts";
import { startWaylandClient } from "../../lib/attach/wayland/client.ts";
import { globalsIn, strangeGlobals } from "../../lib/attach/wayland/globals.ts";
import { ExitCode, UserError } from "../../lib/base/errors.ts";
import type { Host } from "../../lib/base/host.ts";
import { mountsOf } from "../../lib/container/mounts.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("wantedDisplay() takes the option, else the variable, else auto, and refuses other words", () => {
  const wanted = (option: string | undefined, variable?: string): string =>
    wantedDisplay(recordingHost({ env: variable ? { GUI_CONTAINER_DISPLAY: variable } : {} }).host, option);
  assertEquals([wanted(undefined), wanted(undefined, "x11"), wanted("wayland", "x11")], ["auto", "x11", "wayland"]);
  for (const word of ["", "Wayland", "x"]) assertThrows(() => wanted(word), UserError, `no way "${word}"`);
  assertThrows(() => wanted(undefined, "xorg"), UserError, 'no way "xorg"');
});

Deno.test("againstWayland() says what Wayland, waypipe or the desktop cannot do", () => {
  const wish = (
    changes: Partial<Wish> & { preset?: string; allow?: string; deny?: string; ask?: string },
  ): string | undefined =>
    againstWayland(recordingHost({ env: { WAYLAND_DISPLAY: "wayland-1" } }).host, {
      open: openChannels(changes),
      userOptions: [],
      detached: false,
      box: true,
      ...changes,
    });
  assertEquals(wish({}), undefined);
  assertEquals(wish({ deny: "sound" }), undefined);
  for (
    const [changes, reason] of [
      [{ detached: true }, "a Wayland window cannot be left and shown later"],
      [{ userOptions: ["--border=red"] }, '"--border=red" is an option for xpra'],
      [{ box: false }, "waypipe runs in a box only"],
      [{ preset: "isolated" }, "Wayland cannot close the clipboard"],
      [{ deny: "clipboard-in" }, "Wayland cannot close clipboard-in"],
      [{ deny: "clipboard-out" }, "Wayland cannot close clipboard-out"],
      [{ allow: "files,links" }, "waypipe has no files"],
      [{ ask: "printing" }, "waypipe has no printing"],
    ] as const
  ) assertEquals(wish(changes), reason);
  const open = new Set<Channel>(["clipboard-in", "clipboard-out"]);
  const none = recordingHost().host;
  assertEquals(
    againstWayland(none, { open, userOptions: [], detached: false, box: true }),
    "$WAYLAND_DISPLAY is not set",
  );
});

Deno.test("againstRemoteWayland() prefers X for an app on another machine, where there is an X display", () => {
  const against = (env: Record<string, string>): string | undefined =>
    againstRemoteWayland(recordingHost({ env: { WAYLAND_DISPLAY: "wayland-1", ...env } }).host);
  assertEquals(against({ DISPLAY: ":0" }), "an app on another machine can then be left and shown again");
  assertEquals(against({}), undefined);
});

/** What wayland-info prints for these globals. */
function info(...names: string[]): string {
  return names.map((name) => `interface: '${name}',  version:  1, name:  7\n\tflags: 0x0\n`).join("");
}

Deno.test("globalsIn() reads what wayland-info prints, and nothing else", () => {
  assertEquals(globalsIn(info("wl_shm", "wl_output", "wl_output")), ["wl_shm", "wl_output"]);
  assertEquals(globalsIn("failed to connect"), []);
});

Deno.test("strangeGlobals() knows what is harmless, and takes what it does not know for privileged", () => {
  assertEquals(strangeGlobals(["wl_compositor", "xdg_wm_base", "wl_seat"]), []);
  assertEquals(
    strangeGlobals(["wl_compositor", "zwlr_screencopy_manager_v1", "new_protocol_v9"]),
    ["zwlr_screencopy_manager_v1", "new_protocol_v9"],
  );
});

const privileged = info("wl_shm", "wp_security_context_manager_v1", "zwlr_data_control_manager_v1");

/**
 * Starts a client that fails, on a host whose compositor offers `globals`, and in a security context `inside`. The box
 * number `failing` ends at once, as one does in which waypipe prints `stderr`; without `stderr`, there is no bubblewrap.
 *
 * @returns the error, and the programs that were started
 */
async function clientFails(
  { globals = privileged, inside = info("wl_shm"), failing = 1, stderr }: {
    globals?: string;
    inside?: string;
    failing?: number;
    stderr?: string | undefined;
  },
): Promise<{ error: NoWayland; boxes: string[][]; looks: number }> {
  const root = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root, WAYLAND_DISPLAY: "wayland-1", XDG_RUNTIME_DIR: "/run/user/1" },
      answer: ([program]) => {
        if (program === "bwrap") return {};
        return { stdout: looks() === 1 ? globals : inside };
      },
    });
    const looks = (): number => recorded.calls.filter(([program]) => program === "wayland-info").length;
    const boxes: string[][] = [];
    const host: Host = {
      ...recorded.host,
      run(argv, options) {
        if (stderr !== undefined || argv[0] !== "bwrap" || failing > 1) return recorded.host.run(argv, options);
        throw new UserError("x", { hint: "x", exitCode: ExitCode.missingProgram });
      },
      start(argv, { stdin, output } = {}) {
        boxes.push([...argv]);
        const kill = (): void => {};
        if (boxes.length === failing) {
          const result = { argv, code: 1, signal: null, stdout: "", stderr: stderr ?? "" };
          return { pid: 1, ended: Promise.resolve(result), kill };
        }
        if (typeof output === "object" && "line" in output) output.line("ready");
        const end = typeof stdin === "object" && "later" in stdin ? stdin.later : Promise.resolve("");
        const result = { argv, code: 0, signal: null, stdout: "", stderr: "" };
        return { pid: 1, ended: end.then((word) => (assertEquals(word, ""), result)), kill };
      },
    };
    const box = localBox(host, { mounts: mountsOf(host, "box") });
    const error = await assertRejects(() => startWaylandClient(box), NoWayland);
    await box[Symbol.asyncDispose]();
    // What all runs share, stays.
    const left = [...Deno.readDirSync(root)].filter(({ name }) => name !== ".lock" && name !== ".seccomp");
    assertEquals(left, [], "nothing is left");
    return { error, boxes, looks: looks() };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("startWaylandClient() says why waypipe cannot make a security context", async () => {
  for (
    const [stderr, reason, exitCode] of [
      [undefined, "bubblewrap is not installed on this host", 127],
      ["/bin/sh: 17: waypipe: not found", "waypipe is not installed on this host", 127],
      ["/bin/sh: line 17: waypipe: command not found", "waypipe is not installed on this host", 127],
      ["waypipe: unrecognized option '--secctx=box'", "this host's waypipe is older than 0.9.0", 1],
      ["bwrap: setting up uid map: Permission denied", "waypipe cannot start on this host", 1],
    ] as const
  ) {
    const { error } = await clientFails({ stderr });
    assertEquals([error.reason, error.exitCode], [reason, exitCode]);
  }
});

Deno.test("startWaylandClient() takes the compositor's own socket where all that it offers is harmless", async () => {
  const { boxes, looks } = await clientFails({ globals: info("wl_shm", "xdg_wm_base"), stderr: "x" });
  assertEquals([boxes.length, looks], [1, 1]);
  assertEquals(boxes[0]!.includes("/run/user/1/wayland-1"), true, boxes[0]!.join(" "));
});

Deno.test("startWaylandClient() takes a security context's socket where the compositor's own has more", async () => {
  const { boxes, looks } = await clientFails({ failing: 2, stderr: "x" });
  assertEquals([boxes.length, looks], [2, 2]);
  assertEquals(boxes[1]!.includes("/run/user/1/wayland-1"), false, boxes[1]!.join(" "));
});

Deno.test("startWaylandClient() takes no compositor that gives a container what is privileged", async () => {
  for (
    const [globals, inside, reason, count] of [
      [
        info("wl_shm", "zwlr_screencopy_manager_v1"),
        "",
        "the compositor, which has no security contexts (security-context-v1), gives every client zwlr_screencopy_manager_v1",
        0,
      ],
      [
        privileged,
        info("wl_shm", "zwlr_data_control_manager_v1"),
        "the compositor, even in a security context, gives every client zwlr_data_control_manager_v1",
        1,
      ],
      [privileged, "x", "it is not known what the compositor offers: wayland-info prints no globals", 1],
      ["x", "", "it is not known what the compositor offers: wayland-info prints no globals", 0],
    ] as const
  ) {
    const { error, boxes } = await clientFails({ globals, inside, failing: 3 });
    assertEquals([error.reason, boxes.length], [reason, count]);
  }
});
