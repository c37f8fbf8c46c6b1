/** Flatpak's `try-syscall` in the boxes of both displays: the answers that Flatpak's own test demands of its sandbox. */

import { boxedArgv, boxStart, prepareBoxes } from "../../lib/attach/box/box.ts";
import { realHost } from "../../lib/base/host.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { debianFiles } from "./sources.ts";
import { whyWithout } from "../unit/samples.ts";
import { Missing, type Results, type Suite } from "./suite.ts";

const program = "usr/libexec/installed-tests/Flatpak/try-syscall";

/** The numbers of errors that it may exit with (errno(3)). */
const [EPERM, EBADF, EFAULT, ENOSYS] = [1, 9, 14, 38];

/** The system calls, each with the error that it ends with: harmless ones reach the kernel, which refuses their arguments. */
const calls = {
  "chmod": EFAULT,
  "chroot": EPERM,
  "clone3": ENOSYS,
  "ioctl TIOCNOTTY": EBADF,
  "ioctl TIOCSTI": EPERM,
  "ioctl TIOCSTI CVE-2019-10063": EPERM,
  "ioctl TIOCLINUX": EPERM,
  "listen": EBADF,
  "prctl": EFAULT,
} as const;

export const trySyscall: Suite = {
  about: "Flatpak's system calls in the boxes of both displays",
  isFast: true,
  async run() {
    const lack = whyWithout(["bwrap"]);
    if (lack !== "") throw new Missing(lack);
    const path = `${await debianFiles("flatpak-tests", "1.16.6-1~deb13u4")}/${program}`;
    const mounts = await Deno.makeTempDir();
    try {
      const signal = AbortSignal.any([]);
      const env = (name: string): string | undefined => name === "GUI_CONTAINER_MOUNTS" ? mounts : Deno.env.get(name);
      const host = { ...realHost({ ui: terminalUi({ signal }), signal, verbose: false }), env };
      const start = await prepareBoxes(host);
      const boxes: Readonly<Record<string, (call: string) => string[]>> = {
        X: (call) =>
          boxedArgv(({ socket }) => [socket, call], { socket: path, pixels: undefined, env: {}, hostEnv: env }),
        Wayland: (call) => [
          ...boxStart({}, ["--as-pid-1"]),
          ...["--ro-bind", path, "/run/gui-container/try", "--", "/run/gui-container/try", call],
        ],
      };
      const results: Results = new Map();
      for (const [box, argv] of Object.entries(boxes)) {
        for (const [call, error] of Object.entries(calls)) {
          const { code, stderr } = await start(argv(call), { output: "capture" }).ended;
          const said = `it ends with ${code}, not ${error}: ${stderr.trim()}`;
          results.set(`${box}: ${call}`, { isPassed: code === error && stderr.startsWith(call), said });
        }
      }
      return results;
    } finally {
      await Deno.remove(mounts, { recursive: true });
    }
  },
};
