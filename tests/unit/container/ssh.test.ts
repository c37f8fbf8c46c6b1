import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { join } from "@std/path";
import type { RunOptions } from "../../../lib/base/host.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { runProcess } from "../../../lib/base/process.ts";
import {
  hasPrivateKey,
  identityFiles,
  knownHostsLines,
  publicKeysIn,
  sshArgv,
  sshConfigPath,
  sshScript,
  type SshTarget,
} from "../../../lib/container/ssh.ts";
import { ubuntuUser } from "../../../lib/container/user.ts";
import { recordingHost } from "../recording_host.ts";
import { argumentsSeenByShell, awkwardWords, testWith } from "../samples.ts";

/** A target whose directories have this path. */
function targetIn(directory: string): SshTarget {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } });
  return { name: "Box", address: "10.0.0.5", user: ubuntuUser, mounts: mountsIn(host, "Box") };
}

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFzM5rYqb0Yz1xkz9pJm2oS2QpXhJ0m2x1bB7o8s6b0Q";

Deno.test("knownHostsLines() pins each key under the container's name, without its comment", () => {
  const keys = `${ed25519} root@box\necdsa-sha2-nistp256 AAAAE2= \n\nssh-rsa AAAAB3\nno key\n# ssh-rsa A\n`;
  assertEquals(knownHostsLines("box", keys), `box ${ed25519}\nbox ecdsa-sha2-nistp256 AAAAE2=\nbox ssh-rsa AAAAB3\n`);
  assertEquals(knownHostsLines("box", ""), "");
});

testWith(["ssh-keygen"], "knownHostsLines() are found by OpenSSH, under a name with capitals too", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { mounts } = targetIn(directory);
    await Deno.mkdir(mounts.directory);
    await Deno.writeTextFile(mounts.knownHosts, knownHostsLines("Box", `${ed25519} c\n`));
    const { stdout } = await runProcess(["ssh-keygen", "-F", "Box", "-f", mounts.knownHosts]);
    assertStringIncludes(stdout, ed25519);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("sshArgv() carries words through the remote shell byte for byte", async () => {
  const words = awkwardWords.filter((word) => word !== "");
  for (const remote of [["show", ...words], ["show", "", ""], ["show"]]) {
    const argv = sshArgv(targetIn("/m"), remote, { mayAsk: false });
    const command = argv.slice(argv.indexOf("--") + 1);
    // ssh joins what follows the host by spaces, and the login shell there gets it by -c.
    assertEquals(await argumentsSeenByShell(command.join(" ")), [remote.slice(1)]);
  }
});

Deno.test("sshArgv() goes by way of the engine to a container without a network, as ssh reads that", async () => {
  const proxy = ["lxc", "exec", "Box", "--", "/bin/sh", "-c", "echo '100%' && exec sshd -i"];
  const argv = sshArgv({ ...targetIn("/m"), address: "Box", proxy }, ["true"], { mayAsk: false });
  assert(argv.includes("ubuntu@Box"));
  const option = argv.find((word) => word.startsWith("ProxyCommand="))!.slice("ProxyCommand=".length);
  // ssh replaces %% by %, and hands the rest to the user's shell behind "exec" (ssh_config(5)).
  assertEquals(await argumentsSeenByShell(`show ${option.replaceAll("%%", "%")}`), [[
    ...["setpriv", "--pdeathsig", "KILL"],
    ...proxy,
  ]]);
  assert(!sshArgv(targetIn("/m"), ["true"], { mayAsk: false }).some((word) => word.startsWith("ProxyCommand=")));
});

Deno.test("ssh leaves no engine's CLI behind whose container does not let it end", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const pidFile = join(directory, "pid");
    const proxy = ["sh", "-c", `trap '' HUP INT TERM; echo $$ >"${pidFile}"; exec sleep 60`];
    const argv = sshArgv({ ...targetIn(directory), address: "Box", proxy }, ["true"], { mayAsk: false });
    await assertRejects(() => runProcess(argv, { timeoutMs: 1_000 }), ProcessError, "did not end");
    const pid = (await Deno.readTextFile(pidFile)).trim();
    const isThere = (): Promise<boolean> => Deno.stat(`/proc/${pid}`).then(() => true, () => false);
    for (const endMs = performance.now() + 10_000; await isThere();) {
      assert(performance.now() < endMs, "it lives on");
      await delay(10);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("sshArgv() trusts the pinned keys only, forwards nothing, and never asks without a terminal", () => {
  const argv = sshArgv(targetIn("/m"), ["true"], { mayAsk: false });
  for (
    const setting of [
      'UserKnownHostsFile="/m/Box/known_hosts"',
      "GlobalKnownHostsFile=/dev/null",
      "HostKeyAlias=Box",
      "StrictHostKeyChecking=yes",
      "UpdateHostKeys=no",
      "ForwardAgent=no",
      "ForwardX11=no",
      "ClearAllForwardings=yes",
      "BatchMode=yes",
      "PreferredAuthentications=publickey",
      "PasswordAuthentication=no",
      "KbdInteractiveAuthentication=no",
      "IdentitiesOnly=yes",
    ]
  ) assertEquals(argv[argv.indexOf(setting) - 1], "-o", setting);
  assert(sshArgv(targetIn("/m"), ["true"], { mayAsk: true }).includes("BatchMode=no"));
  assertEquals(argv.slice(-3), ["ubuntu@10.0.0.5", "--", "true"]);
});

testWith(["ssh"], "sshArgv() names a known_hosts file whose path has spaces, quotes and percent signs", async () => {
  for (const directory of ["/a b", "/a%h", "/it's", "/~x", "/#x", "/ü"]) {
    const target = targetIn(directory);
    const [program, ...rest] = sshArgv(target, ["true"], { mayAsk: false });
    const { stdout } = await runProcess([program!, "-G", ...rest]);
    const line = stdout.split("\n").find((text) => text.startsWith("userknownhostsfile "))!;
    assertEquals(line, `userknownhostsfile ${target.mounts.knownHosts}`);
  }
});

Deno.test("sshScript() tells a changed host key, a refused key and no connection apart", async () => {
  for (
    const [stderr, message, hint] of [
      ["@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\n", "host key", "known_hosts"],
      ["Host key verification failed.\n", "host key", "known_hosts"],
      ["ubuntu@10.0.0.5: Permission denied (publickey).\n", "SSH keys", "ssh-add"],
      ["ssh: connect to host 10.0.0.5 port 22: No route to host\n", '"Box" at 10.0.0.5', "firewall"],
    ] as const
  ) {
    const { host } = recordingHost({ answer: () => ({ code: 255, stderr }) });
    const error = await assertRejects(
      () => sshScript(host, targetIn("/m"), { script: "true" }),
      UserError,
      message,
    );
    assertStringIncludes(error.hint, hint);
    assertEquals([error.exitCode, error.output], [1, stderr.trim()]);
  }
});

Deno.test("sshScript() leaves the remote program's own failure as it is", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 1, stderr: "Permission denied" }) });
  await assertRejects(() => sshScript(host, targetIn("/m"), { script: "true" }), ProcessError);
});

