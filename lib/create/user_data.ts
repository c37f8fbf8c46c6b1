/** User-data: joins files into one MIME document, which cloud-init reads. */

import types from "./part_types.json" with { type: "json" };
import { basename } from "@std/path";
import { inputError } from "../base/errors.ts";
import { quoteWords } from "../base/shell_words.ts";
import { isMap, parseYaml } from "../base/yaml.ts";

export interface PartFile {
  /** Its path. cloud-init's log shows the base name. */
  path: string;
  text: string;
}

export interface UserDataPart extends PartFile {
  /** The MIME type, by which cloud-init chooses its handler. */
  type: string;
}

/**
 * The type for each prefix of a first line, as in cloud-init's `handlers/__init__.py` (INCLUSION_TYPES_MAP); longer
 * prefixes first.
 */
const partTypes = types as [start: string, type: string][];

/** The MIME type of a part, from its first line; undefined for a text that cloud-init would ignore. */
export function typeOfPart(text: string): string | undefined {
  return partTypes.find(([start]) => text.startsWith(start))?.[1];
}

/**
 * Has cloud-init merge lists and maps of several cloud-configs. By default, a later list replaces an earlier one
 * (cloud-init documentation, "Merging user data sections").
 */
const mergeType = "list(append)+dict(recurse_list)+str()";

/**
 * Makes a part from a file. Its first line gives its type. A cloud-config must be a YAML map, an archive a list, and a
 * template must name the type of its result.
 *
 * @param options `warn` is called for input that cloud-init accepts, but probably not as intended
 * @throws {UserError} exit code 2, with file, line and column
 */
export function parsePart(
  { path, text }: PartFile,
  { warn = () => {} }: { warn?: (message: string) => void } = {},
): UserDataPart {
  const firstLine = text.split("\n", 1)[0]!;
  if (firstLine.startsWith("#!") && firstLine.endsWith("\r")) {
    throw inputError(
      `${path}:1:${firstLine.length}: The lines of the script end in CR LF`,
      `Convert it: dos2unix ${quoteWords([path])}`,
    );
  }
  const type = typeOfPart(text);
  if (type === undefined) {
    throw inputError(
      `${path}:1:1: The first line does not say what it is: "${firstLine.slice(0, 60)}"`,
      'cloud-init would ignore the file. A cloud-config starts with the line "#cloud-config", a script with "#!"',
    );
  }
  const part = { path, text, type };
  if (type === "text/jinja2") checkTemplate(part);
  if (type === "text/cloud-config" || type === "text/cloud-config-archive") checkYaml(part, warn);
  return part;
}

/**
 * The second line of a template must give the type of its result, unless it begins with a Jinja statement or comment.
 */
function checkTemplate({ path, text }: UserDataPart): void {
  const lines = text.split("\n").map((line) => line.trim());
  const line = lines.findIndex((line, index) => index > 0 && line !== "");
  const second = lines[line] ?? "";
  if (second.startsWith("{") || partTypes.some(([start]) => second.startsWith(start))) return;
  throw inputError(
    `${path}:${Math.max(line, 1) + 1}:1: The template does not say what it becomes: "${second.slice(0, 60)}"`,
    'cloud-init would ignore it. Let "#cloud-config" or "#!" follow the first line',
  );
}

/** Checks the structure of a file that is sent unchanged. */
function checkYaml({ path, text, type }: UserDataPart, warn: (message: string) => void): void {
  const data = parseYaml(path, text, {
    onDuplicateKey: (place) => warn(`cloud-init takes the last of two values for one key: ${place}`),
  });
  const [right, wanted] = type === "text/cloud-config"
    ? [isMap(data), "a map of cloud-config keys"]
    : [Array.isArray(data), "a list of parts"];
  if (!right) throw inputError(`${path}:1:1: The file is not ${wanted}`, "Write at least one key, such as packages:");
}

/** A cloud-config that names cloud-init's default user; without a name, an empty cloud-config. */
export function userConfig(name?: string): string {
  return `#cloud-config\n${JSON.stringify(name === undefined ? {} : { user: { name } })}\n`;
}

/** The user-data: a MIME multipart document. The same parts give the same text. */
export function userData(parts: readonly UserDataPart[]): string {
  const filenames = safeFilenames(parts);
  const body = parts.map(({ type, text }, index) => {
    const { encoding, encoded } = encodePart(text);
    return [
      `--${boundary}`,
      `Content-Type: ${type}; charset="utf-8"`,
      "MIME-Version: 1.0",
      `Content-Transfer-Encoding: ${encoding}`,
      `Content-Disposition: attachment; filename="${filenames[index]}"`,
      // The result of a template inherits the template's headers.
      ...(type === "text/cloud-config" || type === "text/jinja2" ? [`Merge-Type: ${mergeType}`] : []),
      "",
      encoded,
    ].join("\n");
  });
  const head = `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n`;
  return [head, ...body, `--${boundary}--`, ""].join("\n");
}

/** The boundary between parts. */
const boundary = "gui-container-part";

/**
 * Encodes a part. Plain ASCII stays as it is. Other text, and text that contains the boundary, becomes base64, since
 * cloud-init garbles non-ASCII characters in an 8bit part.
 */
function encodePart(content: string): { encoding: string; encoded: string } {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(content) && !content.includes(boundary)) return { encoding: "7bit", encoded: content };
  return { encoding: "base64", encoded: new TextEncoder().encode(content).toBase64().replace(/.{76}/g, "$&\n") };
}

/**
 * Unique file names without special characters. cloud-init writes each script to a file of its name, removing some
 * characters (`clean_filename` in its `util.py`), so that equal names would overwrite each other, and runs scripts in
 * the order of their names.
 */
function safeFilenames(parts: readonly UserDataPart[]): string[] {
  const names: string[] = [];
  for (const { path } of parts) {
    const safe = basename(path).replace(/[^\w.-]/g, "_");
    let name = safe;
    for (let number = 2; names.includes(name); number++) name = `${safe}-${number}`;
    names.push(name);
  }
  return names;
}
