import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProcessError } from "../../lib/base/errors.ts";
import { dryRunHost, type Host, realHost } from "../../lib/base/host.ts";
import { runProcess } from "../../lib/base/process.ts";
import { mountsOf } from "../../lib/container/mounts.ts";
import { pinHostKeys, sshArgv } from "../../lib/container/ssh.ts";
import { ubuntuUser } from "../../lib/container/user.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { recordingUi } from "./recording_host.ts";
import { argumentsSeenByShell, awkwardWords, randomWords } from "./samples.ts";

const never = new AbortController().signal;

/** A dry run, and the lines that it has printed. */
function dryRun(): { host: Host; lines: () => string[] } {
  const { ui, said } = recordingUi();
  return { host: dryRunHost({ ui, signal: never }), lines: () => said.map((text) => text.replace(/^plan: /, "")) };
}

async function shell(script: string): Promise<string> {
  return (await runProcess(["/bin/sh", "-c", script], { stdin: "inherit" })).stdout;
}

const awkward = [...awkwardWords, ...randomWords(100, 7)];

Deno.test("a dry run runs nothing, and answers with success and no output", async () => {
  const { host, lines } = dryRun();
  const result = await host.run(["false"]);
  assertEquals([result.code, result.stdout, result.stderr], [0, "", ""]);
  assertEquals((await host.start(["no-such-program"]).ended).code, 0);
  await host.change("touch x", () => Promise.reject(new Error("It acted")));
  assertEquals(lines(), ["false </dev/null", "no-such-program </dev/null", "touch x"]);
});

Deno.test("a dry run reads the file whose bytes a program would get", async () => {
  const { host, lines } = dryRun();
  const bytes = new ReadableStream<Uint8Array>();
  await host.run(["cat"], { stdin: { bytes, from: "/it's here" } });
  assertEquals(lines(), ["cat <'/it'\\''s here'"]);
});

Deno.test("a dry run does not show what only looks", async () => {
  const { host, lines } = dryRun();
  await host.run(["lxc", "query", "/1.0"], { looksOnly: true });
  assertEquals(lines(), []);
});

Deno.test("a dry run cleans up dry", async () => {
  const { host, lines } = dryRun();
  await host.forCleanup(never).run(["false"]);
  assertEquals(lines(), ["false </dev/null"]);
});

Deno.test("a dry run prints lines that /bin/sh runs with the same arguments, byte for byte", async () => {
  const { host, lines } = dryRun();
  await host.run(["show", ...awkward]);
  await host.run(["show", "last", ""], { stdin: "inherit" });
  assertEquals(await argumentsSeenByShell(lines().join("\n")), [awkward, ["last", ""]]);
});

Deno.test("a dry run prints what a program reads, byte for byte", async () => {
  for (const text of ["", "a", "no end of line", "-n", "%s\\n", "\n\n", ...awkward]) {
    const { host, lines } = dryRun();
    await host.run(["cat"], { stdin: { text } });
    assertEquals(await shell(lines().join("\n")), text);
  }
});

Deno.test("a dry run closes the stdin of a program that reads nothing", async () => {
  const { host, lines } = dryRun();
  await host.run(["cat"]);
  assertEquals(await shell(`printf 'not for it' | { ${lines().join("\n")}\n}`), "");
});

Deno.test("a dry run prints variables of the environment, byte for byte", async () => {
  const { host, lines } = dryRun();
  await host.run(["sh", "-c", 'printf "%s\\0%s" "$ONE" "$TWO"'], {
    env: { ONE: `it's "$x"\n\\`, TWO: "" },
  });
  assertEquals(await shell(lines().join("\n")), `it's "$x"\n\\\0`);
});

/** A value as no engine gives it: whatever it holds must stay one word. */
const wildValue = `it's "$HOME" \`id\` * \\ a  b\n$(id)`;

/** A value that is only known when the lines run. */
async function unknownValue(host: Host, variable = "VALUE"): Promise<string> {
  return await host.value(["printf", "%s", wildValue], {
    variable,
    filter: "| cat",
    parse() {
      throw new Error("It parsed");
    },
  });
}

Deno.test("a dry run prints a value as a variable that the lines set, wherever it stands in a word", async () => {
  const { host, lines } = dryRun();
  const value = await unknownValue(host);
  const surroundings = ["", "a", "'", '"', "$", "\\", "\n", " ", "`", "it's", "''", "*", "}", "{", "VALUE", "ü"];
  const words = surroundings.flatMap((before) => surroundings.map((after) => `${before}\0${after}`));
  const doubled = [`\0\0`, `'\0'\0'`, `u:\0:rwx,u:\0:r`];
  const all = [...words, ...doubled];
  await host.run(["show", ...all.map((word) => word.replaceAll("\0", value))]);
  assertEquals(await argumentsSeenByShell(lines().join("\n")), [all.map((word) => word.replaceAll("\0", wildValue))]);
});

