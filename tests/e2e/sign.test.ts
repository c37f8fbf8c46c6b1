// Signatures by consent: an app's ssh and ssh-keygen, the session's agent, and a real agent of the host, on both displays.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnIncus, testOnOneEngine } from "./sessions.ts";
import { standIns } from "./stand_ins.ts";
import { desktop, waylandParts } from "./wayland_desktop.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("sign");

/** In place of zenity: notes what is asked, and answers as the file "answer" says, not sooner than a person. */
const fakeZenity = (directory: string): string =>
  `#!/bin/sh
[ "$1" != --version ] || exit 0
for word; do
  case $word in --text=*) printf '%s\\0' "\${word#--text=}" >>'${directory}/asked' ;; esac
done
sleep 3.1
cat '${directory}/answer'
exit 1
`;

/** Uses keys of the host's in a session on a display, with a yes and with a no. */
async function signs(engine: EngineName, env: Record<string, string>): Promise<void> {
  const name = nameOn(engine);
  await using host = await standIns((directory) => ({ zenity: fakeZenity(directory) }));
  const { directory } = host;
  const [own, other] = ["own", "other"].map((key) => join(directory, key)) as [string, string];
  for (const key of [own, other]) await sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@home", "-f", key]);
  const socket = join(directory, "agent");
  const agent = startProcess(["ssh-agent", "-D", "-a", socket], { output: "discard" });
  let said = "";
  await Deno.mkdir(join(directory, "config/gui-container"), { recursive: true });
  const withAgent = { ...env, ...host.env, SSH_AUTH_SOCK: socket, XDG_CONFIG_HOME: join(directory, "config") };
  const attach = async (...words: string[]): Promise<ReturnType<typeof startScript>> => {
    said = "";
    const run = startScript("attach", engine, words, {
      env: withAgent,
      output: { line: (line) => said += `${line}\n` },
    });
    await eventually("the open channels", () => Promise.resolve(said.includes("Open channels: sign")));
    return run;
  };
  const inside = (shell: string): Promise<string> => inSession(engine, name, "sign", `cd ~; ${shell}`);
  const fails = (shell: string): Promise<string> => inside(`! { ${shell}; } 2>&1`);
  const asked = async (): Promise<string[]> => (await host.read("asked")).split("\0").slice(0, -1);
  await eventually("the agent", () => Deno.lstat(socket));
  await sh(["ssh-add", "-q", own, other], { env: withAgent });
  const fingerprint = (await sh(["ssh-keygen", "-lf", own])).split(" ")[1]!;
  const words = ["--preset=isolated", "--allow=sign", "--session=sign", name];
  let run = await attach(...words, "sh -c 'echo one >~/document; exec sleep 600'");
  try {
    // The session's agent may come a moment later than its app.
    const isThere = (): Promise<boolean> => inside('test -S "$SSH_AUTH_SOCK"').then(() => true, () => false);
    await eventually("the session's agent", isThere);
    // The settings name none.
    assertMatch(await fails("ssh-add -l"), /The agent has no identities/);
    assertStringIncludes(said, `"${name}" can sign with no key`);
    run.kill("SIGINT");
    await run.ended;
    assertMatch(await fails("ssh-add -l"), /refused/);
    await host.write("config/gui-container/config.yaml", `containers: [{name: ${name}, sign: "${fingerprint}"}]\n`);

    run = await attach(...words);
    const listed = (): Promise<string> => inside("ssh-add -l 2>&1 || true");
    await eventually("the key", async () => (await listed()).includes(fingerprint));
    assertEquals(await listed(), `256 ${fingerprint}  (ED25519)`);
    for (const no of ["ssh-add -D", "ssh-add -x </dev/null", "ssh-add -d /dev/stdin <own.pub", "ssh-add -q id"]) {
      await inside("ssh-add -L >own.pub; rm -f id id.pub; ssh-keygen -q -t ed25519 -N '' -f id");
      await fails(`setsid -w ${no}`);
    }
    assertEquals((await sh(["ssh-add", "-l"], { env: withAgent })).split("\n").length, 2);
    assertEquals(await asked(), []);

    const sign = "rm -f document.sig; ssh-keygen -Y sign -f own.pub -n git document";
    await host.write("answer", "Allow once");
    await inside(sign);
    const allowed = `me ${await Deno.readTextFile(`${own}.pub`)}`;
    const check = "ssh-keygen -Y verify -f allowed -I me -n git -s document.sig <document";
    assertMatch(await inside(`printf %s '${allowed}' >allowed; ${check}`), /^Good "git" signature for me with ED25519/);
    const hash = await inside("sha512sum document");
    assertStringIncludes(
      (await asked())[0]!.replaceAll(/\n\u200e {4}/g, ""),
      `The container "${name}" asks to sign with an SSH key of yours. You can answer yes after 3 seconds.\n\n` +
        `For: a document for git, sha512 ${hash.split(" ")[0]}\nKey: me@home (${fingerprint})`,
    );

    await inside("cat own.pub >>~/.ssh/authorized_keys");
    const login = "ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityFile=none " +
      "-o PreferredAuthentications=publickey ubuntu@localhost";
    assertEquals(await inside(`${login} echo in`), "in");
    const hostKey = (await inside("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")).split(" ")[1]!;
    const onHost = `For: a login as ubuntu on a host without a name in your known_hosts, ${hostKey}\n`;
    assertStringIncludes((await asked())[1]!.replaceAll(/\n\u200e {4}/g, ""), onHost);

    // By the key that the user has not set.
    const others = await Deno.readTextFile(`${other}.pub`);
    await fails(`printf %s '${others}' >other.pub; ssh-keygen -Y sign -f other.pub -n git document`);
    assertEquals((await asked()).length, 2);

    await host.write("answer", "");
    await fails(sign);
    assertEquals((await asked()).length, 3);
    assertStringIncludes(said, "you have refused it");

    const denied = await script("attach", engine, ["--deny", name, "sign"], { env: withAgent });
    assertEquals([denied.code, denied.stdout], [0, "sign: sign\n"], denied.stderr);
    assert(!(await fails("ssh-add -l")).includes(fingerprint));
    const { stdout } = await script("attach", engine, ["--history", name], { env: withAgent });
    for (
      const line of [
        `signed: a document for git, sha512 ${hash.split(" ")[0]}, by me@home (${fingerprint})\n`,
        `signed: a login as ubuntu on a host without a name in your known_hosts, ${hostKey}, by me@home (${fingerprint})\n`,
        `asked for sign, "a document for git, sha512 ${hash.split(" ")[0]}": Refuse\n`,
      ]
    ) assertStringIncludes(stdout, line);
  } catch (error) {
    throw new Error(`Asked: ${JSON.stringify(await asked())}. Said: ${said}`, { cause: error });
  } finally {
    await script("attach", engine, ["--stop", name, "--all"]);
    await run.ended;
    agent.kill("SIGTERM");
    await agent.ended;
  }
  await nothingLeft(engine, name);
}

testOnOneEngine("attach.ts, X: apps sign by the keys that are set, after a yes", needed, (engine) => signs(engine, {}));

testOnIncus(
  "attach.ts, Wayland: apps sign by the keys that are set, after a yes",
  [...needed, ...waylandParts],
  (engine) => signs(engine, desktop()),
);
