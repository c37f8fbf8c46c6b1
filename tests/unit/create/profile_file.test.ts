import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { parse } from "@std/yaml";
import { UserError } from "../../../lib/base/errors.ts";
import { runProcess } from "../../../lib/base/process.ts";
import {
  parseProfile,
  profileForSetup,
  profileYaml,
  userDataKey,
  withoutProtection,
} from "../../../lib/create/profile_file.ts";
import { awkwardWords, randomWords } from "../samples.ts";
import { assertRefuses } from "../refusals.ts";

Deno.test("parseProfile() reads config, devices and description", () => {
  assertEquals(
    parseProfile("p", 'description: d\nconfig:\n  limits.cpu: "2"\ndevices:\n  gpu: {type: gpu}\n'),
    { description: "d", config: { "limits.cpu": "2" }, devices: { gpu: { type: "gpu" } } },
  );
});

Deno.test("parseProfile() lets each of them be missing or empty", () => {
  const empty = { description: "", config: {}, devices: {} };
  for (const text of ["{}", "description:\nconfig:\ndevices:\n", "devices: {}\n"]) {
    assertEquals(parseProfile("p", text), empty);
  }
});

Deno.test("parseProfile() reads the profiles that come with the project", async () => {
  const directory = fromFileUrl(new URL("../../../profiles/", import.meta.url));
  let read = 0;
  for await (const { name } of Deno.readDir(directory)) {
    parseProfile(name, await Deno.readTextFile(directory + name));
    read++;
  }
  assert(read > 0);
});

Deno.test("parseProfile() refuses what is wrong, with file, line and column of it", async () => {
  for (
    const [text, names] of [
      ["", ["p:1:1: ", "map"]],
      ["- a\n", ["p:1:1: ", "map"]],
      ["config: {}\nname: x\n", ["p:2:1: ", '"name"']],
      ["devices:\n  eth0:\n    name: eth0\nname: x\n", ["p:4:1: ", '"name"']],
      ["used_by: []\n", ["p:1:1: ", '"used_by"']],
      ["description: [a]\n", ["p:1:1: ", '"description"']],
      ["description: 5\n", ["p:1:1: ", '"description"']],
      ["config: []\n", ["p:1:1: ", '"config"']],
      ["config: text\n", ["p:1:1: ", '"config"']],
      ["devices: [a]\n", ["p:1:1: ", '"devices"']],
      ["devices:\n  eth0: nic\n", ["p:2:3: ", '"devices.eth0"']],
      ["devices:\n  eth0:\n", ["p:2:3: ", '"devices.eth0"']],
      ["config:\n  a: x\n  limits.cpu: 2\n", ["p:3:3: ", '"config.limits.cpu"']],
      ["config:\n  security.nesting: true\n", ["p:2:3: ", '"config.security.nesting"']],
      ["config:\n  a:\n", ["p:2:3: ", '"config.a"']],
      ["config:\n  a: [b]\n", ["p:2:3: ", '"config.a"']],
      [
        "devices:\n  a: {type: disk}\n  b:\n    type: nic\n    mtu: 9000\n",
        ["p:5:5: ", '"devices.b.mtu"'],
      ],
      [`config:\n  a: x\n  ${userDataKey}: x\n`, ["p:3:3: ", "user-data"]],
      ["config:\n  cloud-init.user-data: x\n", ["p:2:3: ", "user-data"]],
      ["config:\n  a: 'x\n", ["p:"]],
      ['config:\n  security.privileged: "true"\n', ["p:2:3: ", "privileged"]],
      ['config: {security.privileged: "1"}\n', ["p:1:1: ", "privileged"]],
      ["devices:\n  a: {type: none}\n  share: {type: disk}\n", ["p:3:3: ", '"share"']],
      ["devices:\n  xpra: {type: none}\n", ["p:2:3: ", '"xpra"']],
    ] as const
  ) {
    await assertRefuses(() => parseProfile("p", text), { code: 2, names });
  }
});

