/** LXD as a snap: its `lxc` is a wrapper with a configuration of its own, and Ubuntu has a program that installs it. */

import { dirname } from "@std/path";
import { exists, findOnPath } from "../base/files.ts";
import type { Host } from "../base/host.ts";

/**
 * What `lxc` is on this host. `snap`: the snap's wrapper. `installer`: Ubuntu's lxd-installer, whose `/usr/sbin/lxc`
 * installs the snap as soon as it is called, for whatever.
 */
export async function kindOfLxc(host: Pick<Host, "env">): Promise<"snap" | "installer" | "other"> {
  const path = await findOnPath(host, "lxc");
  if (path === undefined) return "other";
  if (path.endsWith("/snap/bin/lxc")) return "snap";
  // Where /usr/sbin is a link to /usr/bin, there is no telling by the name of the directory.
  if (!path.endsWith("/usr/sbin/lxc") || !(await Deno.realPath(dirname(path))).endsWith("/sbin")) return "other";
  return await exists(path.replace(/usr\/sbin\/lxc$/, "snap/bin/lxc")) ? "snap" : "installer";
}
