/** Local images: those in the engine's own store. */

import type { Host } from "../base/host.ts";
import { configIn, listIn, tableIn, textIn } from "./answer.ts";
import { type Engine, ifFound, type Instance, labelOf, query, run } from "./engine.ts";
import { causedBy, isProcessError, orElse, UserError } from "../base/errors.ts";
import { withRemote } from "./server.ts";

export interface Image {
  /** SHA-256, in hexadecimal. */
  fingerprint: string;
  /** When the image was made, ISO 8601. */
  created_at: string;
  /** In bytes. */
  size: number;
  /** Keys and values that were given when the image was made. */
  properties: Readonly<Record<string, string>>;
}

/** An image as the CLI takes it: one without a remote is in the store of the engine's server. */
export function imageOn(engine: Pick<Engine, "server">, image: string): string {
  return image.includes(":") ? image : withRemote(engine.server, image);
}

/** All local images. */
export async function listImages(host: Host, engine: Engine): Promise<Image[]> {
  // A fingerprint with a colon would name an image on another remote.
  return listIn(await query(host, engine, "/1.0/images?recursion=1")).map(tableIn).map((image) => ({
    fingerprint: textIn(image.fingerprint),
    created_at: textIn(image.created_at),
    size: typeof image.size === "number" ? image.size : 0,
    properties: configIn(image.properties),
  })).filter(({ fingerprint }) => /^\w[\w-]*$/.test(fingerprint));
}

/**
 * SHA-256 over an image's fingerprint, a line end, and a text. The image may be local or on a remote.
 *
 * @throws {UserError} when there is no such image
 */
export async function imageHash(
  host: Host,
  engine: Engine,
  { image, text }: { image: string; text: string },
): Promise<string> {
  const asked = run(host, engine, ["image", "info", imageOn(engine, image)], { planned: "<RECIPE>" });
  const answer = await orElse(asked, isProcessError, (error) => error);
  return await host.look(answer.stdout, () => {
    const fingerprint = /^Fingerprint: ([0-9a-f]{64})$/m.exec(answer.stdout)?.[1];
    if (fingerprint && !isProcessError(answer)) return sha256(`${fingerprint}\n${text}`);
    throw new UserError(`${engine.product} cannot find the image "${image}"`, {
      hint:
        `See what there is (${engine.cli} image list), and whether its server can be reached (${engine.cli} remote list)`,
      ...(isProcessError(answer) ? causedBy(answer) : {}),
    });
  });
}

/** Makes a local image of a stopped instance. Returns the image's fingerprint. */
export async function publish(
  host: Host,
  instance: Instance,
  properties: Readonly<Record<string, string>>,
): Promise<string> {
  const { engine } = instance;
  const words = [labelOf(instance), withRemote(engine.server, "")].filter(Boolean);
  const values = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  const args = ["publish", ...words, "--compression", "none", ...values];
  const { stdout } = await run(host, engine, args, { planned: "<IMAGE>" });
  return await host.look(stdout, () => /fingerprint: ([0-9a-f]+)/.exec(stdout)?.[1] ?? "");
}

/** Removes a local image. Nothing happens when it is gone already. */
export async function deleteImage(host: Host, engine: Engine, fingerprint: string): Promise<void> {
  await ifFound(run(host, engine, ["image", "delete", withRemote(engine.server, fingerprint)]));
}

/** The SHA-256 of a text, in hexadecimal. (Loading node:crypto would take 18 ms.) */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
