// The file for pixels, which the container sees only while it is shared.

import { assert, assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { makeAttachDirectory } from "../../../../lib/attach/x11/attach_directory.ts";
import { withHost } from "../../private_directories.ts";

Deno.test("makeAttachDirectory() keeps the file for pixels from the container until it is shared, and hides it again", () =>
  withHost(async ({ options: { container } }) => {
    const { mounts } = container;
    await using directory = await makeAttachDirectory(container, 4096);
    const pixels = directory.pixels!;
    const shared = join(mounts.sockets, basename(pixels));
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert(!pixels.startsWith(mounts.directory));
    // What the container puts in the place of the file is not what the client opens.
    await Deno.symlink("/etc/hostname", shared);
    const { ino, size, nlink } = await Deno.lstat(pixels);
    assertEquals([size, nlink], [4096, 1]);
    directory.sharePixels();
    const there = await Deno.lstat(shared);
    // xpra 6.6's server takes no file with more than one name.
    assertEquals([there.ino, there.nlink], [ino, 1]);
    await directory.hidePixels();
    assertEquals([...Deno.readDirSync(mounts.sockets)], []);
    assert((await Deno.lstat("/etc/hostname")).isFile);
  }));
