/** Engines that give one answer, for tests. */

import { join } from "@std/path";
import { MissingProgram } from "../../lib/base/errors.ts";
import type { Host } from "../../lib/base/host.ts";
import { chooseEngine, type Engine, engineCalled } from "../../lib/engine/engine.ts";
import { findServer, type Server } from "../../lib/engine/server.ts";
import { type Answer, type RecordingHost, recordingHost } from "./recording_host.ts";

export const notInstalled = new MissingProgram("no", { hint: "" });

/** A host whose `lxc` and `incus` answer so. */
export function hostWith(
  answers: Record<string, Answer>,
  options: Parameters<typeof recordingHost>[0] = {},
): RecordingHost {
  return recordingHost({ ...options, answer: ([program]) => answers[program!] ?? notInstalled });
}

export async function lxcThat(answer: Answer): Promise<{ host: Host; engine: Engine }> {
  const { host } = hostWith({ lxc: answer });
  return { host, engine: await chooseEngine(host, { engine: "lxc" }) };
}

/** Incus' configuration as its CLI writes it. */
export const configText = `\
default-remote: local
remotes:
  big:
    addr: https://192.0.2.7:8443
    auth_type: tls
    protocol: incus
    public: false
    project: work
  images:
    addr: https://images.linuxcontainers.org
    protocol: simplestreams
    public: true
  local:
    addr: unix://
    protocol: incus
    public: false
aliases: {}
`;

/** Runs a test with a configuration of Incus' CLI in a home of its own. */
export async function withConfig(
  text: string,
  test: (env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(home, ".config/incus"), { recursive: true });
    await Deno.writeTextFile(join(home, ".config/incus/config.yml"), text);
    await test({ HOME: home, GUI_CONTAINER_MOUNTS: "/m" });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

export const server = (env: Record<string, string>, wish = {}): Promise<Server> =>
  findServer({ env: (name) => env[name] }, { cli: "incus", ...wish });

export const big: Server = { remote: "big", project: "work", isLocal: false };

export function engineOn(server: Server, answer: Answer = {}): { host: Host; engine: Engine; calls: string[][] } {
  const { host, calls } = recordingHost({ answer: () => answer });
  return { host, engine: { ...engineCalled("incus"), server }, calls };
}

/** An engine's remote that answers each question so. */
export function remote(stdout: string): { host: Host; engine: Engine; calls: string[][] } {
  const { host, calls } = recordingHost({ answer: () => ({ stdout }) });
  const server = { remote: "far", project: undefined, isLocal: false };
  return { host, engine: { ...engineCalled("incus"), server }, calls };
}
