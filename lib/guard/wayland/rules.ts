/**
 * The tables of the policy: the globals that an app can have, and the rules that need no memory of their own, a row for
 * each message. All other messages pass as they are.
 */

import { maxPopups, maxWindows } from "../limits.ts";
import { classOf, titleOf } from "../title.ts";
import type { Args } from "./objects.ts";
import type { EventName, RequestName, Table } from "./protocols.ts";

/**
 * The globals that are announced to an app in a container; no others exist for it. Each gives it its own windows, and
 * keys and pointer while these have them.
 *
 * What is harmless and missing here is of no use by waypipe without a graphics card (`zwp_linux_dmabuf_v1`,
 * `wp_linux_drm_syncobj_manager_v1`, `wp_fifo_manager_v1`), gives windows a look of the container's choice where the
 * desktop shows who they belong to (`xdg_toplevel_icon_manager_v1`), takes away the desktop's own keys
 * (`zwp_keyboard_shortcuts_inhibit_manager_v1`), reports when nobody is there (`ext_idle_notifier_v1`), or ties windows
 * of different programs together (`zxdg_exporter_v2`, `zxdg_importer_v2`).
 */
export const globals: readonly string[] = [
  // Windows and what is in them.
  "wl_compositor",
  "wl_subcompositor",
  "wl_shm",
  "wl_output",
  "xdg_wm_base",
  "xdg_wm_dialog_v1",
  "xdg_activation_v1",
  "zxdg_decoration_manager_v1",
  "zxdg_output_manager_v1",
  "wp_viewporter",
  "wp_fractional_scale_manager_v1",
  "wp_presentation",
  "wp_single_pixel_buffer_manager_v1",
  "zwp_idle_inhibit_manager_v1",
  // Keyboard, pointer, tablet, touch.
  "wl_seat",
  "wp_cursor_shape_manager_v1",
  "zwp_pointer_constraints_v1",
  "zwp_pointer_gestures_v1",
  "zwp_relative_pointer_manager_v1",
  "zwp_tablet_manager_v2",
  "zwp_text_input_manager_v3",
  // Clipboard, drag and drop.
  "wl_data_device_manager",
  "zwp_primary_selection_device_manager_v1",
];

/** What must be so for a message to pass: the names of `checks` in `policy.ts`. */
export type Need =
  /** The user works in the app's windows. */
  | "use"
  /** A button is down there. It counts for one message. */
  | "button"
  /** Windows do not change too often. */
  | "change";

export interface Rule<Name> {
  /** Else the message does not pass. */
  needs?: readonly Need[];
  /** It does not pass: never, or with these arguments. */
  hide?: true | ((args: Args<Name>) => boolean);
  /** The arguments that pass in the place of its own, for the container of this name. */
  says?(args: Args<Name>, container: string): Partial<Args<Name>>;
}

/** What a container has at most so many of at a time, by the interfaces that count. */
export const counts = {
  toplevel: { max: maxWindows, of: ["xdg_toplevel"] },
  popup: { max: maxPopups, of: ["xdg_popup"] },
  surface: { max: 4_000, of: ["wl_surface"] },
  subsurface: { max: 2_000, of: ["wl_subsurface"] },
  // What hears of every key, move of the pointer, or offer of data. An app has some of each.
  device: {
    max: 2_000,
    of: [
      ...["wl_pointer", "wl_keyboard", "wl_touch", "zwp_tablet_seat_v2", "zwp_relative_pointer_v1"] as const,
      ...["zwp_pointer_gesture_swipe_v1", "zwp_pointer_gesture_pinch_v1", "zwp_pointer_gesture_hold_v1"] as const,
      ...["wl_data_device", "zwp_primary_selection_device_v1", "zwp_text_input_v3"] as const,
    ],
  },
  // Each may have 256 types of data, which the compositor keeps, too. An honest app has one or two.
  source: { max: 256, of: ["wl_data_source", "zwp_primary_selection_source_v1"] },
  // All together. Firefox has about 300.
  object: { max: 100_000, of: [] },
} as const satisfies Readonly<Record<string, { max: number; of: readonly (keyof Table)[] }>>;

export type Counted = keyof typeof counts;

/** What an object of an interface counts as. */
export const countedAs: ReadonlyMap<string, Counted> = new Map(
  Object.entries(counts).flatMap(([what, { of }]) => of.map((name) => [name, what as Counted] as const)),
);

/** The rows, by the names of messages. */
export const rules: { readonly [Name in RequestName | EventName]?: Rule<Name> } = {
  // Whose a window is stands in its names.
  "xdg_toplevel.set_title": {
    needs: ["change"],
    says: ({ title }, container) => ({ title: titleOf(container, title) }),
  },
  "xdg_toplevel.set_app_id": {
    needs: ["change"],
    says: ({ app_id }, container) => ({ app_id: classOf(container, app_id) }),
  },
  "xdg_activation_token_v1.set_app_id": { says: ({ app_id }, container) => ({ app_id: classOf(container, app_id) }) },
  "xdg_toplevel.set_parent": { needs: ["change"] },
  "xdg_toplevel.set_minimized": { needs: ["change"] },
  "xdg_toplevel.set_maximized": { needs: ["change"] },
  "xdg_toplevel.unset_maximized": { needs: ["change"] },
  "xdg_toplevel.unset_fullscreen": { needs: ["change"] },
  // What would surprise a user who is elsewhere.
  "xdg_toplevel.set_fullscreen": { needs: ["change"] },
  "xdg_toplevel.show_window_menu": { needs: ["use"] },
  "xdg_toplevel.move": { needs: ["button"] },
  "xdg_toplevel.resize": { needs: ["button"] },
  // Only the user moves the pointer. The next click might meet a window of the host's, even above the app's own.
  "zwp_locked_pointer_v1.set_cursor_position_hint": { hide: true },

  // They would identify the user, as those of screens.
  "wl_seat.name": { says: () => ({ name: "seat" }) },
  "zwp_tablet_v2.name": { says: () => ({ name: "tablet" }) },
  "zwp_tablet_v2.id": { hide: true },
  "zwp_tablet_v2.path": { hide: true },
  "zwp_tablet_pad_v2.path": { hide: true },
  "zwp_tablet_tool_v2.hardware_serial": { hide: true },
  "zwp_tablet_tool_v2.hardware_id_wacom": { hide: true },
  // A virtual keyboard has none for a moment. waypipe 0.9.2 cannot pass that on, and names a descriptor that does not
  // exist: its other end then ends the app. The app keeps the keymap that it has.
  "wl_keyboard.keymap": { hide: ({ fd }) => fd.kind === "none" },
};
