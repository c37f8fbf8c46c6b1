// open-in-container, which the entries of a menu start: what it hands to attach.ts and map.ts, which are played here.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { testWith } from "../samples.ts";

const opener = fromFileUrl(new URL("../../../examples/desktop-files/open-in-container", import.meta.url));

/**
 * What it starts for these words: each program with its engine and its words.
 *
 * @param options `isShown`: another run shows the app, for a moment longer than attach.ts takes
 */
async function startedBy(
  shell: string,
  words: readonly string[],
  { isShown = false } = {},
): Promise<string[][]> {
  const directory = await Deno.makeTempDir();
  try {
    const play = (name: string): Promise<void> =>
      Deno.writeTextFile(
        join(directory, name),
        `#!/bin/sh
printf '%s\\0' ${name} "engine=\${GUI_CONTAINER_ENGINE-}" "$@" '' >>'${directory}/started'
case ${name},$* in
map.ts,*--no-wait*)
  [ "$1" = --no-wait ] || shift
  case $2 in *:*) copy="\t$2" ;; *) copy= ;; esac
  printf '%s\\t/home/ubuntu/maps/0123456789/x'"$copy"'\\n' "$3"
  ;;
attach.ts,*)
  # Files stay lent while the app is shown, not while a copy of it is.
  lock=$XDG_RUNTIME_DIR/gui-container-box-app.lock
  case $* in *--disposable*) flock --nonblock "$lock" true || exit 1 ;; esac
  [ -n '${isShown ? "shown" : ""}' ] || exit 0
  exec 9>"$lock"
  flock --shared 9
  { sleep 0.3; printf '%s\\0' other ended '' >>'${directory}/started'; } &
  ;;
esac
`,
        { mode: 0o755 },
      );
    for (const name of ["attach.ts", "map.ts"]) await play(name);
    // Elsewhere than in a checkout.
    await Deno.copyFile(opener, join(directory, "open-in-container"));
    await runProcess([shell, join(directory, "open-in-container"), ...words], {
      env: {
        PATH: `${directory}:${Deno.env.get("PATH")}`,
        XDG_RUNTIME_DIR: directory,
        GUI_CONTAINER_ENGINE: "",
      },
    });
    return (await Deno.readTextFile(join(directory, "started"))).split("\0\0").slice(0, -1)
      .map((text) => text.split("\0"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const shell of ["dash", "bash"]) {
  testWith(
    [shell, "flock"],
    `open-in-container in ${shell} hands on options, words and an address as they are`,
    async () => {
      const address = "https://example.org/?q='$(id)'%41&x=`id`;\n";
      const options = ["--preset=isolated", "--engine=incus", "--session=app"];
      const words = [...options, "box", "env A=b app --new", "--border=red", "--", address];
      assertEquals(await startedBy(shell, words), [["attach.ts", "engine=incus", ...words]]);
      const without = ["box", "/usr/bin/app", "--"];
      assertEquals(await startedBy(shell, without), [["attach.ts", "engine=", ...without]]);
    },
  );

  testWith(
    [shell, "flock"],
    `open-in-container in ${shell} lends a file, named by its path or its address`,
    async () => {
      const path = '/tmp/it\'s 100% "é" \u{1F600} $(id)\n.txt\n';
      const url = "file:///tmp/it's%20100%25%20%22%C3%A9%22%20%F0%9F%98%80%20$(id)%0A.txt%0a";
      for (const word of [path, url]) {
        assertEquals(await startedBy(shell, ["--engine=incus", "box", "app", "--", word]), [
          ["map.ts", "engine=incus", "--no-wait", "box", path],
          ["attach.ts", "engine=incus", "--engine=incus", "box", "app", "--", "/home/ubuntu/maps/0123456789/x"],
          ["map.ts", "engine=incus", "--unmap", "box", "/home/ubuntu/maps/0123456789/x"],
        ]);
      }
      // The app may have handed the file to the one that runs.
      assertEquals((await startedBy(shell, ["box", "app", "--", path], { isShown: true })).slice(-3), [
        ["attach.ts", "engine=", "box", "app", "--", "/home/ubuntu/maps/0123456789/x"],
        ["other", "ended"],
        ["map.ts", "engine=", "--unmap", "box", "/home/ubuntu/maps/0123456789/x"],
      ]);
    },
  );

  testWith(
    [shell, "flock"],
    `open-in-container in ${shell} gives a disposable copy a file and an address in their places`,
    async () => {
      const words = ["--engine=incus", "--disposable", "--deny=links", "box", "app --new", "--border=red"];
      for (const [word, ...given] of [["--", "--"], ["https://a/", "--", "https://a/"], ["/a b", "/a b"]]) {
        const typed = word === "--" ? [] : [word!];
        assertEquals(await startedBy(shell, [...words, "--", ...typed]), [
          ["attach.ts", "engine=incus", ...words, ...given],
        ]);
      }
    },
  );

  testWith(
    [shell, "flock"],
    `open-in-container in ${shell} knows containers on other machines, and projects`,
    async () => {
      const options = ["--engine=incus", "--project=work"];
      assertEquals(await startedBy(shell, [...options, "far:box", "app", "--", "/x"]), [
        ["map.ts", "engine=incus", "--project=work", "--no-wait", "far:box", "/x"],
        ["attach.ts", "engine=incus", ...options, "far:box", "app", "--", "/home/ubuntu/maps/0123456789/x"],
        ["map.ts", "engine=incus", "--project=work", "--unmap", "far:box", "/home/ubuntu/maps/0123456789/x"],
      ]);
    },
  );
}
