# shellcheck shell=sh
# find_apps.sh
# Run as the container's user: prints the command lines of its apps for a type, one a line. First those of desktop
# entries, starting with the default app; for web addresses, then the names of well-known browsers that are installed.
#
# Values in front:
#   type  as in a desktop entry's MimeType
: "${type:?}"
default=$(xdg-mime query default "$type" 2>/dev/null)
for wanted in "$default" '*.desktop'; do
  for share in "$HOME/.local/share" "$HOME/.local/share/flatpak/exports/share" /usr/local/share /usr/share \
    /var/lib/flatpak/exports/share /var/lib/snapd/desktop; do
    # Not quoted, since it may be a pattern. A name has only harmless characters.
    case $wanted in *[!A-Za-z0-9._*-]* | '') continue ;; esac
    for file in "$share"/applications/$wanted; do
      # Not a FIFO, which might block forever.
      [ -f "$file" ] && sed -n 's/^MimeType=\(.*\)/;\1;/p' "$file" | grep -qF ";$type;" &&
        ! grep -q '^Terminal=true' "$file" &&
        sed -n '/^\[Desktop Entry\]/,/^\[Desktop Action/s/^Exec=//p' "$file" | head -n 1 | head -c 1000
    done
  done
done
if [ "$type" = x-scheme-handler/https ]; then
  for name in firefox firefox-esr chromium chromium-browser google-chrome brave-browser vivaldi epiphany falkon; do
    ! command -v "$name" >/dev/null || echo "$name"
  done
fi
