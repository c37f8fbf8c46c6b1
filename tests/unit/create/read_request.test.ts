// The command line of create.ts.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { commandLine } from "../../../create.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import { readCreateRequest, type Request } from "../../../lib/create/read_request.ts";
import { recordingHost } from "../recording_host.ts";
import { assertRefuses } from "../refusals.ts";

const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts" } });

const read = (...words: string[]): Promise<Request> => readCreateRequest(host, parseCommandLine(commandLine, words));

Deno.test("readCreateRequest() asks for NAME where what comes with the script stands alone", async () => {
  for (const words of [[], ["firefox"], ["gui"]]) await assertRefuses(() => read(...words), { code: 2, names: "NAME" });
});

Deno.test("readCreateRequest() asks for a key of the scripts' own where none is named, and for no cloud-config", async () => {
  const { host } = recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts", HOME: "/home/me" },
    answer: (argv) => argv.includes("query") ? { stdout: "{}" } : {},
  });
  const args = { flags: new Map(), values: new Map(), positionals: ["box", "apt:krita"], rest: [], engine: "incus" };
  const { keys, apps, profile } = await readCreateRequest(host, args as never);
  assertEquals([keys, apps], [undefined, [{ source: "apt", name: "krita" }]]);
  assertStringIncludes(profile.config["user.user-data"]!, "text/x-shellscript");
});

Deno.test("readCreateRequest() says that a name is impossible before it says what is missing", async () => {
  for (const words of ["Müller key.pub gui", "Müller", "key.pub gui firefox"]) {
    await assertRefuses(() => read(...words.split(" ")), { code: 2, names: `"${words.split(" ")[0]}"` });
  }
});

const config = "#cloud-config\npackages: [a]\n";
const privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n";

/** What is wrong, by the argument that it is in; the others are right. And what error and hint name. */
const cases: {
  name?: string;
  keys?: string | Uint8Array<ArrayBuffer>;
  profile?: string;
  parts?: (string | Uint8Array<ArrayBuffer>)[];
  options?: string[];
  names: string | string[];
  hint: string;
}[] = [
  ...["", "1a", "a_b", "a-", "a b", "a\nb", "it's", "ä", "../a", "a".repeat(64)].map((name) => ({
    name,
    names: `"${name}"`,
    hint: "1 to 63 letters",
  })),
  { name: "default", names: ['"default"', "profile"], hint: "" },
  { keys: "", names: ["/keys", "empty"], hint: "" },
  { keys: "# none\nssh-ed25519\n", names: ["/keys", "public key"], hint: "ssh-keygen" },
  { keys: new Uint8Array([0xff, 0xfe, 0, 1]), names: ["/keys", "UTF-8"], hint: "" },
  { keys: privateKey, names: ["/keys", "private key"], hint: ".pub" },
  { keys: privateKey, options: ["--yes"], names: ["/keys", "private key"], hint: ".pub" },
  { profile: "config:\n  a.b: 1\n", names: ["/profile:2:3: ", "config.a.b"], hint: 'a.b: "1"' },
  { profile: "config: {}\nname: x\n", names: ["/profile:2:1: ", '"name"'], hint: "config, devices and description" },
  { profile: "config:\n\ta: b\n", names: ["/profile:2:1: ", "YAML"], hint: "spaces" },
  { profile: "config: {}\nconfig: {}\n", names: ["/profile:2:", "YAML"], hint: "" },
  { profile: "- a\n", names: "/profile:1:1: ", hint: "config:" },
  { profile: 'config:\n  user.user-data: "x"\n', names: ["/profile:2:3: ", "user-data"], hint: "CLOUD_INIT" },
  { profile: 'config:\n  security.privileged: "true"\n', names: ["/profile:2:3: ", "privileged"], hint: "" },
  { profile: 'config:\n  raw.lxc: "x"\n', names: ["/profile:2:3: ", '"config.raw.lxc"'], hint: "--trust-profile" },
  { profile: "devices:\n  gpu:\n    type: gpu\n", names: ["/profile:2:3: ", '"devices.gpu"'], hint: "--trust-profile" },
  { profile: "devices:\n  share: {type: none}\n", names: ["/profile:2:3: ", '"share"'], hint: "another" },
  { parts: ["packages: [a]\n"], names: "/part-0:1:1: ", hint: "#cloud-config" },
  { parts: ["#cloud-confg\na: b\n"], names: ["/part-0:1:1: ", '"#cloud-confg"'], hint: "#cloud-config" },
  { parts: [config, `\n${config}`], names: "/part-1:1:1: ", hint: "#cloud-config" },
  { parts: ["#!/bin/sh\r\nls\r\n"], names: ["/part-0:1:10: ", "CR LF"], hint: "dos2unix" },
  { parts: ["#cloud-config\npackages:\n\t- a\n"], names: ["/part-0:3:1: ", "YAML"], hint: "spaces" },
  { parts: [`${config}packages: [b\n`], names: ["/part-0:", "YAML"], hint: "" },
  { parts: ["#cloud-config\n- a\n"], names: ["/part-0:1:1: ", "map"], hint: "packages:" },
  { parts: ["#cloud-config-archive\na: b\n"], names: ["/part-0:1:1: ", "list"], hint: "" },
  { parts: [config, new Uint8Array([35, 33, 0])], names: ["/part-1", "binary"], hint: "" },
  { parts: ["## template: jinja\npackages: [a]\n"], names: ["/part-0:2:1: ", "template"], hint: "#cloud-config" },
  { options: ["--image=--vm"], names: '"--vm"', hint: "ubuntu:24.04" },
  { options: ["--timeout=soon"], names: '"soon"', hint: "20m" },
];

