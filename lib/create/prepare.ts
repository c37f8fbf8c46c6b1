/** What create puts into a container: keys, the directory of mapped files, and a user that lingers. */

import type { Engine } from "../engine/engine.ts";
import { execArgv } from "../engine/instance.ts";
import type { Host } from "../base/host.ts";
import { containerPaths, containerUser } from "../container/ours.ts";
import { knownHostsLines } from "../container/ssh.ts";

/**
 * Has GStreamer write its registry of plugins, which takes a second. Where there is none at the first attach, xpra's sound
 * is not ready when its client asks, and both wait (xpra 6.5.5: 5 s).
 */
const gstreamerScan = 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst; Gst.init(None)';

/**
 * Runs as root in the container, the authorized keys on stdin: keys, the directory of mapped files, and lingering, so
 * that the container user's systemd runs without a login. Prints the public host keys. (runuser stays when the container is
 * stopped meanwhile, which then takes 90 s; setpriv becomes the program.)
 */
const prepareScript = `
set -eu
umask 077
user=${containerUser.name}
id "$user" >/dev/null
mkdir -p "/home/$user/.ssh" "${containerPaths.maps}"
cat >"/home/$user/.ssh/authorized_keys"
chmod 755 "${containerPaths.maps}"
chown -R "$user:" "/home/$user/.ssh" "${containerPaths.maps}"
loginctl enable-linger "$user"
HOME=/home/$user setpriv --reuid="$user" --regid="$user" --init-groups python3 -c '${gstreamerScan}' </dev/null >/dev/null 2>&1 &
cat /etc/ssh/ssh_host_*_key.pub
`;

/**
 * Prepares a container for attach and map.
 *
 * @returns the lines of a known_hosts file with its host keys
 */
export async function prepareContainer(engine: Engine, name: string, authorizedKeys: string): Promise<string> {
  const text = authorizedKeys.endsWith("\n") ? authorizedKeys : `${authorizedKeys}\n`;
  return await engine.host.value(execArgv(engine, name, ["/bin/sh", "-c", prepareScript]), {
    stdin: { text },
    variable: "KNOWN_HOSTS",
    filter: `| sed -n 's/^\\([^ ]* [^ ]*\\).*/${name} \\1/p'`,
    parse: (stdout) => knownHostsLines(name, stdout),
  });
}

/**
 * Checks that programs are there before anything is touched.
 *
 * @throws {UserError} exit code 127
 */
export async function checkPrograms(host: Host, programs: readonly string[]): Promise<void> {
  // ssh and the acl tools know -V or --version; any answer will do, it is only about being there.
  for (const program of programs) {
    await host.run([program, program === "ssh" ? "-V" : "--version"], {
      okCodes: "any",
      looksOnly: true,
    });
  }
}
