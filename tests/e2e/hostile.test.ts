// A container that has replaced its programs: what its sshd, its logs and its answers can do to whoever asks it
// something. Each attack is shown to work against the same step done by hand, so that no test can pass by accident.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { assertRefused } from "../unit/refusals.ts";
import { inContainer, mountsRoot, publicKey, root, script, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { type EngineName, shareContainer } from "./world.ts";

/** What a sequence of this kind does to a terminal: it writes "pwned" to the clipboard (xterm's ctlseqs, OSC 52). */
const toClipboard = "\x1b]52;c;cHduZWQ=\x07";

/** What a terminal is given by a command, with these lines typed into it. */
async function onTerminal(
  argv: readonly string[],
  { typed = "", timeoutMs = 30_000, env = {} }: { typed?: string; timeoutMs?: number; env?: Record<string, string> } =
    {},
): Promise<string> {
  const { stdout } = await runProcess(["script", "-qec", quoteWords(argv), "/dev/null"], {
    stdin: { text: typed },
    okCodes: "any",
    timeoutMs,
    env: { SHELL: "/bin/sh", NO_COLOR: "1", ...env },
  });
  return stdout;
}

/** Runs a shell script as root in a container. */
function asRoot(engine: EngineName, name: string, shell: string): Promise<string> {
  return sh([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-ec", shell]);
}

/** Has the container's sshd run with these lines in front of its settings, until the returned function is called. */
async function replaceSshd(engine: EngineName, name: string, lines: string): Promise<() => Promise<unknown>> {
  const file = "/etc/ssh/sshd_config.d/00-evil.conf";
  await asRoot(engine, name, `printf '${lines}' >${file}; systemctl reset-failed ssh; systemctl restart ssh`);
  return () => asRoot(engine, name, `rm -f ${file}; systemctl reset-failed ssh; systemctl restart ssh`);
}

/** ssh as somebody types it who pins the host keys and leaves the rest to the user's own settings. */
async function plainSsh(engine: EngineName, name: string): Promise<string[]> {
  const state = JSON.parse(await sh([engine, "query", `/1.0/instances/${name}/state`]));
  const address = state.network.eth0.addresses.find(({ family }: { family: string }) => family === "inet").address;
  const settings = [`UserKnownHostsFile=${join(mountsRoot, name, "known_hosts")}`, `HostKeyAlias=${name}`];
  return ["ssh", ...settings.flatMap((setting) => ["-o", setting]), `ubuntu@${address}`];
}

function attach(engine: EngineName, ...args: string[]): string[] {
  return [join(root, "attach.ts"), `--engine=${engine}`, ...args];
}

const nameOn = shareContainer("hostile", {
  prepare: async (engine, name) => {
    // The tries of the tests are not to be held up by sshd's own limits.
    await asRoot(engine, name, "echo PerSourcePenalties no >/etc/ssh/sshd_config.d/10-tries.conf");
  },
});

testOnOneEngine("hostile: an sshd that asks for a password gets none from the user", ["user"], async (engine) => {
  const name = nameOn(engine);
  const restore = await replaceSshd(engine, name, "PubkeyAuthentication no\\nKbdInteractiveAuthentication yes\\n");
  try {
    const byHand = await onTerminal([...await plainSsh(engine, name), "-o", "NumberOfPasswordPrompts=1", "true"], {
      typed: "hunter22\nhunter22\nhunter22\n",
    });
    assertStringIncludes(byHand, "assword");
    const ours = await onTerminal(attach(engine, "--list", name), { typed: "hunter22\n" });
    assert(!/assword:/.test(ours), ours);
    assertStringIncludes(ours, "does not accept your SSH keys");
  } finally {
    await restore();
  }
});

testOnOneEngine(
  "hostile: an sshd learns of no key but the one that was given to create.ts",
  ["user"],
  async (engine) => {
    const name = nameOn(engine);
    const directory = await Deno.makeTempDir();
    const other = join(directory, "other");
    await sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", other]);
    const fingerprint = (await sh(["ssh-keygen", "-lf", `${other}.pub`])).split(" ")[1]!;
    const [, pid] = /SSH_AGENT_PID=(\d+)/.exec(await sh(["ssh-agent", "-a", join(directory, "agent")])) ?? [];
    const env = { SSH_AUTH_SOCK: join(directory, "agent") };
    const restore = await replaceSshd(engine, name, "LogLevel DEBUG\\nAuthorizedKeysFile none\\n");
    try {
      await sh(["ssh-add", other], { env });
      const offered = async (argv: string[]): Promise<string> => {
        const before = (await asRoot(engine, name, "journalctl -q -o cat | wc -l")).trim();
        await runProcess(argv, { okCodes: "any", env });
        return await asRoot(engine, name, `journalctl -q -o cat | tail -n +${Number(before) + 1}`);
      };
      assertStringIncludes(
        await offered([...await plainSsh(engine, name), "-o", "BatchMode=yes", "true"]),
        fingerprint,
      );
      const ours = await offered(attach(engine, "--list", name));
      assert(!ours.includes(fingerprint));
      const own = (await sh(["ssh-keygen", "-lf", publicKey])).split(" ")[1]!;
      assertStringIncludes(ours, own);
    } finally {
      await restore();
      Deno.kill(Number(pid), "SIGTERM");
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/** Makes a socket as a session has one: without any, a container is not asked for its sessions. */
async function makeSocket(engine: EngineName, name: string): Promise<void> {
  const bind = 'import socket; socket.socket(socket.AF_UNIX).bind("/home/ubuntu/.xpra/app")';
  await inContainer(engine, name, `rm -f ~/.xpra/app; python3 -c '${bind}'`);
}

testOnOneEngine("hostile: an sshd that answers without end holds up nobody", ["user"], async (engine) => {
  const name = nameOn(engine);
  await makeSocket(engine, name);
  const restore = await replaceSshd(engine, name, "ForceCommand /usr/bin/yes\\n");
  try {
    const byHand = await sh([
      "sh",
      "-c",
      `${quoteWords([...await plainSsh(engine, name), "true"])} | head -c 30000000 | wc -c`,
    ]);
    assertEquals(byHand.trim(), "30000000");
    const startedMs = performance.now();
    const { code, stdout, stderr } = await script("attach", engine, ["--list"]);
    assertEquals([code, stdout.includes(name)], [0, false]);
    assertStringIncludes(stderr, `"${name}" is too long`);
    assert(performance.now() - startedMs < 30_000);
    const one = await script("attach", engine, ["--list", name]);
    assertEquals([one.code, /This should not happen/.test(one.stderr)], [1, false]);
  } finally {
    await restore();
  }
});

testOnOneEngine("hostile: an sshd that never answers costs --list its deadline", ["user"], async (engine) => {
  const name = nameOn(engine);
  await makeSocket(engine, name);
  const restore = await replaceSshd(engine, name, "ForceCommand sleep 600\\n");
  try {
    const startedMs = performance.now();
    const { code, stderr } = await script("attach", engine, ["--list"]);
    assertEquals(code, 0);
    assertStringIncludes(stderr, `"${name}" does not answer`);
    assert(performance.now() - startedMs < 30_000);
  } finally {
    await restore();
  }
});

testOnOneEngine("hostile: the name of an app adds no row and no column to --list", ["user"], async (engine) => {
  const name = nameOn(engine);
  const argument = "\n\tbox\tfake\t'; clear;'\x1b[2J\r";
  const app = ["--", "sh", "-c", "exec sleep 600", argument];
  const started = await script("attach", engine, ["--detached", "--session=rows", name, ...app]);
  assertEquals(started.code, 0, started.stderr);
  try {
    const { stdout } = await script("attach", engine, ["--list", name]);
    assertEquals(stdout.trimEnd().split("\n").map((row) => row.split("\t").length), [6], stdout);
    const [session] = JSON.parse((await script("attach", engine, ["--json", "--list", name])).stdout);
    assertStringIncludes(session.app, "\n\tbox\tfake\t");
  } finally {
    await script("attach", engine, ["--stop", name, "rows"]);
  }
});

testOnOneEngine("hostile: a log does not steer the terminal that --logs prints it to", ["user"], async (engine) => {
  const name = nameOn(engine);
  await inContainer(engine, name, `printf 'text\\033]52;c;cHduZWQ=\\007\\n' >~/.xpra/evil.log`);
  const log = join(mountsRoot, name, "xpra", "evil.log");
  assertStringIncludes(await onTerminal(["cat", log]), toClipboard);
  const shown = await onTerminal(attach(engine, "--logs", name, "evil"));
  assert(shown.includes("text") && !shown.includes("\x1b"), JSON.stringify(shown));
  // A program gets each byte.
  assertStringIncludes((await script("attach", engine, ["--logs", name, "evil"])).stdout, toClipboard);
});

testOnOneEngine("hostile: a log of a terabyte is printed within seconds", ["user"], async (engine) => {
  const name = nameOn(engine);
  await inContainer(
    engine,
    name,
    "echo start >~/.xpra/big.log; truncate -s 1T ~/.xpra/big.log; echo end >>~/.xpra/big.log",
  );
  try {
    const log = join(mountsRoot, name, "xpra", "big.log");
    const byHand = await runProcess(["sh", "-c", 'exec cat "$1" >/dev/null', "sh", log], {
      timeoutMs: 3_000,
      okCodes: "any",
    })
      .catch((error) => error);
    assert(byHand instanceof Error, "cat does not come to the end");
    const startedMs = performance.now();
    const { code, stdout, stderr } = await script("attach", engine, ["--logs", name, "big"]);
    assertEquals([code, stdout.endsWith("end\n")], [0, true]);
    assert(stdout.length < 10_000_000 && performance.now() - startedMs < 30_000);
    assertStringIncludes(stderr, "The log is long");
  } finally {
    await inContainer(engine, name, "rm -f ~/.xpra/big.log");
  }
});

testOnOneEngine("hostile: a link in the share gets no file of the user's lent", ["user"], async (engine) => {
  const name = nameOn(engine);
  const secret = join(Deno.env.get("HOME")!, ".ssh", "id_ed25519");
  await inContainer(engine, name, 'ln -s "$1" ~/share/cv.odt', secret);
  const lure = join(mountsRoot, name, "share", "cv.odt");
  // Whoever follows the link gets a file that its owner could lend.
  assertEquals(await sh(["readlink", "-f", lure]), secret);
  const acl = (): Promise<string> => sh(["getfacl", "-cnpE", "--", secret]);
  const before = await acl();
  const refused = await script("map", engine, ["--no-wait", name, lure]);
  assertRefused(refused, { code: 2, names: [`"${lure}"`, "container can write"] });
  assertEquals(await acl(), before);
});

testOnOneEngine(
  "hostile: a container of another project gets no file lent by a link either",
  ["user"],
  async (engine) => {
    const [project, other] = [`${nameOn(engine)}-project`, `${nameOn(engine)}-other`];
    const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-hostile-" });
    try {
      const file = join(directory, "file");
      await Deno.writeTextFile(file, "text");
      await sh([engine, "project", "create", project, "-c", "features.images=false", "-c", "features.profiles=false"]);
      const inProject = [engine, "--project", project];
      await sh([...inProject, "init", "gui-lab", other]);
      await sh([...inProject, "config", "device", "add", other, "d", "disk", `source=${directory}`, "path=/mnt"]);
      const refused = await script("map", engine, ["--no-wait", nameOn(engine), file]);
      assertRefused(refused, { code: 2, names: [`"${file}"`, "container can write"] });
    } finally {
      await script("map", engine, ["--unmap", nameOn(engine)]);
      await runProcess([engine, "--project", project, "delete", "--force", other], { okCodes: "any" });
      await runProcess([engine, "project", "delete", project], { okCodes: "any" });
      await Deno.remove(directory, { recursive: true });
    }
  },
);
