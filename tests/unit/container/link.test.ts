// The one connection to a container on another machine: what its command lines allow, how it begins, and how it ends.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, type ProcessResult, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { controlArgv, forwardOption, masterArgv, openLink } from "../../../lib/container/link.ts";
import { sshArgv, sshError, type SshTarget, Unreachable } from "../../../lib/container/ssh.ts";
import { ubuntuUser } from "../../../lib/container/user.ts";
import { recordingHost } from "../recording_host.ts";
import { testWith } from "../samples.ts";
import { runProcess } from "../../../lib/base/process.ts";

const proxy = ["incus", "exec", "far:box", "--", "/bin/sh", "-c", "exec sshd -i"];
const target: SshTarget = {
  name: "far:box",
  address: "box",
  user: ubuntuUser,
  proxy,
  mounts: {
    directory: "/m/far:box",
    sockets: "/m/xpra",
    share: "/m/share",
    shared: [],
    knownHosts: "/m/known_hosts",
    ssh: "/m/ssh",
  },
};

/** What ssh makes of an argument list, without connecting. */
async function settingsOf(argv: readonly string[]): Promise<string> {
  const ssh = argv.slice(argv.indexOf("ssh"));
  return (await runProcess(["ssh", "-G", ...ssh.slice(1)])).stdout;
}

testWith(
  ["ssh"],
  "masterArgv() ends with its starter, trusts the pinned keys only, and forwards neither agent nor X",
  async () => {
    const argv = masterArgv({ ...target, control: "/p/100%/ssh" }, { mayAsk: false });
    assertEquals(argv.slice(0, 3), ["setpriv", "--pdeathsig", "TERM"]);
    const settings = await settingsOf(argv);
    for (
      const line of [
        "user ubuntu",
        "batchmode yes",
        "stricthostkeychecking true",
        "hostkeyalias far:box",
        "userknownhostsfile /m/known_hosts",
        "passwordauthentication no",
        "forwardagent no",
        "forwardx11 no",
        "clearallforwardings yes",
        "permitlocalcommand no",
        "controlmaster true",
        "controlpath /p/100%/ssh",
        "controlpersist no",
        "sessiontype none",
        "serveraliveinterval 3",
        "serveralivecountmax 3",
        "compression yes",
        "tunnel false",
        "updatehostkeys false",
      ]
    ) assertStringIncludes(`\n${settings}`, `\n${line}\n`);
    assert(!/^(?:localforward|remoteforward|dynamicforward|sendenv|setenv|remotecommand)/m.test(settings), settings);
  },
);

testWith(["ssh"], "sshArgv() goes through the connection of the run, and changes nothing else", async () => {
  const alone = sshArgv(target, ["true"], { mayAsk: false });
  const shared = sshArgv({ ...target, control: "/p/ssh" }, ["true"], { mayAsk: false });
  assertEquals(shared.filter((word) => !alone.includes(word)), ["-S", "/p/ssh"]);
  assertStringIncludes(await settingsOf(shared), "\ncontrolmaster false\n");
});

testWith(["ssh"], "controlArgv() asks for the one socket that it names, whatever is in the paths", async () => {
  const linked = { ...target, control: "/p/ssh" };
  const [local, remote] = ["/a:b/100%/back\\slash/session", "/home/ubuntu/.xpra/one"];
  const reach = await settingsOf(controlArgv(linked, ["check", ...forwardOption("-L", local, remote)]));
  assertEquals(reach.match(/^(?:local|remote)forward.*$/gm), [`localforward ${local} ${remote}`]);
  const lend = await settingsOf(controlArgv(linked, ["check", ...forwardOption("-R", remote, "/p/windows/w")]));
  assertEquals(lend.match(/^(?:local|remote)forward.*$/gm), [`remoteforward ${remote} /p/windows/w`]);
  assertStringIncludes(reach, "\nclearallforwardings no\n");
});

/** A host on which each master ends as `results` say, or runs until it is told to end, with or without its socket. */
function hostWith(
  directory: string,
  results: (Partial<ProcessResult> | "runs" | "hangs")[],
): { host: Host; events: string[] } {
  const events: string[] = [];
  const { host } = recordingHost();
  return {
    events,
    host: {
      ...host,
      start(argv) {
        events.push(argv.includes("BatchMode=yes") ? "start" : "start, may ask");
        const over = Promise.withResolvers<ProcessResult>();
        const result = results.shift()!;
        const end = (how: Partial<ProcessResult>): void =>
          over.resolve({ argv, code: 255, signal: null, stdout: "", stderr: "", ...how });
        if (typeof result === "object") end(result);
        // Deno removes the socket of a listener that is closed.
        if (result === "runs") {
          const listener = Deno.listen({ transport: "unix", path: join(directory, "ssh") });
          over.promise.then(() => listener.close());
        }
        return { pid: 1, ended: over.promise, kill: (signal) => (events.push(signal), end({ signal })) };
      },
    },
  };
}

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("openLink() waits for the master's socket, and ends the master with its scope", () =>
  withDirectory(async (directory) => {
    await Deno.writeTextFile(join(directory, "ssh"), "what a killed master has left");
    const { host, events } = hostWith(directory, ["runs"]);
    {
      await using link = await openLink(host, { ...target, control: join(directory, "ssh") });
      assertEquals(link.target, { ...target, control: join(directory, "ssh") });
      assertEquals(events, ["start"]);
    }
    assertEquals(events, ["start", "SIGTERM"]);
  }));

Deno.test("openLink() tells what may pass from what will not", () =>
  withDirectory(async (directory) => {
    for (
      const [stderr, message, passes] of [
        ["Error: Instance is not running\nConnection closed by UNKNOWN port 65535\n", '"far:box"', true],
        ["Host key verification failed.\n", "host key", false],
        ["ubuntu@box: Permission denied (publickey).\n", "SSH keys", false],
      ] as const
    ) {
      const { host } = hostWith(directory, [{ stderr }]);
      const error = await assertRejects(
        () => openLink(host, { ...target, control: join(directory, "ssh") }),
        UserError,
        message,
      );
      assertEquals(error instanceof Unreachable, passes);
      assertEquals(error.output, stderr.trim());
    }
  }));

Deno.test("openLink() ends a master whose container never lets it become ready", () =>
  withDirectory(async (directory) => {
    const ending = new AbortController();
    const { host, events } = hostWith(directory, ["hangs"]);
    setTimeout(() => ending.abort(new RangeError("Ctrl-C")), 20);
    await assertRejects(
      () => openLink({ ...host, signal: ending.signal }, { ...target, control: join(directory, "ssh") }),
      RangeError,
      "Ctrl-C",
    );
    assertEquals(events, ["start", "SIGTERM"]);
  }));

Deno.test("sshError() names the engine as what leads to a container", () => {
  const failed = new ProcessError({ argv: ["ssh"], code: 255, signal: null, stdout: "", stderr: "closed" });
  assertEquals(
    sshError(target, failed).message,
    'Cannot reach "far:box" through the engine by SSH',
  );
  const { proxy: _, ...direct } = target;
  const here = { ...direct, name: "box", address: "10.0.0.5" };
  assertEquals(sshError(here, failed).message, 'Cannot reach "box" at 10.0.0.5 by SSH');
});
