/** The SSH agent of a host, and messages to it, for tests. */

import { concat } from "@std/bytes";
import { type Bytes, messageOf } from "../../lib/channels/sign/wire.ts";

/** Bytes of a text. */
export const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);

/** Strings with their lengths in front, texts too, and numbers below 256 as one byte. */
export function fields(...all: readonly (Uint8Array | string | number)[]): Bytes {
  return concat(
    all.map((one) =>
      typeof one === "number" ? Uint8Array.of(one) : messageOf(0, typeof one === "string" ? bytesOf(one) : one).slice(1)
    ),
  );
}

/** A key pair of Ed25519, with the public key as SSH has it. */
export interface Pair {
  blob: Bytes;
  /** A signature, as SSH has it. */
  sign(data: Bytes): Promise<Bytes>;
}

export async function makePair(): Promise<Pair> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  return {
    blob: fields("ssh-ed25519", new Uint8Array(await crypto.subtle.exportKey("raw", publicKey))),
    sign: async (data) => fields("ssh-ed25519", new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, data))),
  };
}

/** What a client signs to log in; with `hostKey`, for that host only. */
export function loginData(key: Bytes, { user = "git", session = bytesOf("session"), hostKey }: {
  user?: string;
  session?: Bytes;
  hostKey?: Bytes;
} = {}): Bytes {
  const method = hostKey ? "publickey-hostbound-v00@openssh.com" : "publickey";
  const head = fields(session, 50, user, "ssh-connection", method, 1, "ssh-ed25519", key);
  return hostKey ? concat([head, fields(hostKey)]) : head;
}

/** What a client says of the host at its other end. */
export async function bindMessage(host: Pair, session = bytesOf("session"), signed = session): Promise<Bytes> {
  return concat([
    fields(27, "session-bind@openssh.com", host.blob, session, await host.sign(signed)),
    Uint8Array.of(0),
  ]);
}

/** What ssh-keygen signs. */
export function documentData(kind = "git", hash = "sha512"): Bytes {
  return concat([bytesOf("SSHSIG"), fields(kind, "", hash, new Uint8Array([1, 2, 255]))]);
}
