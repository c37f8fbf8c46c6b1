import { assertEquals } from "@std/assert";
import { packageProgress } from "../../../lib/create/package_progress.ts";

Deno.test("packageProgress() counts what apt says that it does with each package", () => {
  const show = packageProgress();
  const shown = [
    "Reading package lists...",
    "0 upgraded, 2 newly installed, 0 to remove and 3 not upgraded.",
    "Get:1 http://deb.example/debian trixie/main amd64 libfoo1 amd64 1.2-3 [34.5 kB]",
    "Unpacking libfoo1:amd64 (1.2-3) ...",
    "Unpacking foo (1.2-3) ...",
    "Setting up libfoo1:amd64 (1.2-3) ...",
  ].map(show);
  assertEquals(shown.slice(2), [
    "Downloading libfoo1 (1 of 2)",
    "Unpacking libfoo1 (1 of 2)",
    "Unpacking foo (2 of 2)",
    "Setting up libfoo1 (1 of 2)",
  ]);
  assertEquals(shown[0], "Reading package lists...");
});

Deno.test("packageProgress() counts a second installation from the start", () => {
  const show = packageProgress();
  for (const name of ["one", "two"]) {
    show("1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
    assertEquals(show(`Unpacking ${name} (1) over (0) ...`), `Unpacking ${name} (1 of 1)`);
  }
});

Deno.test("packageProgress() cuts a line that a container makes long", () => {
  const show = packageProgress();
  assertEquals(show(`Unpacking ${"x".repeat(9_999)} (1) ...`).length, 200);
  assertEquals(show("y".repeat(9_999)).length, 200);
});
