# shellcheck shell=sh
# look/session.sh
# After serve_session.sh, before any program of the session starts: gives the session the appearance and language of the host. A
# value that the container lacks, such as a locale that is not installed, is skipped. What the user has set in the container
# comes first; none of that user's files is changed.
#
# Values in front, each empty when the host does not tell it:
#   time_zone, locale          names, as in TZ and LANG
#   cursor_theme, cursor_size  of the pointer
#   colour_scheme              prefer-dark or prefer-light, for apps that ask the portal: see settings.py
#   gtk_settings               a settings.ini for GTK
#   schema_defaults            for apps that read GSettings: defaults of the schema org.gnome.desktop.interface
: "${time_zone?}" "${locale?}" "${cursor_theme?}" "${cursor_size?}" "${colour_scheme?}" "${gtk_settings?}" "${schema_defaults?}"
[ ! -f "/usr/share/zoneinfo/$time_zone" ] || export TZ="$time_zone"
if [ "$locale" ] && [ "$(LC_ALL=$locale locale charmap 2>&1)" = UTF-8 ]; then
  export LANG="$locale"
  unset LANGUAGE
fi
[ -z "$cursor_theme" ] || export XCURSOR_THEME="$cursor_theme"
[ -z "$cursor_size" ] || export XCURSOR_SIZE="$cursor_size"
[ -z "$colour_scheme" ] || printf %s "$colour_scheme" >"$RUNTIME_DIRECTORY/scheme"
if [ "$gtk_settings" ]; then
  appearance=$RUNTIME_DIRECTORY/appearance
  mkdir -p "$appearance/gtk-3.0" "$appearance/gtk-4.0" "$appearance/schemas"
  printf %s "$gtk_settings" >"$appearance/gtk-3.0/settings.ini"
  printf %s "$gtk_settings" >"$appearance/gtk-4.0/settings.ini"
  export XDG_CONFIG_DIRS="$appearance:${XDG_CONFIG_DIRS:-/etc/xdg}"
  # Qt looks like GTK, if it has that plugin.
  export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-gtk3}"
  # Defaults, unlike a database of GSettings, change neither what the app's user has set nor where apps save settings. The
  # distribution's own defaults come first.
  installed=/usr/share/glib-2.0/schemas
  printf %s "$schema_defaults" >"$appearance/schemas/zzz_host.gschema.override"
  ln -s "$installed"/*.gschema.override "$installed/org.gnome.desktop.enums.xml" \
    "$installed/org.gnome.desktop.interface.gschema.xml" "$appearance/schemas" 2>/dev/null || :
  for compile in /usr/lib/*/glib-2.0/glib-compile-schemas /usr/bin/glib-compile-schemas; do
    if [ -x "$compile" ] && "$compile" "$appearance/schemas" >/dev/null 2>&1; then
      export GSETTINGS_SCHEMA_DIR="$appearance/schemas"
      break
    fi
  done
fi
