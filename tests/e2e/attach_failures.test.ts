// What attach.ts says when something is wrong, on either side: one line what, one line what to do, within seconds.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { inContainer, mountsRoot, script, sh } from "./run.ts";
import { needed, nothingLeft, testInTurns } from "./sessions.ts";
import { shareContainer, testOnEngines } from "./world.ts";

const nameOn = shareContainer("failures");

/** Longest time until the answer, in milliseconds: what ssh is given to connect, and more than any case needs. */
const answerMs = 20_000;

/** Something that is wrong. */
interface Failure {
  what: string;
  /** Makes it so in the container, in sh as root, and undoes that. */
  inside?: { break: string; mend: string };
  /** Makes it so on the host, and undoes that. */
  onHost?: { break(name: string): Promise<unknown>; mend(name: string): Promise<unknown> };
  env?: Record<string, string>;
  /** A program without which the host is seen. */
  without?: string;
  app?: string;
  code: number;
  error: RegExp;
  hint: RegExp;
}

const failures: readonly Failure[] = [
  {
    what: "an app that is not in the container",
    app: "no-such-app --flag",
    code: 127,
    error: /There is no program "no-such-app" in the container/,
    hint: /Install it there/,
  },
  {
    what: "an app that dies at once",
    app: "sh -c 'echo last words >&2; exit 7'",
    code: 1,
    error: /The app of "sh" ended with exit status 7/,
    hint: /attach\.ts (?:--engine=\w+ )?--logs/,
  },
  {
    what: "an app that a signal ends",
    app: "sh -c 'kill -SEGV $$'",
    code: 1,
    error: /The app of "sh" ended with exit status 139/,
    hint: /attach\.ts (?:--engine=\w+ )?--logs/,
  },
  {
    what: "no xpra in the container",
    inside: { break: 'mv "$(command -v xpra)" /opt/xpra', mend: "mv /opt/xpra /usr/local/bin/xpra" },
    code: 127,
    error: /There is no xpra in the container/,
    hint: /Install version 5 or later there/,
  },
  {
    what: "no xpra on the host",
    without: "xpra",
    code: 127,
    error: /There is no xpra on this host/,
    hint: /Install version 5 or later there/,
  },
  {
    what: "no ssh on the host",
    without: "ssh",
    code: 127,
    error: /"ssh" is not installed/,
    hint: /openssh-client/,
  },
  {
    what: "no sshd in the container",
    inside: {
      break: "systemctl stop ssh.socket ssh.service",
      mend: "systemctl start ssh.socket || systemctl start ssh",
    },
    code: 1,
    error: /Cannot reach "\S+" at \S+ by SSH/,
    hint: /whether sshd runs/,
  },
  {
    what: "a host key that is not the pinned one",
    onHost: {
      break: async (name) => {
        const file = join(mountsRoot, name, "known_hosts");
        const keys = await Deno.readTextFile(file);
        await Deno.writeTextFile(`${file}.kept`, keys);
        // Any other key of the same kind.
        await Deno.writeTextFile(file, keys.replaceAll(/(AAAA\S{30})\S{8}/g, "$1AAAAAAAA"));
      },
      mend: (name) => Deno.rename(join(mountsRoot, name, "known_hosts.kept"), join(mountsRoot, name, "known_hosts")),
    },
    code: 1,
    error: /The SSH host key of "\S+" is not the one that was pinned/,
    hint: /known_hosts/,
  },
  {
    what: "no directories on the host",
    onHost: {
      break: (name) => Deno.rename(join(mountsRoot, name), join(mountsRoot, `.${name}`)),
      mend: (name) => Deno.rename(join(mountsRoot, `.${name}`), join(mountsRoot, name)),
    },
    code: 1,
    error: /There are no directories of "\S+" here: no \S+\/xpra$/,
    hint: /create\.ts (?:--engine=\w+ )?--delete/,
  },
  {
    what: "a key that the container does not accept",
    inside: {
      break: "mv /home/ubuntu/.ssh/authorized_keys /opt/authorized_keys",
      mend: "mv /opt/authorized_keys /home/ubuntu/.ssh/authorized_keys",
    },
    code: 1,
    error: /does not accept your SSH keys/,
    hint: /ssh-add FILE/,
  },
  {
    what: "a container without an address",
    inside: { break: "ip address flush dev eth0", mend: "systemctl restart networking" },
    code: 1,
    error: /has no address/,
    hint: /firewall/,
  },
  {
    what: "no display on the host",
    env: { DISPLAY: "" },
    code: 1,
    error: /No display to show windows on: \$DISPLAY is not set/,
    hint: /--detached/,
  },
  {
    what: "a display on the host that cannot be opened",
    env: { DISPLAY: ":999" },
    code: 1,
    error: /display/,
    hint: /./,
  },
  {
    what: "no room for a session in the container",
    inside: {
      break: "cd /run/user/1000; fallocate -l $(df --output=avail --block-size=1 . | tail -1) full",
      mend: "rm /run/user/1000/full",
    },
    code: 1,
    error: /The session could not be started/,
    hint: /Make room in \/run\/user\/1000/,
  },
];

for (
  const [row, { what, inside, onHost, without, env = {}, app = "xclock", code, error, hint }] of failures.entries()
) {
  testInTurns(row)(`attach.ts says what is wrong, and what to do: ${what}`, needed, async (engine) => {
    const name = nameOn(engine);
    const asRoot = (shell: string): Promise<string> => sh([engine, "exec", name, "--", "/bin/sh", "-c", shell]);
    const path = without === undefined ? undefined : await pathWithout(without);
    if (inside) await asRoot(inside.break);
    await onHost?.break(name);
    try {
      const began = performance.now();
      const ended = await script("attach", engine, [name, app], { env: { ...env, ...(path ? { PATH: path } : {}) } });
      assert(performance.now() - began < answerMs, `${performance.now() - began} ms`);
      assertEquals(ended.code, code, ended.stderr);
      assertEquals(ended.stdout, "");
      assertMatch(ended.stderr, /^error: .+$/m);
      assertMatch(ended.stderr.match(/^error: .+$/m)![0], error);
      assertMatch(ended.stderr.match(/^hint: .+$/m)?.[0] ?? "", hint);
    } finally {
      if (inside) await asRoot(inside.mend);
      await onHost?.mend(name);
      if (path) await Deno.remove(path, { recursive: true });
    }
    await nothingLeft(engine, name);
  });
}

testOnEngines("attach.ts says nothing of what it cannot know when the engine is gone", needed, async (engine) => {
  const { code, stderr } = await script("attach", engine, [nameOn(engine), "xclock"], {
    env: { LXD_DIR: "/nowhere", INCUS_SOCKET: "/nowhere", INCUS_DIR: "/nowhere" },
  });
  assertEquals(code, 125, stderr);
  assertStringIncludes(stderr, "hint: ");
  assertEquals(await inContainer(engine, nameOn(engine), "ls .xpra | grep -v log || true"), "");
});

/** A directory with links to all programs of PATH but one. */
async function pathWithout(program: string): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "e2e-path-" });
  for (const part of Deno.env.get("PATH")!.split(":")) {
    for (const { name } of await Array.fromAsync(Deno.readDir(part)).catch(() => [])) {
      if (name !== program) await Deno.symlink(join(part, name), join(directory, name)).catch(() => {});
    }
  }
  return directory;
}
