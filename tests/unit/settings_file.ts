/** A home directory with settings, for tests. */

import { join } from "@std/path";
import { recordingHost } from "./recording_host.ts";

export const { host } = recordingHost({ env: { HOME: "/home/me" } });

export const bank = `# Mine.
containers:
  - name: bank
    preset: isolated
    at-most: isolated
    border: red
  - name: "chat*"
    ask: [links, files]
    deny: [sound]
  - name: "*"
    preset: trusted
    allow: [microphone]
`;

/** Runs a test with a home directory in which `text` is the settings file. */
export async function withFile(
  text: string,
  test: (path: string, host: ReturnType<typeof recordingHost>["host"]) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const path = join(home, ".config/gui-container/config.yaml");
    await Deno.mkdir(join(home, ".config/gui-container"), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    await test(path, recordingHost({ env: { HOME: home } }).host);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

export const file = "~/.config/gui-container/config.yaml";
