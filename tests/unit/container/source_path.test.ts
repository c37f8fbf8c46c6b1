import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { checkFile } from "../../../lib/container/lend/source_file.ts";
import { followPath, sharedByDevices, sharedByMounts } from "../../../lib/container/source_path.ts";
import { recordingHost } from "../recording_host.ts";

/** A home with a secret file, and the shared directory of a container, from which a link leads to the secret. */
async function inHome(
  work: (home: { home: string; mounts: string; share: string; secret: string; link: string }) => Promise<void>,
): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  const mounts = join(home, "container_mounts");
  const share = join(mounts, "box", "share");
  const secret = join(home, "id_ed25519");
  const link = join(share, "cv.odt");
  try {
    await Deno.mkdir(share, { recursive: true });
    await Deno.mkdir(join(mounts, "box", "xpra"));
    await Deno.writeTextFile(secret, "private");
    await Deno.symlink(secret, link);
    await work({ home, mounts, share, secret, link });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const refused = "container can write";

Deno.test("checkFile() refuses a link in a container's share, which leads to a file that could be lent itself", () =>
  inHome(async ({ mounts, secret, link }) => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    const rules = { user: { uid: Deno.uid()!, gid: Deno.gid()! }, shared: await sharedByMounts(host) };
    const found = await checkFile(secret, rules);
    assertEquals(found.path, secret);
    found.file.close();
    // What checkFile() did before: it looked at where the link leads, which is in no shared directory.
    assertEquals(await Deno.realPath(link), secret);
    const error = await assertRejects(() => checkFile(link, rules), UserError, refused);
    assertEquals(error.exitCode, 2);
  }));

Deno.test("a container's directory that is a link to another place is shared as well", () =>
  inHome(async ({ home, mounts }) => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    const share = join(home, "elsewhere", "share");
    await Deno.mkdir(share, { recursive: true });
    await Deno.symlink(join(home, "elsewhere"), join(mounts, "moved"));
    await Deno.writeTextFile(join(share, "a"), "");
    const shared = await sharedByMounts(host);
    await assertRejects(() => followPath(join(share, "a"), shared), UserError, refused);
  }));

Deno.test("followPath() refuses each way that leads through a shared directory", () =>
  inHome(async ({ home, mounts, share, secret, link }) => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    const shared = await sharedByMounts(host);
    const at = (name: string): string => join(home, name);
    await Deno.symlink(link, at("to-link"));
    await Deno.symlink(share, at("to-share"));
    await Deno.symlink("container_mounts", at("relative"));
    await Deno.symlink(home, join(share, "home"));
    for (
      const path of [
        link,
        at("to-link"),
        `${at("to-share")}/cv.odt`,
        `${at("relative")}/box/share/cv.odt`,
        `${share}/home/id_ed25519`,
        `${share}/../share/cv.odt`,
        `${mounts}/box/known_hosts`,
        `${at("to-share")}/../share/cv.odt`,
      ]
    ) await assertRejects(() => followPath(path, shared), UserError, refused);
    // Behind a link, ".." is not where it seems.
    await Deno.symlink(mounts, at("deep"));
    const way = await followPath(`${at("deep")}/../id_ed25519`, new Set());
    assertEquals(way.path, secret);
  }));

Deno.test("followPath() takes what a run keeps in its private directory, which no container sees", () =>
  inHome(async ({ mounts, link }) => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    const own = join(mounts, ".attach-7");
    await Deno.mkdir(own);
    await Deno.writeTextFile(join(own, "a.pdf"), "");
    await Deno.symlink(link, join(own, "b.pdf"));
    const shared = await sharedByMounts(host);
    assertEquals((await followPath(join(own, "a.pdf"), shared)).directories.slice(-2), [mounts, own]);
    await assertRejects(() => followPath(join(own, "b.pdf"), shared), UserError, refused);
    await assertRejects(() => followPath(`${own}/../box/share/cv.odt`, shared), UserError, refused);
  }));

Deno.test("followPath() knows a shared directory under another path, and ends in a circle of links", () =>
  inHome(async ({ home, share, secret }) => {
    const devices = { home: { type: "disk", source: share, path: "/x" } };
    const instance = {
      name: "box",
      status: "Running",
      location: "none",
      created_at: "",
      description: "",
      config: {},
      devices,
      address: undefined,
      hasNetwork: true,
    };
    const shared = await sharedByDevices([{ ...instance, expanded_devices: devices }]);
    await assertRejects(() => followPath(join(share, "cv.odt"), shared), UserError, refused);
    const readOnly = {
      home: { ...devices.home, readonly: "true" },
      lent: { type: "disk", source: secret, path: "/y" },
    };
    const none = await sharedByDevices([{ ...instance, expanded_devices: readOnly }]);
    assertEquals(none.size, 0);
    await Deno.symlink("circle", join(home, "circle"));
    await assertRejects(() => followPath(join(home, "circle"), none), UserError, "too many links");
  }));

Deno.test("a directory that another run removes meanwhile stops nobody", () =>
  inHome(async ({ mounts }) => {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    const before = await sharedByMounts(host);
    const other = join(mounts, "other");
    await Deno.mkdir(other);
    await Deno.symlink(join(mounts, "removed"), join(other, "share"));
    const { dev, ino } = await Deno.stat(other);
    assertEquals(await sharedByMounts(host), new Set([...before, `${dev}:${ino}`]));
  }));
