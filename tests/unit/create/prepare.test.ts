import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { prepareContainer } from "../../../lib/create/prepare.ts";
import prepareScript from "../../../lib/create/prepare.sh" with { type: "text" };
import { UserError } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { withValues } from "../../../lib/base/shell_words.ts";
import type { Host } from "../../../lib/base/host.ts";
import { type Address, addressOf } from "../../../lib/container/address.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const authorizedKeys = "ssh-ed25519 AAAA";

function boxOn(host: Host): Address {
  return addressOf(host, { engine: engineCalled("lxc"), name: "box" });
}

/** Prepares a container that answers so. */
async function prepared(answer: Answer, wanted?: string): ReturnType<typeof prepareContainer> {
  const { host } = recordingHost({ env: { HOME: "/h" }, answer: () => answer });
  return await prepareContainer(host, boxOn(host), { authorizedKeys, wanted });
}

Deno.test("prepareContainer() limits how much the container may answer, and how long it may take", async () => {
  const { host, options } = recordingHost({ env: { HOME: "/h" }, answer: () => ({ stdout: "" }) });
  await prepareContainer(host, boxOn(host), { authorizedKeys, wanted: undefined })
    .catch(() => {});
  assertEquals(options.map(({ maxOutputBytes, timeoutMs }) => [maxOutputBytes, timeoutMs]), [[2 ** 20, 60_000]]);
});

Deno.test("prepareContainer() reads the user, then the host keys", async () => {
  const stdout = "alice:1234:100:/srv/alice\nssh-ed25519 AAAA root@box\nno key\n";
  const user = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
  for (const wanted of ["alice", undefined]) {
    assertEquals(await prepared({ stdout }, wanted), { user, knownHosts: "box ssh-ed25519 AAAA\n" });
  }
});

Deno.test("prepareContainer() takes an ordinary user only, the wanted one, and shows none of the container's words", async () => {
  for (
    const [line, wanted] of [
      ["daemon:1:1:/usr/sbin", "daemon"],
      ["root:0:0:/root", undefined],
      ["alice:0:0:/home/alice", "alice"],
      ["alice:1000:1000:/home/../etc", "alice"],
      ["mallory:1000:1000:/home/mallory", "alice"],
      ["\x1b[2J:1000:1000:/home/x", undefined],
      ["", undefined],
    ] as const
  ) {
    const error = await assertRejects(
      () => prepared({ stdout: `${line}\n` }, wanted),
      UserError,
      "ordinary user",
    );
    assertEquals([error.exitCode, error.output], [1, ""]);
    assertStringIncludes(error.message, wanted ?? '"box"');
    for (const word of ["mallory", "\x1b", ".."]) assertEquals((error.message + error.hint).includes(word), false);
  }
});

Deno.test("prepareContainer() tells that the user cannot be made", async () => {
  const error = await assertRejects(
    () => prepared({ code: 76, stderr: "useradd: group games exists\n" }, "games"),
    UserError,
    'user "games"',
  );
  assertStringIncludes(error.output, "group games exists");
});

/** Runs prepare.sh where these are the users; "ROOT" in a home is a directory of the test's. */
async function runPrepareScript(
  passwd: readonly string[],
  { wanted = "", useradd = "exit 1", before = "", shared = "yes" }: {
    wanted?: string;
    useradd?: string;
    before?: string;
    shared?: string;
  } = {},
): Promise<{ code: number; printed: string; made: string; bookmarks: string; motdModes: string }> {
  const root = await Deno.makeTempDir();
  try {
    const program = (name: string, text: string): Promise<void> =>
      Deno.writeTextFile(join(root, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    await Deno.writeTextFile(join(root, "passwd"), passwd.map((line) => `${line.replace("ROOT", root)}\n`).join(""));
    await program("getent", `grep "^$2:" '${root}/passwd'`);
    await program("useradd", `cd '${root}'\n${useradd}`);
    for (const name of ["chown", "loginctl", "setpriv"]) await program(name, "");
    await Deno.mkdir(join(root, "motd"));
    for (const name of ["00-header", "50-landscape"]) await program(`motd/${name}`, "");
    const script = withValues(prepareScript, { wanted, otherwise: "ubuntu", cannot_make: "76", shared })
      .replaceAll("/etc/passwd", `'${root}/passwd'`).replace("/etc/ssh/ssh_host_*_key.pub", "/dev/null")
      .replace("/etc/update-motd.d", `'${root}/motd'`);
    const { code, stdout } = await runProcess(["/bin/sh", "-c", before + script], {
      cwd: root,
      env: { PATH: `${root}:${Deno.env.get("PATH")}` },
      stdin: { text: "ssh-ed25519 AAAA\n" },
      okCodes: "any",
    });
    const files = await runProcess(["find", "home", "-type", "f"], { cwd: root, okCodes: "any" });
    const bookmarks = await runProcess(["sh", "-c", "cat home/*/.config/gtk-3.0/bookmarks"], {
      cwd: root,
      okCodes: "any",
    });
    const motdModes = await runProcess(["stat", "-c", "%A", "motd/00-header", "motd/50-landscape"], { cwd: root });
    return {
      code,
      motdModes: motdModes.stdout,
      printed: stdout.trim().replace(root, "ROOT"),
      made: files.stdout.trim().split("\n").toSorted().join(" "),
      bookmarks: bookmarks.stdout.replaceAll(root, "ROOT"),
    };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("prepare.sh takes the image's first ordinary user, the wanted one, or makes one", async () => {
  const system = ["root:x:0:0::/root:/bin/bash", "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin"];
  const build = "build:x:1001:1001::/build:/usr/sbin/nologin";
  const late = "late:x:1003:1003::ROOT/home/late:/bin/sh";
  const early = "early:x:1002:50:Early, Bird:ROOT/home/early:";
  const image = [...system, build, late, early];
  assertEquals(await runPrepareScript(image), {
    code: 0,
    motdModes: "-rw-r--r--\n-rw-r--r--\n",
    printed: "early:1002:50:ROOT/home/early",
    made: "home/early/.config/gtk-3.0/bookmarks home/early/.ssh/authorized_keys",
    bookmarks: "file://ROOT/home/early/maps Lent files\nfile://ROOT/home/early/share Share\n",
  });
  const before = "mkdir -p home/early/.config/gtk-3.0\n: >home/early/.config/gtk-3.0/bookmarks\n";
  assertEquals((await runPrepareScript(image, { before })).bookmarks, "", "of the image's own");
  const { bookmarks } = await runPrepareScript(image, { shared: "no" });
  assertEquals(bookmarks, "file://ROOT/home/early/maps Lent files\n", "on another machine");
  assertEquals((await runPrepareScript(image, { wanted: "late" })).printed, "late:1003:1003:ROOT/home/late");
  const useradd = 'for name; do :; done; echo "$name:x:1000:1000::$PWD/home/$name:" >>passwd';
  assertEquals((await runPrepareScript(system, { useradd })).printed, "ubuntu:1000:1000:ROOT/home/ubuntu");
  assertEquals((await runPrepareScript(image, { useradd, wanted: "bob" })).printed, "bob:1000:1000:ROOT/home/bob");
  assertEquals((await runPrepareScript(image, { wanted: "bob" })).code, 76);
});
