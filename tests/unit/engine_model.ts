/**
 * An engine in memory, as far as tests of faults use it: it keeps instances and profiles, and answers as the real ones did
 * when `recorded/` was recorded. What it does not know is an error.
 */

import { isMap, parseYaml } from "../../lib/base/yaml.ts";
import type { EngineCli } from "../../lib/engine/engine.ts";
import type { Answer } from "./recording_host.ts";

/** What a real engine and a container of it answered. */
interface Recorded {
  /** The instance with its state, without what create.ts gave it. */
  instance: Record<string, unknown> & { config: Settings };
  pools: Record<string, unknown>[];
  /** What the script that waits for cloud-init printed. */
  cloudInit: string;
  /** What the script that prepares the container printed. */
  prepared: string;
  /** What the first connection printed: programs that show windows. */
  programs: string;
  noInstance: string;
  noDevice: string;
  noProfile: string;
}

type Settings = Record<string, string>;

/** What the engine has of one container, whatever that is called. */
export interface EngineState {
  instance?: { config: Settings; devices: Record<string, Settings>; snapshots: string[] };
  profile?: { config: Settings; devices: Record<string, Settings>; description: string };
  /** The images that were made of it. */
  images: { fingerprint: string; created_at: string; size: number; properties: Settings }[];
}

/** The engines that were recorded: LXD 5.0.2, Incus 7.0.2 and Incus 6.0.4. */
export type EngineRecord = "lxc" | "incus" | "incus6";

/** An engine, and what it has. */
export interface EngineModel {
  cli: EngineCli;
  /** What the first connection to a container of it prints. */
  programs: string;
  state: EngineState;
  answer(argv: readonly string[], stdin: string): Answer;
}

