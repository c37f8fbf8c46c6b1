// Whether windows are shown by Wayland, and what speaks against it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Channel, openChannels } from "../../lib/attach/channels.ts";
import {
  againstWayland,
  againstWaylandElsewhere,
  NoWayland,
  wantedDisplay,
  type Wish,
} from "../../lib/attach/wayland/choice.ts";
import { startWaylandClient } from "../../lib/attach/wayland/client.ts";
import { strangeGlobals } from "../../lib/attach/wayland/globals.ts";
import { ExitCode, UserError } from "../../lib/base/errors.ts";
import type { Host } from "../../lib/base/host.ts";
import { mountsOf } from "../../lib/container/mounts.ts";
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
      [{ allow: "files,links" }, "waypipe has no links, files"],
      [{ ask: "notifications" }, "waypipe has no notifications"],
    ] as const
  ) assertEquals(wish(changes), reason);
  const open = new Set<Channel>(["clipboard-in", "clipboard-out"]);
  const none = recordingHost().host;
  assertEquals(
    againstWayland(none, { open, userOptions: [], detached: false, box: true }),
    "$WAYLAND_DISPLAY is not set",
  );
});

Deno.test("againstWaylandElsewhere() prefers X for an app on another machine, where there is an X display", () => {
  const against = (env: Record<string, string>): string | undefined =>
    againstWaylandElsewhere(recordingHost({ env: { WAYLAND_DISPLAY: "wayland-1", ...env } }).host);
  assertEquals(against({ DISPLAY: ":0" }), "an app on another machine can then be left and shown again");
  assertEquals(against({}), undefined);
});

Deno.test("strangeGlobals() knows what is harmless, and takes what it does not know for privileged", () => {
  const info = (...names: string[]): string =>
    names.map((name) => `interface: '${name}',  version:  1, name:  7\n\tflags: 0x0\n`).join("");
  assertEquals(strangeGlobals(info("wl_compositor", "xdg_wm_base", "wl_seat")), []);
  assertEquals(
    strangeGlobals(info("wl_compositor", "zwlr_screencopy_manager_v1", "new_protocol_v9", "new_protocol_v9")),
    ["zwlr_screencopy_manager_v1", "new_protocol_v9"],
  );
  assertEquals(strangeGlobals("failed to connect"), ["nothing that can be read"]);
});

/**
 * A host on which the first box ends at once, as one does in which waypipe prints `stderr`; or there is no bubblewrap.
 */
async function firstBoxFails(stderr: string | undefined, { bare = false, globals = "" } = {}): Promise<NoWayland> {
  const root = await Deno.makeTempDir();
  try {
    const { host: recorded } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root, WAYLAND_DISPLAY: "wayland-1", XDG_RUNTIME_DIR: "/run/user/1" },
      answer: () => ({ stdout: globals }),
    });
    const host: Host = {
      ...recorded,
      start(argv) {
        if (stderr === undefined) throw new UserError("x", { hint: "x", exitCode: ExitCode.missingProgram });
        return { pid: 1, ended: Promise.resolve({ argv, code: 1, signal: null, stdout: "", stderr }), kill() {} };
      },
    };
    const started = startWaylandClient(host, { container: "box", mounts: mountsOf(host, "box"), bare });
    const error = await assertRejects(() => started, NoWayland);
    assertEquals([...Deno.readDirSync(root)], [], "nothing is left");
    return error;
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
      [
        "C5: 1.0 [src/secctx.c: 78] Security context is not supported by the Wayland compositor",
        "the compositor has no security contexts (security-context-v1)",
        1,
      ],
      [
        "[0.00][client@4] Compositor did not provide wp_security_context_manager_v1 global",
        "the compositor has no security contexts (security-context-v1)",
        1,
      ],
      ["bwrap: setting up uid map: Permission denied", "waypipe cannot start on this host", 1],
    ] as const
  ) {
    const error = await firstBoxFails(stderr);
    assertEquals([error.reason, error.exitCode], [reason, exitCode]);
  }
});

Deno.test("startWaylandClient() goes on without security contexts only where nothing would be hidden", async () => {
  const stderr = "Security context is not supported by the Wayland compositor";
  const open = "interface: 'zwlr_screencopy_manager_v1',  version:  3\n";
  const refused = await firstBoxFails(stderr, { bare: true, globals: open });
  assertEquals(refused.reason.endsWith("and gives every client zwlr_screencopy_manager_v1"), true, refused.reason);
  // The second box is tried then, and fails as the first one.
  const tried = await firstBoxFails(stderr, { bare: true, globals: "interface: 'wl_shm',  version:  1\n" });
  assertEquals(tried.reason, "the compositor has no security contexts (security-context-v1)");
});

Deno.test("startWaylandClient() takes no security context that hides too little", async () => {
  const root = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: root, WAYLAND_DISPLAY: "wayland-1", XDG_RUNTIME_DIR: "/run/user/1" },
      answer: () => ({
        stdout: "interface: 'wl_shm',  version:  1\ninterface: 'zwlr_data_control_manager_v1',  version:  2\n",
      }),
    });
    const started: string[][] = [];
    const host: Host = {
      ...recorded.host,
      start(argv, { stdin, output } = {}) {
        started.push([...argv]);
        if (typeof output === "object" && "line" in output) output.line("ready");
        const end = typeof stdin === "object" && "later" in stdin ? stdin.later : Promise.resolve("");
        const result = { argv, code: 0, signal: null, stdout: "", stderr: "" };
        return { pid: 1, ended: end.then((word) => (assertEquals(word, ""), result)), kill() {} };
      },
    };
    const client = startWaylandClient(host, { container: "box", mounts: mountsOf(host, "box"), bare: true });
    const error = await assertRejects(() => client, NoWayland);
    assertEquals(
      error.reason,
      "the compositor, even in a security context, gives every client zwlr_data_control_manager_v1",
    );
    assertEquals([started.length, recorded.calls.map(([program]) => program)], [1, ["wayland-info"]]);
    assertEquals(recorded.options[0]!.env!["WAYLAND_DISPLAY"]!.startsWith(root), true);
    assertEquals([...Deno.readDirSync(root)], [], "nothing is left");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
