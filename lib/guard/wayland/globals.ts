/** What a compositor's apps in a container can have of it. */

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
