// The two meanings of --deny on a command line.

import { assertEquals, assertRejects } from "@std/assert";
import { commandLine } from "../../../attach.ts";
import { readDenial } from "../../../lib/attach/deny_request.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import type { Channel } from "../../../lib/guard/channel.ts";
import { recordingHost } from "../recording_host.ts";

/** In a directory of all containers that has one of them. */
const read = async (line: string): ReturnType<typeof readDenial> => {
  const mounts = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${mounts}/live`);
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: mounts } });
    return await readDenial(host, parseCommandLine(commandLine, line.split(" ")));
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
};

Deno.test("--deny with a container's name closes channels of its sessions; before a channel, it is about one to show", async () => {
  for (
    const line of [
      "--deny web microphone",
      "--deny=web microphone",
      "--session s --deny web microphone -q --json",
      "--deny web microphone,",
    ]
  ) assertEquals(await read(line), { word: "web", channels: ["microphone"] }, line);
  const clipboard: Channel[] = ["clipboard-in", "clipboard-out", "sound"];
  assertEquals(await read("--deny far:web clipboard,sound"), { word: "far:web", channels: clipboard });
  for (const name of ["sound", "links"]) {
    assertEquals(await read(`--deny local:${name} ${name}`), { word: `local:${name}`, channels: [name as Channel] });
  }
  for (
    const line of [
      ...[
        "--deny sound web",
        "--deny sound,links web firefox",
        "--deny links sound",
        "web firefox --deny sound",
        "web",
      ],
      ...["--deny soud web firefox", "--deny web", "--deny sound -- links", "--deny=links, web"],
    ]
  ) assertEquals(await read(line), undefined, line);
});

Deno.test("--deny with a container's name goes with no other option, and not with what cannot be closed", async () => {
  for (
    const [line, message] of [
      ["--deny web microphon", 'Neither "web" nor "microphon" is a list of channels'],
      ["--deny web ,", 'Neither "web" nor "," is a list of channels'],
      ["--deny live microphon", 'There is no channel "microphon"'],
      ["--deny live ,", 'Neither "live" nor "," is a list of channels'],
      ["--deny .. microphon", 'Neither ".." nor "microphon" is a list of channels'],
      ["--deny web links --allow sound", "--allow cannot be used with --deny NAME"],
      ["--stop --deny web links", "--deny cannot be used with --stop"],
      ["--deny web look,links", 'The channel "look" cannot be closed later'],
    ] as const
  ) await assertRejects(() => read(line), UserError, message);
});
