/** A menu of the desktop's and apps of a container, for tests. */

import { fromFileUrl } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { addressOf } from "../../lib/container/address.ts";
import { type Mounts, mountsIn } from "../../lib/container/paths.ts";
import { exportApps, type ExportRequest } from "../../lib/create/export/export.ts";
import { menuOf } from "../../lib/create/export/menu.ts";
import { unexportApps } from "../../lib/create/export/unexport.ts";
import { chooseEngine, type Engine } from "../../lib/engine/engine.ts";
import { type RecordingHost, recordingHost } from "./recording_host.ts";

export const writer = `[Desktop Entry]
Type=Application
Name=Writer
Name[de]=Schreiber
GenericName=Word Processor
Comment=Write & read
Keywords=text;letter;
Icon=writer
Exec=office --writer %U
Categories=Office;
MimeType=text/rtf;x-scheme-handler/office;
StartupNotify=true
Actions=new;
DBusActivatable=true
X-Evil=evil
`;

/** A picture of one pixel. */
const picture = "1 1 AAAA/w==";

/** Where open-in-container is, which a desktop finds on `$PATH`. */
const openerDirectory = fromFileUrl(new URL("../../examples/desktop-files", import.meta.url));

/** A container with these entries, and a host whose menu is a directory. */
export async function withMenu(
  entries: Record<string, string>,
  test: (world: {
    engine: Engine;
    recorded: RecordingHost;
    data: string;
    exportNow: (request?: Partial<ExportRequest>) => Promise<string[]>;
    unexport: () => Promise<string[]>;
    mounts: Mounts;
  }) => Promise<void>,
  { path = openerDirectory }: { path?: string } = {},
): Promise<void> {
  const data = await Deno.makeTempDir();
  try {
    const recorded = recordingHost({
      env: { HOME: data, XDG_DATA_HOME: data, PATH: path },
      answer: (argv) => {
        if (argv[0] === "lxc") {
          return {
            stdout: JSON.stringify({
              name: "box",
              status: "Running",
              config: { "user.gui-container": "1" },
              devices: {},
              expanded_devices: { eth0: { type: "nic" } },
              state: { network: { eth0: { addresses: [{ family: "inet", scope: "global", address: "192.0.2.1" }] } } },
            }),
          };
        }
        if (argv[0] !== "ssh") return {};
        const isIcons = argv.at(-1)!.includes("GdkPixbuf");
        return isIcons ? { code: 142, stdout: `${picture}\nnonsense\n` } : {
          stdout: Object.entries(entries).map(([id, text]) => `/a/${id}.desktop\t${btoa(text)}\n`).join(""),
        };
      },
    });
    const mounts = mountsIn(recorded.host, "box");
    await Deno.mkdir(mounts.directory, { recursive: true });
    await Deno.writeTextFile(mounts.knownHosts, "");
    const engine = await chooseEngine(recorded.host, { engine: "lxc" });
    const address = addressOf(recorded.host, { engine, name: "box" });
    const request = {
      wanted: [],
      attachOptions: [],
      xpraOptions: [],
      withTypes: false,
      defaultTypes: [],
    };
    await test({
      engine,
      recorded,
      data,
      exportNow: async (given = {}) =>
        (await exportApps(recorded.host, address, { ...request, ...given })).map(({ id }) => id),
      unexport: () => unexportApps(menuOf(recorded.host, "box")),
      mounts,
    });
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** The files below a directory, sorted. */
export async function filesIn(directory: string): Promise<string[]> {
  const { stdout } = await runProcess(["find", directory, "-type", "f", "-printf", "%P\n"]);
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("container_mounts")).sort();
}

/** An entry with these lines, in place of the same keys of a plain one. */
export function entry(...lines: string[]): string {
  const keys = lines.map((line) => line.split("=")[0]);
  const plain = ["Type=Application", "Name=Editor", "Exec=editor %F"].filter((line) =>
    !keys.includes(line.split("=")[0])
  );
  return ["[Desktop Entry]", ...lines, ...plain].join("\n");
}

/** A line of the answer of a container. */
export function line(path: string, text: string): string {
  return `${path}\t${btoa(text)}`;
}
