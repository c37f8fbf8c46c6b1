/** The scripts' own key pair, for containers made without AUTHORIZED_KEYS: only attach.ts uses it. */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import { exists, removeFile, writeText } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { lockFile } from "../base/lock.ts";
import { stateDirectory } from "../container/paths.ts";
import { publicKeysIn } from "../container/ssh.ts";
import type { Keys } from "./input_files.ts";

/**
 * The public key, and the path of its private key: `id_ed25519` in {@linkcode stateDirectory}. The first run that
 * needs the pair generates it.
 *
 * @throws {UserError} exit code 2 without such a directory, or without a public key in its file
 */
export async function ownKey(host: Host): Promise<Keys> {
  const directory = stateDirectory(host);
  const path = join(directory, "id_ed25519");
  if (!await exists(`${path}.pub`)) {
    const make = (): Promise<void> => Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    await host.change(`mkdir -p ${quoteWords([directory])}`, make);
    using _turn = await host.look(undefined, () => lockFile(join(directory, "key.lock"), { signal: host.signal }));
    if (!await exists(`${path}.pub`)) await makeKey(host, path);
  }
  const text = await host.look("", () => Deno.readTextFile(`${path}.pub`));
  const [publicKey] = await host.look(["<PUBLIC_KEY>"], () => publicKeysIn(text));
  if (publicKey !== undefined) return { text, identities: [{ publicKey, privateKeyPath: path }] };
  throw inputError(`There is no public key in "${path}.pub"`, "Remove it and the private key, and run this again");
}

/**
 * Generates the pair. A valid private key is kept, since containers may already accept it. A killed run may have left a
 * partial one: ssh-keygen writes it first.
 */
async function makeKey(host: Host, path: string): Promise<void> {
  if (await exists(path)) {
    const { code, stdout } = await host.run(["ssh-keygen", "-y", "-P", "", "-f", path], { okCodes: "any" });
    if (code === 0) return await writeText(host, `${path}.pub`, { text: stdout, mode: 0o644 });
    await host.look(undefined, () => removeFile(path));
  }
  await host.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "gui-container", "-f", path]);
}
