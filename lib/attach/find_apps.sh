# shellcheck shell=sh
# find_apps.sh
# Prints the command lines of a container's apps for a type, as its user, one a line: first those that desktop entries have, of which
# the default one comes first; for addresses of the web then the names of well-known browsers that are installed.
#
# Values in front:
#   type  as in a desktop entry's MimeType
: "${type:?}"
default=$(xdg-mime query default "$type" 2>/dev/null)
for wanted in "$default" '*.desktop'; do
  for share in "$HOME/.local/share" "$HOME/.local/share/flatpak/exports/share" /usr/local/share /usr/share \
    /var/lib/flatpak/exports/share /var/lib/snapd/desktop; do
    # Not quoted: a pattern, or one name, whose characters are no others than those of names.
    case $wanted in *[!A-Za-z0-9._*-]* | '') continue ;; esac
    for file in "$share"/applications/$wanted; do
      # Not a pipe, whose other end may never write.
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
