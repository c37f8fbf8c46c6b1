/** Images that tests make of the lab's, by an alias of their own. */

import { runProcess } from "../../lib/base/process.ts";
import { type EngineName, sh } from "./world.ts";

/** What an image is made by, as root in a container of the lab's image, and whether it keeps the templates of that. */
interface Recipe {
  script: string;
  templates: boolean;
}

/** A third of the lab's image is left, so that keeping a container of it takes seconds: windows and sound are gone. */
const slim = `
rm -rf /usr/local/lib/* /usr/share/locale /usr/share/doc /usr/share/man /usr/share/icons /usr/share/sounds
rm -rf /usr/share/X11 /usr/share/fonts /usr/libexec/gcc /usr/lib/*-linux-gnu/gstreamer-1.0
find /usr/lib/*-linux-gnu -maxdepth 1 -size +3M ! -name 'libcrypto*' ! -name 'libc.so*' -delete
`;

/**
 * `e2e-small` is no more than that; `e2e-socket` reads its user-data from the engine's socket alone, and has the
 * NoCloud seed of another container; `e2e-bare` is as the cloud images of images:, without an SSH server, and its user
 * is called "debian"; `e2e-no-archive` reaches no archive of packages.
 */
const recipes: Readonly<Record<"e2e-small" | "e2e-socket" | "e2e-bare" | "e2e-no-archive", Recipe>> = {
  "e2e-small": {
    script: "cloud-init clean --logs --seed",
    templates: true,
  },
  "e2e-no-archive": {
    script: `
echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >/etc/apt/apt.conf.d/99no-archive
cloud-init clean --logs --seed
`,
    templates: true,
  },
  "e2e-socket": {
    script: `
sed -i 's/^datasource_list:.*/datasource_list: [LXD]/' /etc/cloud/cloud.cfg.d/90_gui-lab.cfg
cloud-init clean --logs
test -e /var/lib/cloud/seed/nocloud/user-data
`,
    templates: false,
  },
  "e2e-bare": {
    script: `
dpkg --purge openssh-server openssh-sftp-server
userdel --remove ubuntu
rm /etc/sudoers.d/90-cloud-init-users
sed -i 's/name: ubuntu/name: debian/' /etc/cloud/cloud.cfg.d/90_gui-lab.cfg
cloud-init clean --logs --seed
`,
    templates: true,
  },
};

/** Makes an image, in place of one that a killed run has left. */
export async function makeImage(engine: EngineName, alias: keyof typeof recipes): Promise<void> {
  await removeImage(engine, alias);
  const { script, templates } = recipes[alias];
  const name = `${alias}-source`;
  const run = (...args: string[]): Promise<string> => sh([engine, ...args]);
  try {
    await run("launch", "gui-lab", name);
    await run("exec", name, "--", "cloud-init", "status", "--wait");
    await run(
      "exec",
      name,
      "--",
      "/bin/sh",
      "-ec",
      `${slim}\n${script}\n: >/etc/machine-id\nrm -f /etc/ssh/ssh_host_*`,
    );
    if (!templates) {
      const metadata = await run("config", "metadata", "show", name);
      await sh([engine, "config", "metadata", "edit", name], {
        stdin: { text: `${metadata.split("\ntemplates:")[0]}\ntemplates: {}\n` },
      });
    }
    await run("stop", "--force", name);
    await run("publish", name, "--alias", alias, "--compression", "none");
  } finally {
    await runProcess([engine, "delete", "--force", name], { okCodes: "any" });
  }
}

/** Removes an image of {@linkcode makeImage}, if it is there. */
export async function removeImage(engine: EngineName, alias: string): Promise<void> {
  await runProcess([engine, "image", "delete", alias], { okCodes: "any" });
}

/** Imports an image that cannot be started, with these properties. */
export async function plantImage(engine: EngineName, properties: Readonly<Record<string, string>>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/rootfs/etc`, { recursive: true });
    // No two alike: an image is known by its hash.
    await Deno.writeTextFile(`${directory}/rootfs/etc/planted`, crypto.randomUUID());
    const creation_date = Math.floor(Date.now() / 1000);
    const metadata = { architecture: Deno.build.arch, creation_date, properties };
    await Deno.writeTextFile(`${directory}/metadata.yaml`, JSON.stringify(metadata));
    await sh(["tar", "-C", directory, "-cf", `${directory}/image.tar`, "metadata.yaml", "rootfs"]);
    await sh([engine, "image", "import", `${directory}/image.tar`]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