Deno.test("a dry run keeps two values apart, also side by side", async () => {
  const { host, lines } = dryRun();
  const one = await unknownValue(host, "ONE");
  const two = await host.value(["echo", "second"], {
    variable: "TWO",
    filter: "| tr s S",
    parse: String,
  });
  await host.run(["show", one + two, `${two}'${one}`]);
  assertEquals(await argumentsSeenByShell(lines().join("\n")), [[`${wildValue}Second`, `Second'${wildValue}`]]);
});

Deno.test("a dry run prints a value in what a program reads, in its environment, and in a change", async () => {
  const { host, lines } = dryRun();
  const value = await unknownValue(host);
  await host.run(["cat"], { stdin: { text: `it's ${value}'\n` } });
  await host.run(["sh", "-c", 'printf %s "$ONE"'], { env: { ONE: value } });
  await host.change(`printf %s ${quoteWords(["'", value, `a'${value}`])}`, () => Promise.resolve());
  assertEquals(
    await shell(lines().join("\n")),
    `it's ${wildValue}'\n${wildValue}'${wildValue}a'${wildValue}`,
  );
});

Deno.test("a dry run prints a value that goes through the remote shell of ssh as that shell needs it", async () => {
  const { host, lines } = dryRun();
  const address = await host.value(["echo", "10.0.0.5"], {
    variable: "ADDRESS",
    filter: "",
    parse: String,
  });
  const target = {
    name: "box",
    address,
    elsewhere: false,
    user: ubuntuUser,
    mounts: { directory: "/m", xpra: "", share: "", knownHosts: `/it's "m"`, ssh: "" },
  };
  await host.run(sshArgv(target, ["show", "it's", address], { mayAsk: false }));
  const [argv] = await argumentsSeenByShell(`ssh() { show "$@"; }\n${lines().join("\n")}`);
  assert(argv!.includes("ubuntu@10.0.0.5"));
  assertEquals(await argumentsSeenByShell(argv!.at(-1)!), [["it's", "10.0.0.5"]]);
});

Deno.test("a dry run prints changes of files that come out as the real ones do", async () => {
  const directory = await Deno.makeTempDir({ prefix: "it's & x " });
  try {
    const lines = "box ssh-ed25519 AAAA\nbox ssh-rsa BBBB\n";
    const { host, lines: printed } = dryRun();
    const mounts = mountsOf({ ...host, env: () => directory }, "box");
    await Deno.mkdir(mounts.directory);
    await pinHostKeys(host, mounts, lines);
    await shell(printed().join("\n"));
    assertEquals(await Deno.readTextFile(mounts.knownHosts), lines);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a real host takes an empty variable for one that is not set", () => {
  const { ui } = recordingUi();
  for (const host of [realHost({ ui, signal: never, verbose: false }), dryRunHost({ ui, signal: never })]) {
    Deno.env.set("GUI_CONTAINER_TEST", "");
    assertEquals(host.env("GUI_CONTAINER_TEST"), undefined);
    Deno.env.set("GUI_CONTAINER_TEST", "x");
    assertEquals(host.env("GUI_CONTAINER_TEST"), "x");
    Deno.env.delete("GUI_CONTAINER_TEST");
    assertEquals(host.env("GUI_CONTAINER_TEST"), undefined);
  }
});

Deno.test("a verbose host echoes each command before it runs, quoted for pasting", async () => {
  const { ui, said } = recordingUi();
  const host = realHost({ ui, signal: never, verbose: true });
  await assertRejects(() => host.run(["sh", "-c", "exit 3"]), ProcessError);
  await host.value(["echo", "it's"], { variable: "X", filter: "", parse: String });
  await host.start(["true"]).ended;
  await host.change("touch 'a b'", () => Promise.resolve());
  assertEquals(said, [
    "command: sh -c 'exit 3'",
    `command: echo 'it'\\''s'`,
    "command: true",
    "command: touch 'a b'",
  ]);
});

Deno.test("a quiet host echoes nothing, acts, and hands values through their parser", async () => {
  const { ui, said } = recordingUi();
  const host = realHost({ ui, signal: never, verbose: false });
  const value = await host.value(["echo", "5"], {
    variable: "X",
    filter: "",
    parse: (text) => `<${text.trim()}>`,
  });
  let acted = false;
  await host.change("x", () => Promise.resolve(acted = true));
  assertEquals([value, acted, said], ["<5>", true, []]);
});

Deno.test("a host for cleaning up runs when the run is ended, out of reach of Ctrl-C", async () => {
  const ending = new AbortController();
  const host = realHost({ ui: recordingUi().ui, signal: ending.signal, verbose: false });
  ending.abort(new RangeError("ended"));
  await assertRejects(() => host.run(["true"]), RangeError, "ended");
  // The sixth field is the session: proc_pid_stat(5).
  const script = 'read -r a b c d e session rest </proc/$$/stat; [ "$session" = $$ ] && echo its own';
  const { stdout } = await host.forCleanup(never).run(["sh", "-c", script]);
  assertEquals(stdout, "its own\n");
});
