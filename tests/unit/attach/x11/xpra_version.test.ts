import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ExitCode, MissingProgram, ProcessError, UserError } from "../../../../lib/base/errors.ts";
import { checkClient, judgeXpra, parseXpraVersion } from "../../../../lib/attach/x11/xpra_version.ts";
import { recordingHost } from "../../recording_host.ts";

Deno.test("parseXpraVersion() reads what the versions print", () => {
  const cases: [string, string | undefined][] = [
    ["xpra v6.5.5-r0\n", "6.5.5"],
    ["xpra v5.1.6-r0\n", "5.1.6"],
    ["xpra v3.1-r0\n", "3.1.0"],
    ["xpra v6.4.3-r38321M (some-build)\n", "6.4.3"],
    ["no version\n", undefined],
    ["", undefined],
  ];
  for (const [text, version] of cases) assertEquals(parseXpraVersion(text), version, text);
});

Deno.test("judgeXpra() draws the line at 5, and at the fixed version of each line", () => {
  const cases: [string, string, RegExp][] = [
    ["4.4.6", "broken", /, 4\.4\.6, is too old$/],
    ["5.0.9", "risk", /Install 5\.1\.6 or later$/],
    ["5.1.5", "risk", /Install 5\.1\.6 or later$/],
    ["5.1.6", "ok", /^xpra 5\.1\.6 on this host$/],
    ["5.2.0", "ok", /^/],
    ["6.0.0", "risk", /Install 6\.5\.3 or later$/],
    ["6.5.2", "risk", /Install 6\.5\.3 or later$/],
    ["6.5.3", "ok", /^/],
    ["6.6.0", "ok", /^/],
    ["7.0.0", "ok", /^/],
  ];
  for (const [version, expected, said] of cases) {
    const { verdict, what } = judgeXpra(`xpra v${version}-r0\n`, "on this host", "");
    assertEquals(verdict, expected, version);
    assertMatch(what, said);
  }
});

Deno.test("checkClient() refuses a client that is missing, broken or too old, with the lines that install one", async () => {
  const missing = new MissingProgram("There is no program", { hint: "" });
  for (
    const [answer, message] of [
      [missing, "There is no xpra on this host"],
      [{ stdout: "xpra v3.1-r0\n" }, "The xpra on this host, 3.1.0, is too old"],
      [
        { code: 1, stderr: "ModuleNotFoundError\n" },
        '"xpra --version" failed with exit status 1 on this host: ModuleNotFoundError',
      ],
    ] as const
  ) {
    const error = await assertRejects(
      () => checkClient(recordingHost({ answer: () => answer }).host),
      UserError,
      message,
    );
    assertEquals(error.exitCode, ExitCode.missingProgram);
    assertStringIncludes(error.output, "apt-get install xpra");
  }
});

Deno.test("an xpra that does not end is not waited for", async () => {
  const result = { argv: ["xpra", "--version"], code: 143, signal: "SIGTERM", stdout: "", stderr: "" } as const;
  const { host, options } = recordingHost({ answer: () => new ProcessError(result, { timedOutAfterMs: 5_000 }) });
  await assertRejects(() => checkClient(host), UserError, '"xpra --version" did not end within 5 s');
  assert(options[0]?.timeoutMs! <= 30_000);
});

Deno.test("checkClient() warns of a client with a known vulnerability, and says nothing of one without", async () => {
  const said = async (version: string): Promise<string[]> => {
    const recorded = recordingHost({ answer: () => ({ stdout: `xpra v${version}-r0\n` }) });
    await checkClient(recorded.host);
    return recorded.said;
  };
  assertEquals(await said("6.5.5"), []);
  assertMatch((await said("6.5.2")).join(), /^warn: .*6\.5\.2.*shared memory.*Install 6\.5\.3 or later$/);
  assertMatch((await said("5.1.5")).join(), /^warn: .*5\.1\.5.*download directory.*Install 5\.1\.6 or later$/);
});
