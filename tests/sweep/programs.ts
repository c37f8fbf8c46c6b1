/**
 * Forty programs of Debian's, by what they are made with: packages, a command, the beginning of the window's title as a
 * regular expression, and the keys for a menu, a typed word and a dialog, where it has one.
 *
 * Keys are chords as xdotool writes them, and texts in double quotes.
 */

export interface Program {
  readonly packages: string;
  readonly command: string;
  readonly title: string;
  /** What is pressed before anything else. */
  readonly first?: string;
  readonly menu?: string;
  readonly text?: string;
  readonly dialog?: string;
}

/** The keys of most. */
const usual = { menu: "alt+f", text: '"sweep"', dialog: "ctrl+o" };

export const programs: Readonly<Record<string, readonly Program[]>> = {
  "GTK 2": [{ packages: "doublecmd-gtk", command: "doublecmd", title: "Double Commander", ...usual, dialog: "F7" }],
  "GTK 3": [
    { packages: "mousepad", command: "mousepad", title: "Untitled", ...usual },
    { packages: "gnumeric", command: "gnumeric", title: "Book1", ...usual },
    { packages: "thunar", command: "thunar", title: "ubuntu|Home", ...usual, dialog: "ctrl+shift+n" },
    { packages: "gimp", command: "gimp", title: "GNU Image", first: "Escape", ...usual, text: 'slash "blur"' },
    {
      packages: "libreoffice-writer libreoffice-gtk3",
      command: "libreoffice --writer --norestore",
      title: "Untitled",
      ...usual,
    },
    { packages: "firefox-esr", command: "firefox-esr about:blank", title: "Mozilla", ...usual, text: 'ctrl+l "sweep"' },
    { packages: "vim-gtk3", command: "gvim -f", title: ".*VIM", menu: "F10", text: 'i "sweep"', dialog: "F1" },
    { packages: "emacs-pgtk", command: "emacs -Q --no-splash", title: ".*Emacs", menu: "F10", text: '"sweep"' },
  ],
  "GTK 4": [
    { packages: "gnome-text-editor", command: "gnome-text-editor", title: "New Document|Text", ...usual, menu: "F10" },
    {
      packages: "gnome-calculator",
      command: "gnome-calculator",
      title: "Calculator|Basic",
      menu: "F10",
      text: '"1+2"',
      dialog: "ctrl+comma",
    },
    { packages: "ptyxis", command: "ptyxis", title: "", text: '"sweep"', dialog: "ctrl+comma" },
    { packages: "nautilus", command: "nautilus", title: "Home", ...usual, menu: "F10", dialog: "ctrl+shift+n" },
    { packages: "gnome-mines", command: "/usr/games/gnome-mines", title: "Mines", menu: "F10", text: "Return Return" },
  ],
  "GTK 4, WebKit": [{
    packages: "epiphany-browser",
    command: "epiphany-browser about:blank",
    title: "",
    menu: "F10",
    text: 'ctrl+l "sweep"',
    dialog: "ctrl+comma",
  }],
  "Qt 5": [
    {
      packages: "vlc qtwayland5",
      command: "vlc --no-qt-privacy-ask",
      title: "VLC",
      menu: "alt+m",
      text: 'ctrl+n "sweep"',
      dialog: "ctrl+o",
    },
    { packages: "keepassxc-full qtwayland5", command: "keepassxc", title: ".*KeePassXC", ...usual, menu: "alt+d" },
  ],
  "Qt 6": [
    { packages: "featherpad qt6-wayland", command: "featherpad", title: "Untitled", ...usual },
    { packages: "kwrite qt6-wayland", command: "kwrite", title: ".*KWrite", ...usual, text: 'ctrl+n "sweep"' },
    {
      packages: "qbittorrent qt6-wayland",
      command: "qbittorrent --confirm-legal-notice",
      title: "qBittorrent",
      ...usual,
      text: 'ctrl+f "sweep"',
    },
  ],
  "Kirigami": [
    { packages: "kalk qt6-wayland", command: "kalk", title: ".*Calculator|.*Kalk", text: '"1+2"' },
    { packages: "kclock qt6-wayland", command: "kclock", title: ".*Clock|Time", text: "Tab Tab Return" },
  ],
  "Qt WebEngine": [
    { packages: "falkon qt6-wayland", command: "falkon", title: ".*Falkon", text: 'ctrl+l "sweep"', dialog: "ctrl+o" },
  ],
  "Chromium, as Electron": [{
    packages: "chromium",
    command: "chromium --no-first-run about:blank",
    title: ".*Chromium",
    ...usual,
    text: 'ctrl+l "sweep"',
  }],
  "Swing": [{
    packages: "jedit",
    command: "jedit -nosettings",
    title: "jEdit",
    first: "Escape",
    ...usual,
    menu: "F10",
  }],
  // Its dialog comes first: what it types into stays.
  "AWT": [{ packages: "imagej", command: "imagej", title: "ImageJ", menu: "ctrl+o", text: 'l "sweep"' }],
  "wine": [{ packages: "wine wine64", command: "wine notepad", title: ".*Notepad", ...usual }],
  "Windows Forms": [{ packages: "keepass2", command: "keepass2", title: "KeePass", menu: "alt+f", dialog: "ctrl+n" }],
  "SDL 1.2": [{ packages: "dosbox", command: "dosbox", title: "DOSBox", text: '"sweep" Return' }],
  "SDL 2": [
    { packages: "ltris", command: "/usr/games/ltris2", title: "LTris", menu: "Down Down", text: "Return" },
    { packages: "neverball", command: "/usr/games/neverball", title: "Neverball", menu: "Down Down Return" },
  ],
  "SDL 3": [{
    packages: "libsdl3-tests",
    command: "/usr/libexec/installed-tests/SDL3/checkkeys",
    title: "CheckKeys",
    text: '"sweep"',
  }],
  "Tk": [{ packages: "idle", command: "idle", title: "IDLE", ...usual, menu: "F10" }],
  "FLTK 1.3": [{ packages: "dillo", command: "dillo", title: "Dillo", ...usual, text: 'ctrl+l "sweep"' }],
  "FLTK 1.4": [{ packages: "fluid", command: "fluid", title: "Untitled", dialog: "ctrl+o" }],
  "EFL": [{
    packages: "terminology",
    command: "terminology",
    title: "",
    first: "Return Return Return Return",
    text: '"sweep"',
  }],
  "wxWidgets": [
    { packages: "filezilla", command: "filezilla", title: "FileZilla", first: "Escape", ...usual, dialog: "ctrl+s" },
  ],
  "Motif": [{ packages: "nedit", command: "nedit", title: "Untitled", ...usual, menu: "F10" }],
  "OpenGL": [
    { packages: "kitty", command: "kitty", title: "", first: "Return", text: '"sweep"', dialog: "ctrl+shift+u" },
    { packages: "mpv", command: "mpv --force-window --idle", title: "", text: 'grave "sweep"' },
  ],
};