Deno.test("publicKeysIn() finds public keys of every type, without their options and comments", () => {
  for (
    const text of [
      ed25519,
      `${ed25519} a comment with spaces\n`,
      `\n# mine\n\n${ed25519}\r\n`,
      `from="10.0.0.*",command="echo \\"hi\\"" ${ed25519}`,
      `restrict\t${ed25519.replace(" ", "\t")}`,
    ]
  ) assertEquals(publicKeysIn(text), [ed25519], text);
  for (
    const key of [
      "ssh-rsa AAAAB3NzaC1yc2E=",
      "ecdsa-sha2-nistp521 AAAAE2==",
      "sk-ssh-ed25519@openssh.com AAAAGnNr",
      "sk-ecdsa-sha2-nistp256@openssh.com AAAAInNr",
    ]
  ) assertEquals(publicKeysIn(`${key} me\n${ed25519} me`), [key, ed25519]);
});

Deno.test("publicKeysIn() finds no key in what is none", () => {
  for (
    const text of [
      "",
      "hello",
      `# ${ed25519}`,
      "ssh-ed25519",
      "ssh-ed25519 ",
      "ssh-ed25519 !!!",
      "xssh-ed25519 AAAA",
      "-----BEGIN CERTIFICATE-----\nMIIB\n",
      "-----BEGIN PUBLIC KEY-----\nMIIB\n",
    ]
  ) {
    assertEquals(publicKeysIn(text), [], text);
    assert(!hasPrivateKey(text));
  }
});

Deno.test("hasPrivateKey() finds private keys, also beside a public one", () => {
  for (const kind of ["OPENSSH ", "RSA ", "EC ", "DSA ", "ENCRYPTED ", ""]) {
    const key = `-----BEGIN ${kind}PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END ${kind}PRIVATE KEY-----\n`;
    assertEquals([hasPrivateKey(key), publicKeysIn(key)], [true, []]);
    assertEquals([hasPrivateKey(`${ed25519}\n${key}`), publicKeysIn(`${ed25519}\n${key}`)], [true, [ed25519]]);
  }
  assert(hasPrivateKey(`${ed25519}\nPuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAA\n`));
});

