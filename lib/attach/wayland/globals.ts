/** What a Wayland compositor offers to every client: its globals. */

/**
 * The globals that give a client nothing of other clients, of the keyboard while other windows have it, or of the screen:
 * from wayland-protocols 1.45, GTK, KDE's window frames, and weston, which lets only authorized clients see the screen.
 * What is not here may be privileged, such as `zwlr_screencopy_manager_v1`. `ext_idle_notifier_v1` tells when nobody
 * uses the desktop. The two managers of image capture sources, which sway 1.12 leaves in a security context, only name
 * a screen or a window; the pictures come from `ext_image_copy_capture_manager_v1`, which it hides.
 */
const harmless = new Set(
  `
    gtk_shell1 wl_compositor wl_data_device_manager wl_fixes wl_output wl_seat wl_shell wl_shm wl_subcompositor
    wp_alpha_modifier_v1 wp_color_manager_v1 wp_color_representation_manager_v1 wp_commit_timing_manager_v1
    wp_content_type_manager_v1 wp_cursor_shape_manager_v1 wp_fifo_manager_v1 wp_fractional_scale_manager_v1
    wp_linux_drm_syncobj_manager_v1 wp_pointer_warp_v1 wp_presentation wp_single_pixel_buffer_manager_v1
    wp_tearing_control_manager_v1 wp_viewporter xdg_activation_v1 xdg_system_bell_v1 xdg_toplevel_drag_manager_v1
    xdg_toplevel_icon_manager_v1 xdg_toplevel_tag_manager_v1 xdg_wm_base xdg_wm_dialog_v1 zwp_idle_inhibit_manager_v1
    zwp_input_timestamps_manager_v1 zwp_keyboard_shortcuts_inhibit_manager_v1 zwp_linux_dmabuf_v1
    zwp_linux_explicit_synchronization_v1 zwp_pointer_constraints_v1 zwp_pointer_gestures_v1
    zwp_primary_selection_device_manager_v1 zwp_relative_pointer_manager_v1 zwp_tablet_manager_v2 zwp_text_input_manager_v1
    zwp_text_input_manager_v3 zxdg_decoration_manager_v1 zxdg_exporter_v1 zxdg_exporter_v2 zxdg_importer_v1 zxdg_importer_v2
    zxdg_output_manager_v1
    ext_foreign_toplevel_image_capture_source_manager_v1 ext_output_image_capture_source_manager_v1
    ext_idle_notifier_v1 org_kde_kwin_server_decoration_manager weston_capture_v1
  `.trim().split(/\s+/),
);

/** The globals in what wayland-info(1) prints, each once; none when it prints something else. */
export function globalsIn(output: string): string[] {
  return [...new Set([...output.matchAll(/^interface: '(\w+)',/gm)].map(([, name]) => name!))];
}

/** Whether a compositor can make security contexts (protocol security-context-v1). */
export function hasContexts(globals: readonly string[]): boolean {
  return globals.includes("wp_security_context_manager_v1");
}

/** Those of the globals that may be privileged. */
export function strangeGlobals(globals: readonly string[]): string[] {
  return globals.filter((name) => !harmless.has(name));
}
