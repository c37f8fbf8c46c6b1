/**
 * The tables of the policy: the globals that an app can bind, and the rules without state, one row for each message.
 * All other messages pass unchanged.
 */

import { maxPopups, maxWindows } from "../limits.ts";
import { classOf, titleOf } from "../title.ts";
import type { Args } from "./objects.ts";
import type { EventName, RequestName, Table } from "./protocols.ts";

/**
 * The globals that are announced to an app in a container; it sees no others. They give it its own windows, and
 * keyboard and pointer while these have the focus.
 *
 * Other globals that look harmless are left out: they are useless over waypipe without a graphics card
 * (`zwp_linux_dmabuf_v1`, `wp_linux_drm_syncobj_manager_v1`, `wp_fifo_manager_v1`), let the container choose an icon
 * where the desktop shows whose a window is (`xdg_toplevel_icon_manager_v1`), take away the desktop's own shortcuts
 * (`zwp_keyboard_shortcuts_inhibit_manager_v1`), reveal when the user is away (`ext_idle_notifier_v1`), or tie windows
 * of different programs together (`zxdg_exporter_v2`, `zxdg_importer_v2`).
 */
export const globals: readonly string[] = [
  // Windows and their content.
  "wl_compositor",
  "wl_subcompositor",
  "wl_shm",
  "wl_output",
  "xdg_wm_base",
  "xdg_wm_dialog_v1",
  "xdg_toplevel_drag_manager_v1",
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

/** The conditions for a message to pass: the names of `checks` in `policy.ts`. */
export type Need =
  /** The user has just used one of the app's windows. */
  | "use"
  /** A button is down in one of them. It counts for one message. */
  | "button"
  /** Windows have not changed too often. */
  | "change";

export interface Rule<Name> {
  /** Unless all of these hold, the message is dropped. */
  needs?: readonly Need[];
  /** Drops the message: always, or with certain arguments. */
  hide?: true | ((args: Args<Name>) => boolean);
  /** Returns the arguments to pass instead, for the container of this name. */
  says?(args: Args<Name>, container: string): Partial<Args<Name>>;
}

/** The most objects that a container may have at a time, by kind: each with its interfaces. */
export const counts = {
  toplevel: { max: maxWindows, of: ["xdg_toplevel"] },
  popup: { max: maxPopups, of: ["xdg_popup"] },
  surface: { max: 4_000, of: ["wl_surface"] },
  subsurface: { max: 2_000, of: ["wl_subsurface"] },
  // Objects that get an event for each key, pointer move, or offer. An app has some of each.
  device: {
    max: 2_000,
    of: [
      ...["wl_pointer", "wl_keyboard", "wl_touch", "zwp_tablet_seat_v2", "zwp_relative_pointer_v1"] as const,
      ...["zwp_pointer_gesture_swipe_v1", "zwp_pointer_gesture_pinch_v1", "zwp_pointer_gesture_hold_v1"] as const,
      ...["wl_data_device", "zwp_primary_selection_device_v1", "zwp_text_input_v3"] as const,
    ],
  },
  // The compositor also stores up to 256 types for each. An honest app has one or two.
  source: { max: 256, of: ["wl_data_source", "zwp_primary_selection_source_v1"] },
  // All objects together. Firefox has about 300.
  object: { max: 100_000, of: [] },
} as const satisfies Readonly<Record<string, { max: number; of: readonly (keyof Table)[] }>>;

export type Counted = keyof typeof counts;

/** The kind as which an interface counts. */
export const countedAs: ReadonlyMap<string, Counted> = new Map(
  Object.entries(counts).flatMap(([what, { of }]) => of.map((name) => [name, what as Counted] as const)),
);

/** The rules, by message. */
export const rules: { readonly [Name in RequestName | EventName]?: Rule<Name> } = {
  // Titles and app ids name the container.
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
  // These would surprise a user who is working elsewhere.
  "xdg_toplevel.set_fullscreen": { needs: ["change"] },
  "xdg_toplevel.show_window_menu": { needs: ["use"] },
  "xdg_toplevel.move": { needs: ["button"] },
  "xdg_toplevel.resize": { needs: ["button"] },
  // A window that a drag carries, such as a torn-off tab, stays below the pointer. Elsewhere it could be beyond the
  // screen, and typed into unseen.
  "xdg_toplevel_drag_v1.attach": { needs: ["change"], says: () => ({ x_offset: 24, y_offset: 12 }) },
  // Only the user moves the pointer: the next click might hit a window of the host, even one above the app's own.
  "zwp_locked_pointer_v1.set_cursor_position_hint": { hide: true },

  // Names and serial numbers would identify the user, as those of screens would.
  "wl_seat.name": { says: () => ({ name: "seat" }) },
  "zwp_tablet_v2.name": { says: () => ({ name: "tablet" }) },
  "zwp_tablet_v2.id": { hide: true },
  "zwp_tablet_v2.path": { hide: true },
  "zwp_tablet_pad_v2.path": { hide: true },
  "zwp_tablet_tool_v2.hardware_serial": { hide: true },
  "zwp_tablet_tool_v2.hardware_id_wacom": { hide: true },
  // A new virtual keyboard has no keymap for a moment. waypipe 0.9.2 cannot pass that on, and sends a descriptor that
  // does not exist, at which its other end disconnects the app. So the app keeps its keymap.
  "wl_keyboard.keymap": { hide: ({ fd }) => fd.kind === "none" },
};