testWith(["ssh-keygen"], "hasPrivateKey() and publicKeysIn() know what ssh-keygen makes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const [type, ...more] of [["ed25519"], ["ecdsa"], ["ecdsa", "-m", "PEM"], ["ecdsa", "-m", "PKCS8"]]) {
      const path = `${directory}/${type}${more.join("")}`;
      await runProcess(["ssh-keygen", "-q", "-t", type!, ...more, "-N", "", "-f", path]);
      const [secret, open] = [await Deno.readTextFile(path), await Deno.readTextFile(`${path}.pub`)];
      assertEquals([hasPrivateKey(secret), publicKeysIn(secret)], [true, []]);
      assertEquals([hasPrivateKey(open), publicKeysIn(open)], [false, [open.split(" ").slice(0, 2).join(" ")]]);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith(["ssh"], "identityFiles() make ssh offer these keys and no others, whatever their paths hold", async () => {
  const directory = await Deno.makeTempDir({ prefix: "it's 100% " });
  try {
    const target = targetIn(directory);
    const privateKeyPath = join(directory, "id %h");
    const files = identityFiles(target.mounts, [
      { publicKey: ed25519, privateKeyPath: undefined },
      { publicKey: "ssh-rsa AAAAB3", privateKeyPath },
    ]);
    assertEquals(Object.keys(files), ["1.pub", "config"]);
    assertEquals(files["1.pub"], `${ed25519}\n`);
    await Deno.mkdir(target.mounts.ssh, { recursive: true });
    await Deno.writeTextFile(join(target.mounts.ssh, "config"), files.config!);
    const [program, ...rest] = sshArgv({ ...target, config: sshConfigPath(target.mounts) }, ["true"], { mayAsk: true });
    const { stdout } = await runProcess([program!, "-G", ...rest]);
    const offered = stdout.split("\n").filter((line) => line.startsWith("identityfile "));
    const expected = [join(target.mounts.ssh, "1.pub"), privateKeyPath];
    assertEquals(offered, expected.map((path) => `identityfile ${path.replaceAll("%", "%%")}`));
    assertStringIncludes(stdout, "identitiesonly yes\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith(["ssh"], "sshArgv() uses nothing of the user's own settings", async () => {
  const home = await Deno.makeTempDir();
  try {
    const config = join(home, "config");
    await Deno.writeTextFile(
      config,
      "Host *\n  ControlMaster auto\n  ControlPath /tmp/x\n  KnownHostsCommand /bin/true\n  GSSAPIAuthentication yes\n" +
        "  IdentityAgent /tmp/agent\n  SendEnv SECRET\n",
    );
    const argv = sshArgv(targetIn("/m"), ["true"], { mayAsk: true });
    const settings = async (words: string[]): Promise<string> => (await runProcess(["ssh", "-G", ...words])).stdout;
    const attacked = /^(?:controlmaster (?!false)|controlpath|knownhostscommand|gssapiauthentication yes|sendenv)/m;
    // The same command line with the user's file in place of ours: what it would have used.
    assertMatch(await settings(argv.slice(1).with(1, config)), attacked);
    assert(!attacked.test(await settings(argv.slice(1))));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("sshScript() tells a container that does not answer, and one that answers without end", async () => {
  for (
    const [result, options, message] of [
      [{}, { timedOutAfterMs: 5 }, "does not answer"],
      [{ overflowed: true }, {}, "is too long"],
    ] as const
  ) {
    const error = new ProcessError(
      { argv: ["ssh"], code: 1, signal: null, stdout: "", stderr: "", ...result },
      options,
    );
    const recorded = recordingHost({ answer: () => error });
    await assertRejects(() => sshScript(recorded.host, targetIn("/m"), { script: "true" }), UserError, message);
    const [{ timeoutMs, maxOutputBytes }] = recorded.options as [RunOptions];
    assertEquals([timeoutMs, maxOutputBytes], [60_000, 2 ** 20]);
  }
});

Deno.test("sshScript() tries again, once, when the engine could not start the sshd that it was to reach", async () => {
  let failures = 1;
  const { host, calls } = recordingHost({
    answer: () =>
      failures-- > 0 ? { code: 255, stderr: "Error: Failed to retrieve PID of executing child process\n" } : {},
  });
  const target = { ...targetIn("/m"), proxy: ["incus", "exec", "Box"] };
  await sshScript(host, target, { script: "true" });
  assertEquals(calls.length, 2);
  failures = 2;
  await assertRejects(() => sshScript(host, target, { script: "true" }), UserError, "Cannot reach");
  failures = 1;
  // The container's own words.
  await assertRejects(() => sshScript(host, targetIn("/m"), { script: "true" }), UserError, "Cannot reach");
  assertEquals(calls.length, 5);
});
