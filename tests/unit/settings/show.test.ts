// attach.ts --settings: what holds, and who has said it.

import { assertEquals } from "@std/assert";
import type { Setting } from "../../../lib/settings/file.ts";
import { showSettings } from "../../../lib/settings/show.ts";
import { recordingHost } from "../recording_host.ts";

function shown(options: Record<string, string>, settings: Partial<Record<string, Setting>>): string[] {
  const { host, said } = recordingHost();
  const given = { options: new Map(Object.entries(options)), settings: new Map(Object.entries(settings)) };
  assertEquals(
    showSettings(host, { word: "bank", ...given as { settings: Map<string, Setting> } & typeof given }),
    0,
  );
  return said;
}

Deno.test("each setting stands with the place that it is from; what the command line has said comes first", () => {
  const settings = {
    preset: { value: "isolated", from: "config.yaml:3" },
    border: { value: "red", from: "config.yaml:4" },
    "at-most": { value: "isolated", from: "config.yaml:5" },
  };
  const [line, table] = shown({ border: "blue" }, settings);
  assertEquals(line, shown({}, { preset: settings.preset })[0], "an option for a border opens nothing");
  assertEquals(
    table,
    "result: preset\tisolated\tconfig.yaml:3\nat-most\tisolated\tconfig.yaml:5\nborder\tblue\tthe command line",
  );
});

Deno.test("that nothing is set is said, with what is open then", () => {
  assertEquals(shown({}, {}).slice(1), ['status: Nothing is set for "bank"', "result: "]);
});