Deno.test("parseProfile() refuses control characters in keys and values: engines write both into lxc.conf", async () => {
  const hook = "a\\nlxc.hook.pre-start = /bin/sh -c id";
  for (
    const [text, names] of [
      [`config:\n  environment.A: "${hook}"\n`, ["p:2:3: ", '"config.environment.A"']],
      ["config:\n  environment.A: |\n    a\n    lxc.hook.pre-start = x\n", ["p:2:3: "]],
      [`config:\n  limits.cpu: "2\\r"\n`, ["p:2:3: "]],
      [`config:\n  limits.cpu: "2\\0"\n`, ["p:2:3: "]],
      [`config:\n  limits.cpu: "2\\x85"\n`, ["p:2:3: "]],
      [`config:\n  user.text: "a\\x1b[2J"\n`, ["p:2:3: "]],
      [`config:\n  "environment.${hook}": x\n`, ['"config"']],
      [`devices:\n  "${hook}": {type: none}\n`, ['"devices"']],
      [`devices:\n  a: {"${hook}": x}\n`, ['"devices.a"']],
      [`devices:\n  a:\n    path: "/x${hook}"\n`, ["p:3:5: ", '"devices.a.path"']],
      [`description: "a\\e]0;x"\n`, ["p:1:1: ", '"description"']],
    ] as const
  ) {
    await assertRefuses(() => parseProfile("p", text), { code: 2, names: [...names, "control character"] });
  }
  const text = "a\n\tb\n";
  const config = Object.fromEntries(["raw.lxc", "cloud-init.vendor-data", "user.text"].map((key) => [key, text]));
  const profile = { description: text, config, devices: {} };
  assertEquals(parseProfile("p", JSON.stringify(profile)), profile);
});

Deno.test("parseProfile() says how to quote a value that is not text", () => {
  const error = assertThrows(() => parseProfile("p", "config:\n  limits.cpu: 2\n"), UserError);
  assertEquals(error.hint, 'Put it in quotes: limits.cpu: "2"');
});

/** Texts that a YAML writer gets wrong easily. */
const texts = [
  "Content-Type: multipart/mixed\n\n--x\n  indented\n\ttab\n trailing  \n\n\n",
  "  starts with blanks\nthen not\n",
  "\n\nstarts with empty lines",
  "no end of line",
  "crlf\r\nline\r\n",
  "ends in cr\r",
  "\u0085\u2028\u2029\ufeff\u00a0",
  "\x7f\x1b[31m",
  "true",
  "1.0",
  "2024-01-01",
  "~",
  "- a: #b",
  "---\n...\n",
  `long ${"word ".repeat(100)}`,
  ...awkwardWords,
  ...randomWords(200, 4),
];

Deno.test("profileYaml() holds the user-data in its key, and reads back the same", () => {
  const profile = {
    description: "d: #",
    config: { "a.b": "true", "c": "0755" },
    devices: { e: { type: "nic", n: "1" } },
  };
  for (const text of texts) {
    assertEquals(parse(profileYaml(profile, { [userDataKey]: text })), {
      ...profile,
      config: { ...profile.config, [userDataKey]: text },
    });
  }
});

Deno.test("profileYaml() replaces nothing of the profile and does not change it", () => {
  const profile = { description: "", config: {}, devices: {} };
  profileYaml(profile, { [userDataKey]: "x" });
  assertEquals(profile, { description: "", config: {}, devices: {} });
});

Deno.test("profileForSetup() leaves out what is taken away, and changes no other profile", () => {
  const given = { eth1: { type: "nic", parent: "br0" } };
  const profile = { description: "d", config: { a: "b" }, devices: { eth0: { type: "none" }, ...given } };
  assertEquals(profileForSetup(profile), { ...profile, devices: given });
  const other = { ...profile, devices: given };
  assert(profileForSetup(other) === other);
});

Deno.test("withoutProtection() leaves out what keeps a container from being removed, and changes no other profile", () => {
  const profile = { description: "d", config: { a: "b" }, devices: {} };
  const kept = { ...profile, config: { a: "b", "security.protection.delete": "true" } };
  assertEquals(withoutProtection(kept), profile);
  assertEquals(kept.config["security.protection.delete"], "true");
  assert(withoutProtection(profile) === profile);
});

const pyYaml = (await runProcess(["python3", "-c", "import yaml"], { okCodes: "any" }).catch(() => undefined))
  ?.code === 0;

Deno.test({
  name: `profileYaml() reads the same by YAML 1.1, which the engines read${pyYaml ? "" : " (skipped: no PyYAML)"}`,
  ignore: !pyYaml,
  async fn() {
    const program = "import json, sys, yaml\nprint(json.dumps([yaml.safe_load(d) for d in json.load(sys.stdin)]))";
    const documents = texts.map((text) =>
      profileYaml({ description: text, config: { yes: "on", n: "1_0" }, devices: {} }, { [userDataKey]: text })
    );
    const { stdout } = await runProcess(["python3", "-c", program], { stdin: { text: JSON.stringify(documents) } });
    assertEquals(
      JSON.parse(stdout),
      texts.map((text) => ({ description: text, config: { yes: "on", n: "1_0", [userDataKey]: text }, devices: {} })),
    );
  },
});
