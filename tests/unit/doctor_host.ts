/** A host that --doctor looks at, for tests. */

import { assertEquals } from "@std/assert";
import { MissingProgram } from "../../lib/base/errors.ts";
import { diagnose, type Diagnosis } from "../../lib/cli/doctor.ts";
import type { Finding } from "../../lib/cli/finding.ts";
import { type Answer, recordingHost } from "./recording_host.ts";

/** The error for a program that is not installed. */
export const missing = new MissingProgram("It is not installed", { hint: "Install it" });

export const goodDevices = { root: { type: "disk", path: "/" }, eth0: { type: "nic" } };

/** What a host has, by default LXD 6.10 and nothing else. */
export interface World {
  /** Those of the default profile, and its settings. */
  devices?: unknown;
  config?: unknown;
  warnings?: unknown[];
  instances?: { name: string }[];
  /** What the engine says of one of them when it is asked again, unless it says the same; undefined: it is gone. */
  now?: Record<string, unknown>;
  network?: unknown;
  /** Answers what runs in a container, by the engine or by SSH. */
  inside?: (argv: readonly string[]) => Answer;
  project?: string;
  version?: string;
  /** Answers the programs that are installed. */
  programs?: Record<string, Answer>;
  env?: Record<string, string>;
}

/** A host with LXD, which knows these instances, and without Incus. */
export function lxdHost(
  {
    devices = goodDevices,
    config = {},
    warnings = [],
    instances = [],
    now = {},
    network,
    inside = () => ({}),
    project = "default",
    version = "6.10",
    programs = {},
    env = {},
  }: World = {},
): ReturnType<typeof recordingHost> {
  const answers: Record<string, unknown> = {
    "/1.0": { environment: { server_version: version, project } },
    "/1.0/warnings?recursion=1": warnings,
    "/1.0/profiles/default": { config, devices, used_by: [] },
    "/1.0/instances?recursion=1": instances,
    "/1.0/networks/lxdbr0": network,
    ...Object.fromEntries(instances.flatMap((instance) => [
      [`/1.0/instances/${instance.name}?recursion=1`, instance],
      [`/1.0/instances/${instance.name}`, instance.name in now ? now[instance.name] : instance],
    ])),
  };
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: "/no-such-mounts", XDG_STATE_HOME: "/no-such-state", ...env },
    answer(argv) {
      const [program = "", verb] = argv;
      if (program === "lxc") {
        return verb === "exec" ? inside(argv) : { stdout: JSON.stringify(answers[argv[2]!]) ?? "" };
      }
      return program === "ssh" && argv.length > 2 ? inside(argv) : programs[program] ?? missing;
    },
  });
}

/** What a script's `--doctor` finds, with its exit code; `seen` alone, if it is given, in what it says. */
export async function found(
  diagnosis: Diagnosis,
  { host }: Pick<ReturnType<typeof recordingHost>, "host">,
  seen = /^/,
): Promise<Finding[]> {
  let findings: Finding[] = [];
  const result = (_text: string, json: unknown): void => void ({ findings } = json as { findings: Finding[] });
  const code = await diagnose({ ...host, ui: { ...host.ui, result } }, { ...diagnosis, wanted: undefined });
  assertEquals(code, findings.some(({ verdict }) => verdict === "broken") ? 1 : 0);
  return findings.filter(({ what }) => seen.test(what));
}

/** An instance that create has made. */
export function ours(
  name: string,
  firstHostId: number | null,
  status = "Running",
): { name: string; [key: string]: unknown } {
  const map = firstHostId === null ? [] : [{ Isuid: true, Isgid: true, Hostid: firstHostId, Nsid: 0, Maprange: 65536 }];
  return {
    name,
    status,
    config: { "user.gui-container": "1", "volatile.idmap.next": JSON.stringify(map) },
    devices: {},
    expanded_devices: {},
  };
}
