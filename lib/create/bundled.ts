/** The profiles and cloud-configs that come with the scripts, by name. A compiled binary includes them, too. */

import chromium from "../../examples/cloud-config/chromium.yaml" with { type: "text" };
import firefoxDebian from "../../examples/cloud-config/firefox-debian.yaml" with { type: "text" };
import firefox from "../../examples/cloud-config/firefox.yaml" with { type: "text" };
import gimp from "../../examples/cloud-config/gimp.yaml" with { type: "text" };
import inputMethod from "../../examples/cloud-config/input-method.yaml" with { type: "text" };
import libreoffice from "../../examples/cloud-config/libreoffice.yaml" with { type: "text" };
import slack from "../../examples/cloud-config/slack.yaml" with { type: "text" };
import typora from "../../examples/cloud-config/typora.yaml" with { type: "text" };
import vlc from "../../examples/cloud-config/vlc.yaml" with { type: "text" };
import xpra from "../../examples/cloud-config/xpra.sh" with { type: "text" };
import guiGpu from "../../profiles/gui-gpu.yaml" with { type: "text" };
import guiInternet from "../../profiles/gui-internet.yaml" with { type: "text" };
import guiLimits from "../../profiles/gui-limits.yaml" with { type: "text" };
import guiOffline from "../../profiles/gui-offline.yaml" with { type: "text" };
import gui from "../../profiles/gui.yaml" with { type: "text" };
import type { PartFile } from "./user_data.ts";

/** The contents of files, by name without `.yaml` or `.sh`. */
export type BundledFiles = Readonly<Record<string, string>>;

export const bundledProfiles: BundledFiles = {
  gui,
  "gui-gpu": guiGpu,
  "gui-internet": guiInternet,
  "gui-limits": guiLimits,
  "gui-offline": guiOffline,
};

/** The files of `examples/cloud-config/` except the template: cloud-configs, and the script `xpra`. */
export const bundledCloudConfigs: BundledFiles = {
  chromium,
  firefox,
  "firefox-debian": firefoxDebian,
  gimp,
  "input-method": inputMethod,
  libreoffice,
  slack,
  typora,
  vlc,
  xpra,
};

/** What attach.ts needs in a container. */
export const attachSoftware: PartFile = bundledFile("xpra", xpra);

/** The same without xpra, for a container whose windows are shown on Wayland only. */
export const waylandSoftware: PartFile = bundledFile("xpra", xpra.replace("\nwith_xpra=yes\n", "\nwith_xpra=no\n"));

/** The path at which cloud-init stores and runs {@linkcode attachSoftware} in a container. */
export const attachSoftwarePath = `/var/lib/cloud/instance/scripts/${attachSoftware.path}`;

export function bundledFile(name: string, text: string): PartFile {
  return { path: `${name}.${text.startsWith("#!") ? "sh" : "yaml"}`, text };
}
