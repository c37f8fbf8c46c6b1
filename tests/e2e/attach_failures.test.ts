// What attach.ts says when something is wrong in a real container or engine: one line what, one line what to do, within
// seconds. What needs neither is in tests/unit.

import { assert } from "@std/assert";
import { join } from "@std/path";
import { assertRefused, type Refusal } from "../unit/refusals.ts";
import { mountsRoot, script, sh } from "./run.ts";
import { needed, nothingLeft, testInTurns } from "./sessions.ts";
import { shareContainer } from "./world.ts";

const nameOn = shareContainer("failures");

/** Longest time until the answer, in milliseconds: what ssh is given to connect, and more than any case needs. */
const answerMs = 20_000;

/** Something that is wrong. */
interface Failure extends Refusal {
  what: string;
  /** Makes it so in the container, in sh as root, and undoes that. */
  inside?: { break: string; mend: string };
  /** Makes it so on the host, and undoes that. */
  onHost?: { break(name: string): Promise<unknown>; mend(name: string): Promise<unknown> };
  env?: Record<string, string>;
}

const failures: readonly Failure[] = [
  {
    what: "no sshd in the container",
    inside: {
      break: "systemctl stop ssh.socket ssh.service",
      mend: "systemctl start ssh.socket || systemctl start ssh",
    },
    code: 1,
    names: ["NAME", "SSH"],
    hint: "sshd",
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
    names: ["NAME", "host key"],
    hint: "known_hosts",
  },
  {
    what: "a key that the container does not accept",
    inside: {
      break: "mv /home/ubuntu/.ssh/authorized_keys /opt/authorized_keys",
      mend: "mv /opt/authorized_keys /home/ubuntu/.ssh/authorized_keys",
    },
    code: 1,
    names: ["NAME", "SSH keys"],
    hint: "ssh-add FILE",
  },
  {
    what: "no room for a session in the container",
    inside: {
      break: "cd /run/user/1000; fallocate -l $(df --output=avail --block-size=1 . | tail -1) full",
      mend: "rm /run/user/1000/full",
    },
    code: 1,
    names: ["NAME", "session"],
    hint: "/run/user/1000",
  },
  ...[0, 1].map(() => ({
    what: "an engine that is gone",
    env: { LXD_DIR: "/nowhere", INCUS_SOCKET: "/nowhere", INCUS_DIR: "/nowhere" },
    code: 125,
    names: "",
  })),
];

for (const [row, { what, inside, onHost, env = {}, names, ...refusal }] of failures.entries()) {
  testInTurns(row)(`attach.ts says what is wrong, and what to do: ${what}`, needed, async (engine) => {
    const name = nameOn(engine);
    const asRoot = (shell: string): Promise<string> => sh([engine, "exec", name, "--", "/bin/sh", "-c", shell]);
    if (inside) await asRoot(inside.break);
    await onHost?.break(name);
    try {
      const began = performance.now();
      const ended = await script("attach", engine, [name, "xclock"], { env });
      assert(performance.now() - began < answerMs, `${performance.now() - began} ms`);
      assertRefused(ended, { ...refusal, names: [names].flat().map((word) => word.replace("NAME", `"${name}"`)) });
    } finally {
      if (inside) await asRoot(inside.mend);
      await onHost?.mend(name);
    }
    await nothingLeft(engine, name);
  });
}
