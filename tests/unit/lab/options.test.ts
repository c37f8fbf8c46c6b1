import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { takeOptions } from "../../lab/options.ts";

const known = { engine: ["lxc", "incus"], desktop: ["x11", "wayland"] } as const;

Deno.test("takeOptions() takes options in both spellings, up to the first other word", () => {
  assertEquals(takeOptions(["--engine=incus", "--desktop", "wayland", "foot", "--engine=lxc"], known), {
    options: { engine: "incus", desktop: "wayland" },
    rest: ["foot", "--engine=lxc"],
  });
});

Deno.test("takeOptions() leaves out one --, and nothing after it", () => {
  assertEquals(takeOptions(["--", "--", "--engine"], known), { options: {}, rest: ["--", "--engine"] });
});

Deno.test("takeOptions() refuses an unknown option", () => {
  for (const option of ["--motor=lxc", "-e", "--constructor"]) {
    assertThrows(() => takeOptions([option, "x"], known), UserError, `Unknown option "${option}"`);
  }
});

Deno.test("takeOptions() refuses a word that an option does not take, and none", () => {
  const message = "The option --engine needs one of lxc, incus";
  for (const args of [["--engine=podman"], ["--engine="], ["--engine", "podman"], ["--engine"]]) {
    assertThrows(() => takeOptions(args, known), UserError, message);
  }
});