Deno.test("readCreateRequest() tells what is wrong in each word and file by its place, and what to do", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const write = async (name: string, content: string | Uint8Array<ArrayBuffer>): Promise<string> => {
      await Deno.writeFile(join(directory, name), new Uint8Array(await new Blob([content]).arrayBuffer()));
      return join(directory, name);
    };
    for (const { names, hint, options = [], ...wrong } of cases) {
      const [keys, profile] = [
        await write("keys", wrong.keys ?? "ssh-ed25519 AAAA\n"),
        await write("profile", wrong.profile ?? "config: {}\n"),
      ];
      const parts = (wrong.parts ?? [config]).map((part, index) => write(`part-${index}`, part));
      const words = [...options, "--", wrong.name ?? "box", keys, profile, ...await Promise.all(parts)];
      await assertRefuses(() => read(...words), { code: 2, names, hint });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readCreateRequest() refuses directories whose place is not known, or no absolute path", async () => {
  const args = parseCommandLine(commandLine, ["box", "gui", "firefox"]);
  for (const [env, name] of [[{}, "$HOME"], [{ GUI_CONTAINER_MOUNTS: "mounts" }, '"mounts"']] as const) {
    await assertRefuses(() => readCreateRequest(recordingHost({ env }).host, args), { code: 2, names: name });
  }
});

Deno.test("readCreateRequest() puts in a private key for a person only, whom --yes does not answer for", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const key = join(directory, "id");
    await Deno.writeTextFile(key, `${privateKey}ssh-ed25519 AAAA\n`);
    const asked: unknown[] = [];
    const confirm = (question: string, options?: { personOnly?: boolean }): Promise<boolean> => {
      asked.push([question.includes(key), options?.personOnly]);
      return Promise.resolve(true);
    };
    const person = { ...host, ui: { ...host.ui, confirm } };
    const request = await readCreateRequest(person, parseCommandLine(commandLine, ["box", key, "gui", "firefox"]));
    assertEquals([request.keys?.text.includes("PRIVATE"), asked], [true, [[true, true]]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
