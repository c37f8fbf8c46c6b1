import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { diagnose, type Diagnosis, type DoctorCheck } from "../../../lib/cli/doctor.ts";
import { found, lxdHost, missing } from "../doctor_host.ts";
import { recordingHost } from "../recording_host.ts";

/** A diagnosis of these checks, with nothing to say at its end. */
const of = (...checks: DoctorCheck[]): Diagnosis => ({
  script: "map",
  checks,
  outcome: () => ({ verdict: "ok", what: "The end" }),
});

Deno.test("diagnose() prints each finding with what mends it, and ends with 1 only when something is broken", async () => {
  const risky: DoctorCheck = { find: () => [{ verdict: "risk", what: "A risk", hint: "one\ntwo" }] };
  const fine: DoctorCheck = { find: () => Promise.resolve([{ verdict: "ok", what: "Fine" }]) };
  const broken: DoctorCheck = { find: () => [{ verdict: "broken", what: "Broken" }], scripts: ["map"] };
  const { host, said } = lxdHost();
  const others: DoctorCheck = { ...broken, scripts: ["create", "attach"] };
  assertEquals(await diagnose(host, { wanted: undefined, ...of(risky, fine, others) }), 0);
  assertEquals(said, ["result: risk    A risk\n          one\n          two\nok      Fine\nok      The end"]);
  assertEquals(await diagnose(host, { wanted: undefined, ...of(fine, broken) }), 1);
});

Deno.test("diagnose() tells a check that fails as something broken", async () => {
  const failing: DoctorCheck = { find: ({ host }) => host.run(["slow"]).then(() => []), about: "box" };
  const { host } = recordingHost({ answer: () => ({ code: 7, stderr: "why" }) });
  assertEquals((await found(of(failing), { host }))[0], {
    verdict: "broken",
    what: '"slow" failed with exit status 7: why',
    hint: undefined,
    about: "box",
  });
});

Deno.test("diagnose() goes on without an engine, and refuses the name of none", async () => {
  const { host } = recordingHost({ answer: () => missing });
  let seen: unknown = "nothing";
  const check: DoctorCheck = {
    find({ engine }) {
      seen = engine;
      return [];
    },
  };
  assertEquals(await diagnose(host, { wanted: undefined, ...of(check) }), 0);
  assertEquals(seen, undefined);
  await assertRejects(() => diagnose(host, { wanted: "docker", ...of() }), UserError, '"docker"');
});
