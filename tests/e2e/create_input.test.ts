// create.ts and wrong input: each is told with its place and what to do, by exit code 2, before anything is touched.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { publicKey, root, sh } from "./run.ts";

const config = "#cloud-config\npackages: [a]\n";
const longName = "a".repeat(64);

/**
 * What is wrong, by the argument that it is in; the others are right. And what is said: the error, and a part of the
 * hint.
 */
const cases: {
  name?: string;
  keys?: string | Uint8Array;
  profile?: string;
  parts?: (string | Uint8Array)[];
  options?: string[];
  says: string | RegExp;
  hint: string;
}[] = [
  ...["", "1a", "a_b", "a-", "a b", "a\nb", "it's", "ä", "../a", longName].map((name) => ({
    name,
    says: `cannot be the name of a container`,
    hint: "1 to 63 letters",
  })),
  { name: "default", says: "the engine's own profile", hint: "Choose another" },
  { keys: "", says: 'keys" is empty', hint: "file you meant" },
  { keys: "# none\nssh-ed25519\n", says: "There is no public key in", hint: "ssh-keygen" },
  { keys: new Uint8Array([0xff, 0xfe, 0, 1]), says: "is not UTF-8 text", hint: "text file" },
  { keys: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", says: "holds a private key", hint: ".pub" },
  {
    keys: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n",
    options: ["--yes"],
    says: "holds a private key",
    hint: ".pub",
  },
  { profile: "config:\n  a.b: 1\n", says: /profile:2:3: .*"config\.a\.b" is not text/, hint: 'a.b: "1"' },
  {
    profile: "config: {}\nname: x\n",
    says: /profile:2:1: Unknown key "name"/,
    hint: "config, devices and description",
  },
  { profile: "config:\n\ta: b\n", says: /profile:2:1: Not valid YAML/, hint: "spaces" },
  { profile: "config: {}\nconfig: {}\n", says: /profile:2:\d+: Not valid YAML/, hint: "line" },
  { profile: "- a\n", says: /profile:1:1: A profile is a map/, hint: "config:" },
  {
    profile: 'config:\n  user.user-data: "x"\n',
    says: /profile:2:3: The profile has user-data of its own/,
    hint: "CLOUD_INIT",
  },
  {
    profile: 'config:\n  security.privileged: "true"\n',
    says: /profile:2:3: A privileged container cannot be used/,
    hint: "take it out",
  },
  {
    profile: 'config:\n  raw.lxc: "x"\n',
    says: /profile:2:3: "config\.raw\.lxc" sets anything for the container/,
    hint: "--trust-profile",
  },
  {
    profile: "devices:\n  gpu:\n    type: gpu\n",
    says: /profile:2:3: "devices\.gpu" lets the container use the host's graphics driver/,
    hint: "--trust-profile",
  },
  {
    profile: "devices:\n  share: {type: none}\n",
    says: /profile:2:3: The device name "share" is taken/,
    hint: "choose another",
  },
  { parts: ["packages: [a]\n"], says: /part-0:1:1: The first line does not say/, hint: "#cloud-config" },
  { parts: ["#cloud-confg\na: b\n"], says: /part-0:1:1: .*"#cloud-confg"/, hint: "#cloud-config" },
  { parts: [config, `\n${config}`], says: /part-1:1:1: The first line/, hint: "#cloud-config" },
  { parts: [`\ufeff${config}`], says: /part-0:1:1: .*byte-order mark/, hint: "UTF-8" },
  { parts: ["#!/bin/sh\r\nls\r\n"], says: /part-0:1:10: .*CR LF/, hint: "dos2unix" },
  { parts: ["#cloud-config\npackages:\n\t- a\n"], says: /part-0:3:1: Not valid YAML/, hint: "spaces" },
  { parts: [`${config}packages: [b\n`], says: /part-0:\d+:\d+: Not valid YAML/, hint: "line" },
  { parts: ["#cloud-config\n- a\n"], says: /part-0:1:1: The file is not a map/, hint: "packages:" },
  { parts: ["#cloud-config-archive\na: b\n"], says: /part-0:1:1: The file is not a list/, hint: "" },
  { parts: [config, new Uint8Array([35, 33, 0])], says: 'part-1" is not text but binary', hint: "text file" },
  { parts: ["## template: jinja\npackages: [a]\n"], says: /part-0:2:1: The template/, hint: "#cloud-config" },
  { options: ["--image=--vm"], says: '"--vm" is not an image', hint: "ubuntu:24.04" },
  { options: ["--force"], says: "--force can only be used with --delete", hint: "create.ts --help" },
  { options: ["--timeout=soon"], says: '"soon" is not a duration', hint: "20m" },
  { options: ["--no-such"], says: 'Unknown option "--no-such"', hint: "--help" },
  { options: ["--engine=docker"], says: 'There is no engine "docker"', hint: "lxc or incus" },
];

Deno.test("create.ts tells wrong input by exit code 2, and touches nothing", async () => {
  const directory = await Deno.makeTempDir();
  const mounts = join(directory, "mounts");
  try {
    await Promise.all(Array.from({ length: 3 }, async (_, lane) => {
      for (const [index, { says, hint, ...wrong }] of cases.entries()) {
        if (index % 3 !== lane) continue;
        const at = join(directory, `${index}`);
        await Deno.mkdir(at);
        const write = async (name: string, content: string | Uint8Array): Promise<string> => {
          const path = join(at, name);
          await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
          return path;
        };
        const args = [
          wrong.name ?? "box",
          wrong.keys === undefined ? publicKey : await write("keys", wrong.keys),
          await write("profile", wrong.profile ?? "config: {}\n"),
          ...await Promise.all((wrong.parts ?? [config]).map((part, number) => write(`part-${number}`, part))),
        ];
        const argv = [join(root, "create.ts"), ...wrong.options ?? [], "--", ...args];
        const { code, stdout, stderr } = await runProcess(argv, {
          okCodes: "any",
          env: { GUI_CONTAINER_MOUNTS: mounts },
        });
        assertEquals([code, stdout], [2, ""], `${says}: ${stderr}`);
        const lines = stderr.trimEnd().split("\n");
        assertEquals(lines.length, 2, stderr);
        assertMatch(lines[0]!, /^error: /);
        if (typeof says === "string") assertStringIncludes(lines[0]!, says);
        else assertMatch(lines[0]!, says);
        assertMatch(lines[1]!, /^hint: /);
        assertStringIncludes(lines[1]!, hint);
      }
    }));
    assert(!await Deno.lstat(mounts).catch(() => undefined), "nothing was made");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("create.ts tells files that are missing, directories, or not to be read, and a home that is not known", async () => {
  const directory = await Deno.makeTempDir();
  const [part, closed] = [join(directory, "part"), join(directory, "closed")];
  try {
    await Deno.writeTextFile(part, config);
    await Deno.writeTextFile(closed, config, { mode: 0 });
    for (
      const [args, env, says] of [
        [["box", join(directory, "none"), part, part], {}, "There is no file"],
        [["box", publicKey, directory, part], {}, "is a directory"],
        [["box", publicKey, "gui", part, closed], {}, "may not be read"],
        [["box", publicKey, "gui"], {}, "CLOUD_INIT is missing"],
        [["box", "gui", "firefox"], {}, "AUTHORIZED_KEYS is missing"],
        [["box", "gui", "firefox", "vlc"], {}, "AUTHORIZED_KEYS is missing"],
        [["--delete"], {}, "--delete takes the NAME"],
        [
          ["box", publicKey, "gui", part],
          { HOME: "", GUI_CONTAINER_MOUNTS: "" },
          "Neither $GUI_CONTAINER_MOUNTS nor $HOME",
        ],
        [["box", publicKey, "gui", part], { GUI_CONTAINER_MOUNTS: "mounts" }, "is not an absolute path"],
      ] as const
    ) {
      const { code, stderr } = await runProcess([join(root, "create.ts"), ...args], {
        okCodes: "any",
        env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno"), ...env },
      });
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, says);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("create.ts refuses a PROFILE that gives the host away, and with --trust-profile warns of each of its keys", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [profile, part, mounts] = ["profile", "part", "mounts"].map((name) => join(directory, name));
    await Deno.writeTextFile(part!, config);
    await Deno.writeTextFile(
      profile!,
      'config:\n  security.nesting: "true"\ndevices:\n  home:\n    type: disk\n    path: /mnt\n    source: /home\n',
    );
    const told = [
      /\bprofile:2:3: "config\.security\.nesting" lets root in the container mount and make containers/m,
      /\bprofile:7:5: "devices\.home\.source" gives the container "\/home" of the host$/m,
    ];
    for (const trusted of [false, true]) {
      const options = ["--dry-run", "--engine=lxc", ...trusted ? ["--trust-profile"] : []];
      const { code, stdout, stderr } = await runProcess(
        [join(root, "create.ts"), ...options, "box", publicKey, profile!, part!],
        { okCodes: "any", env: { GUI_CONTAINER_MOUNTS: mounts! } },
      );
      assertEquals(code, trusted ? 0 : 2, stderr);
      for (const line of told) assertMatch(stderr, line);
      assertEquals(
        [stderr.match(/^error:/gm)?.length, stderr.match(/^warning:/gm)?.length],
        trusted ? [undefined, 2] : [1, undefined],
      );
      assertEquals(stdout.includes("lxc launch"), trusted);
    }
    assert(!await Deno.lstat(mounts!).catch(() => undefined), "nothing was made");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("create.ts takes a private key from a person at a terminal who answers y, whatever --yes says", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const key = join(directory, "id");
    await sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    const both = `${await Deno.readTextFile(key)}${await Deno.readTextFile(`${key}.pub`)}`;
    await Deno.writeTextFile(key, both);
    const command = quoteWords([join(root, "create.ts"), "--yes", "box", key, "no-such-profile", "xpra"]);
    for (const [answer, says] of [["y\n", '"no-such-profile"'], ["\n", "holds a private key"]] as const) {
      const { code, stdout } = await runProcess(["script", "-qec", command, "/dev/null"], {
        stdin: { text: answer },
        okCodes: "any",
      });
      assertEquals(code, 2, stdout);
      assertStringIncludes(stdout, "holds a PRIVATE key. Put it into the container? [y/N]");
      assertStringIncludes(stdout.split("error:")[1]!, says);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("create.ts says of a directory for the mounts that it cannot be written, or is a file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "part"), config);
    await Deno.writeTextFile(join(directory, "file"), "");
    await Deno.mkdir(join(directory, "closed"), { mode: 0o555 });
    const before = await sh(["ls", "-lR", directory]);
    for (const mounts of ["file", "closed", "closed/below"]) {
      const { code, stderr } = await runProcess(
        [join(root, "create.ts"), "box", publicKey, "gui", join(directory, "part")],
        { okCodes: "any", env: { GUI_CONTAINER_MOUNTS: join(directory, mounts) } },
      );
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, `Cannot make directories in "${join(directory, mounts)}"`);
      assertStringIncludes(stderr, "hint: Set $GUI_CONTAINER_MOUNTS");
    }
    assertEquals(await sh(["ls", "-lR", directory]), before);
    const { code, stderr } = await runProcess(
      [join(root, "create.ts"), "file", publicKey, "gui", join(directory, "part")],
      { okCodes: "any", env: { GUI_CONTAINER_MOUNTS: directory } },
    );
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `"${join(directory, "file")}" is not a directory`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Runs a program in a user namespace of its own, with another file system mounted on a directory. */
function onFileSystem(type: string, directory: string, argv: readonly string[]): Promise<ProcessResult> {
  const script = 'mount -t "$1" none "$2" && shift 2 && exec "$@"';
  return runProcess(
    ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script, "sh", type, directory].concat(argv),
    {
      okCodes: "any",
      env: { GUI_CONTAINER_MOUNTS: directory },
    },
  );
}

const mayMount = (await onFileSystem("ramfs", "/tmp", ["true"])).code === 0;

Deno.test({
  name: `create.ts names a file system without ACLs${mayMount ? "" : " (skipped: users may not mount one here)"}`,
  ignore: !mayMount,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const [part, mounts] = [join(directory, "part"), join(directory, "mounts")];
      await Deno.writeTextFile(part, config);
      await Deno.mkdir(mounts);
      const look = 'create=$1; shift; "$create" "$@"; code=$?; ls -A "$GUI_CONTAINER_MOUNTS"; exit "$code"';
      const argv = [
        "/bin/sh",
        "-c",
        look,
        "sh",
        join(root, "create.ts"),
        "--engine=lxc",
        "box",
        publicKey,
        "gui",
        part,
      ];
      const without = await onFileSystem("ramfs", mounts, argv);
      assertEquals([without.code, without.stdout], [1, ""], without.stderr);
      assertStringIncludes(without.stderr, `The file system of "${mounts}" has no ACLs`);
      assertStringIncludes(without.stderr, "Operation not supported");
      assertStringIncludes(without.stderr, "hint: Set $GUI_CONTAINER_MOUNTS");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
