// The border of a container's windows: one colour for each container, kept with it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { borderOf, type ContainerBorder, palette } from "../../../lib/container/border.ts";
import { containerRecordPath } from "../../../lib/container/paths.ts";
import { recordingHost } from "../recording_host.ts";

/** Runs `test` with what gives the border of a container by its name, and the directory of all containers. */
async function withRoot(
  test: (
    border: (name: string, chosen?: ContainerBorder | "auto") => Promise<ContainerBorder>,
    root: string,
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(async (name, chosen) => {
      const directory = join(root, name);
      await Deno.mkdir(directory, { recursive: true });
      return await borderOf({ host: recordingHost().host, mounts: { directory } }, chosen);
    }, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("borderOf() gives each container a colour of its own while there are some, and keeps it", async () => {
  await withRoot(async (border, root) => {
    const names = palette.map((_, index) => `box${index}`);
    // Two runs at once.
    const [first] = await Promise.all([border("box0"), border("box1"), border("box0")]);
    const colours: string[] = [];
    for (const name of names) colours.push((await border(name)).colour);
    assertEquals(colours.toSorted(), palette.toSorted());
    assertEquals(await border("box0"), first);
    assert(palette.some((colour) => colour === first!.colour) && !first!.isAlways);
    assertEquals((await border("more")).colour, palette[0], "all are taken");
    assertEquals([...Deno.readDirSync(join(root, "more"))].map(({ name }) => name), ["container.json"]);
  });
});

Deno.test("borderOf() keeps what the user has chosen until the user chooses otherwise, and nobody gets its like", async () => {
  await withRoot(async (border) => {
    const red: ContainerBorder = { colour: "#ff0000", width: 7, isAlways: true };
    assertEquals(await border("bank", red), red);
    assertEquals(await border("bank"), red);
    assertEquals((await border("mail")).colour, palette[1], "the first of the palette is red, too");
    const auto = await border("bank", "auto");
    assertEquals([auto.isAlways, auto.colour], [false, palette[0]]);
    assertEquals(await border("bank", "auto"), auto);
  });
});

Deno.test("borderOf() leaves the rest of the record as it is, and takes no border of another form", async () => {
  await withRoot(async (border, root) => {
    const path = containerRecordPath({ directory: join(root, "box") });
    await border("box");
    const record = { engine: "lxc", server: { remote: "local", project: "default" }, user: "x", location: "none" };
    for (
      const wrong of [undefined, "red", { colour: "red", width: 4, isAlways: true }, { colour: "#ff0000,5 --exec=x" }]
    ) {
      await Deno.writeTextFile(path, JSON.stringify({ ...record, border: wrong }));
      const { colour } = await border("box");
      assertEquals(colour, palette[0]);
      const { border: kept, ...rest } = JSON.parse(await Deno.readTextFile(path));
      assertEquals([kept.colour, rest], [colour, record]);
    }
  });
});

Deno.test("borderOf() makes nothing where there is no container, and in a dry run", async () => {
  const root = await Deno.makeTempDir();
  try {
    const { host } = recordingHost();
    await borderOf({ host, mounts: { directory: join(root, "none") } });
    await borderOf({ host: { ...host, look: (planned) => Promise.resolve(planned) }, mounts: { directory: root } });
    assertEquals([...Deno.readDirSync(root)], []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** A colour in CIELAB, in which distances are as eyes see them. */
function labOf(colour: string): number[] {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4) as [number, number, number];
  const [x, y, z] = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
  ].map((value) => value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

Deno.test("palette has colours that eyes tell apart", () => {
  for (const [index, one] of palette.entries()) {
    for (const other of palette.slice(0, index)) {
      const [from, to] = [labOf(one), labOf(other)];
      assert(Math.hypot(...from.map((value, axis) => value - to[axis]!)) > 40, `${one} ${other}`);
    }
  }
});