/** An engine that has nothing. */
export function engineModel(recording: EngineRecord): EngineModel {
  const recorded: Recorded = JSON.parse(
    Deno.readTextFileSync(new URL(`recorded/${recording}.json`, import.meta.url)),
  );
  const cli = recording === "lxc" ? "lxc" : "incus";
  const model: EngineModel = { cli, programs: recorded.programs, state: { images: [] }, answer };
  const json = (value: unknown): Answer => ({ stdout: JSON.stringify(value) });

  function instance(): Answer {
    const { instance: made, profile } = model.state;
    if (!made) return { code: 1, stderr: recorded.noInstance };
    const config = { ...recorded.instance.config, ...made.config };
    return json({
      ...recorded.instance,
      config,
      expanded_config: { ...profile?.config, ...config },
      devices: made.devices,
      expanded_devices: { ...recorded.instance["expanded_devices"] as object, ...profile?.devices, ...made.devices },
      snapshots: made.snapshots.map((name) => ({ name })),
    });
  }

  function profile(): Answer {
    const { profile, instance } = model.state;
    if (!profile) return { code: 1, stderr: recorded.noProfile };
    return json({ name: "box", ...profile, used_by: instance ? ["/1.0/instances/box"] : [] });
  }

  function query(words: readonly string[]): Answer {
    const option = (name: string): string | undefined =>
      words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
    const data = JSON.parse(option("--data") ?? "{}");
    const path = words.at(-1)!.replace(/\?.*/, "").replace(/^\/1.0\/instances\/[^/]+/, "/1.0/instances/box");
    const request = `${option("--request") ?? "GET"} ${path}`;
    const { instance: made, profile: kept } = model.state;
    switch (request) {
      case "GET /1.0/instances/box":
        return instance();
      case "GET /1.0/instances":
        return made ? { stdout: `[${(instance() as { stdout: string }).stdout}]` } : json([]);
      case "GET /1.0/profiles/default":
        return json({ config: {}, devices: {}, used_by: [] });
      case "GET /1.0/profiles/box":
        return profile();
      case "GET /1.0/storage-pools":
        return json(recorded.pools.map((pool) => ({ ...pool, used_by: made ? ["/1.0/instances/box"] : [] })));
      case "GET /1.0/operations":
        return json({});
      case "GET /1.0/images":
        return json(model.state.images);
      case "POST /1.0/profiles":
        if (kept) return { code: 1, stderr: "Error: Profile box already exists" };
        model.state.profile = { config: data.config, devices: {}, description: "" };
        return {};
      case "POST /1.0/instances":
        // A copy has what its source has, too.
        model.state.instance = {
          config: { "user.gui-container": "1", ...data.config },
          devices: data.devices,
          snapshots: [],
        };
        return {};
      case "DELETE /1.0/instances/box/files":
        return {};
      case "PATCH /1.0/instances/box":
        if (!made) return { code: 1, stderr: recorded.noInstance };
        Object.assign(made.config, data.config);
        Object.assign(made.devices, data.devices);
        return {};
      case "POST /1.0/instances/box/snapshots":
        made!.snapshots.push(data.name);
        return {};
    }
    throw new Error(`The model of an engine does not know ${request}`);
  }

  function answer([, ...words]: readonly string[], stdin: string): Answer {
    const [verb] = words;
    if (verb === "query") return query(words.slice(1));
    switch (words.slice(0, 2).join(" ")) {
      case "profile show":
        return profile();
      case "profile edit": {
        const { config, devices, description } = parseYaml("profile", stdin) as Record<string, unknown>;
        if (!model.state.profile) return { code: 1, stderr: recorded.noProfile };
        const settings = (value: unknown): Settings => isMap(value) ? value as Settings : {};
        model.state.profile = {
          config: settings(config),
          devices: settings(devices) as unknown as Record<string, Settings>,
          description: String(description ?? ""),
        };
        return {};
      }
      case "profile delete":
        delete model.state.profile;
        return {};
      case "image info":
        return { stdout: `Fingerprint: ${recorded.instance.config["volatile.base_image"]}\n` };
      case "image delete":
        model.state.images = model.state.images.filter(({ fingerprint }) => fingerprint !== words[2]);
        return {};
    }
    const pairs = (words: readonly string[]): Settings => Object.fromEntries(words.map((word) => word.split(/=(.*)/s)));
    if (verb === "launch") {
      const config = pairs(words.filter((_, index) => words[index - 1] === "--config"));
      model.state.instance = { config, devices: {}, snapshots: [] };
      return {};
    }
    if (verb === "stop" || verb === "file") return {};
    if (verb === "publish") {
      const fingerprint = "ab".repeat(32);
      const properties = pairs(words.filter((word) => word.includes("=")));
      model.state.images.push({ fingerprint, created_at: new Date().toISOString(), size: 1, properties });
      return { stdout: `Instance published with fingerprint: ${fingerprint}\n` };
    }
    if (verb === "delete") {
      if (!model.state.instance) return { code: 1, stderr: recorded.noInstance };
      delete model.state.instance;
      return {};
    }
    if (verb === "config" && words[1] === "device" && words[2] === "remove") {
      const devices = model.state.instance?.devices;
      if (!devices) return { code: 1, stderr: recorded.noInstance };
      const names = words.slice(4);
      if (!names.every((name) => name in devices)) return { code: 1, stderr: recorded.noDevice };
      for (const name of names) delete devices[name];
      return {};
    }
    if (verb === "exec") {
      if (!model.state.instance) return { code: 1, stderr: recorded.noInstance };
      const script = words.find((word) => /^# \w+\.sh$/m.test(word)) ?? "";
      if (script.includes("# await_cloud_init.sh")) return { stdout: recorded.cloudInit };
      if (script.includes("# prepare.sh")) return { stdout: recorded.prepared };
      if (/# (finish_unmap|generalize)\.sh/.test(script)) return {};
      if (words.includes("command -v xpra || true")) return { stdout: recorded.programs };
      // Emptying the directories that the container's user may have closed.
      if (words.includes("find")) return {};
      // What is looked at while cloud-init works.
      return { code: 1 };
    }
    throw new Error(`The model of an engine does not know "${words.join(" ")}"`);
  }

  return model;
}

/** What the CLI of an engine prints that does not run. */
export const noAnswer: Answer = {
  code: 1,
  stderr: 'Error: Get "http://unix.socket/1.0": dial unix /var/lib/unix.socket: connect: connection refused',
};
