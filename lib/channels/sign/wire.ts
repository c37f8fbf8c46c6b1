/**
 * Messages to and from an SSH agent, and the purpose of what it is asked to sign (draft-ietf-sshm-ssh-agent; OpenSSH's
 * PROTOCOL.agent and PROTOCOL.sshsig). Data is parsed to its last byte. Data without a known form is refused: nobody could
 * say what its signature is good for.
 */

import { concat } from "@std/bytes";
import { Refusal } from "../../guard/faults.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** The fields of a message: as many as its form has letters. */
type Fields = [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, ...Bytes[]];

/**
 * Parses a message.
 *
 * @param form the types of its fields: `b` for a byte, `n` for a number of 32 bits, `s` for a string with its length in
 * front, `?` for a last string that may be missing
 * @throws {Refusal} when it has other fields, or more
 */
export function fieldsOf(bytes: Bytes, form: string): Fields {
  let at = 0;
  const take = (length: number): Bytes => {
    if (length > bytes.length - at) throw new Refusal("it sends a message that is not one of SSH's agent");
    return bytes.slice(at, at += length);
  };
  const isThere = (type: string): boolean => type !== "?" || at < bytes.length;
  const size = (type: string): number => type === "b" ? 1 : type === "n" ? 4 : numberIn(take(4));
  const fields = [...form].flatMap((type) => isThere(type) ? [take(size(type))] : []);
  if (at < bytes.length) take(Infinity);
  return fields as Fields;
}

/** Makes a message of this type. Its fields are strings, and numbers of 32 bits. */
export function messageOf(type: number, ...fields: readonly (Uint8Array | number)[]): Bytes {
  const number = (value: number): Uint8Array => new Uint8Array([24, 16, 8, 0].map((shift) => value >>> shift));
  const parts = fields.flatMap((one) => typeof one === "number" ? [number(one)] : [number(one.length), one]);
  return concat([Uint8Array.of(type), ...parts]);
}

export const numberIn = (bytes: Bytes, offset = 0): number => new DataView(bytes.buffer).getUint32(offset);

export const textOf = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

const areEqual = (one: Uint8Array, other: Uint8Array): boolean => one.toBase64() === other.toBase64();

/**
 * Describes what would be signed.
 *
 * @param options `key`: the key that would sign it; `bound`: the connection's session-bind message, or an empty one;
 * `nameHost`: describes the host with this key, or an unknown host
 * @throws {Refusal} for anything but a login or a document
 */
export async function purposeOf(
  data: Bytes,
  { key, bound, nameHost }: { key: Bytes; bound: Bytes; nameHost: (key: Bytes | undefined) => Promise<string> },
): Promise<string> {
  if (textOf(data.subarray(0, 6)) === "SSHSIG") {
    const [kind, _reserved, method, hash] = fieldsOf(data.slice(6), "ssss");
    const words = `${textOf(kind)}, ${textOf(method)}`;
    if (/^[!-~]{1,64}, sha(?:256|512)$/.test(words)) return `a document for ${words} ${hash.toHex()}`;
  } else {
    const [session, type, user, service, method, isSigned, _algorithm, own, hostKey] = fieldsOf(data, "sbsssbss?");
    const words = [user, service, method].map(textOf).join(" ");
    // A request to log in has the type 50.
    const login = /^([!-~]{1,64}) ssh-connection publickey(-hostbound-v00@openssh\.com)?$/.exec(words);
    if (login && type[0] === 50 && isSigned[0] === 1 && areEqual(own, key) && !login[2] === !hostKey) {
      // If the data includes the host's key, no other host accepts the signature.
      return `a login as ${login[1]} on ${await nameHost(hostKey ?? await boundHost(bound, session))}`;
    }
  }
  throw new Refusal("it asks for a signature of something that is neither a login nor a document");
}

/** The key of the host that has signed this session's id. Only Ed25519 keys count, which most hosts have. */
async function boundHost(bound: Bytes, session: Bytes): Promise<Bytes | undefined> {
  if (bound.length === 0) return undefined;
  const [, , key, id, signature] = fieldsOf(bound, "bssssb");
  const [[type, point], [method, value]] = [fieldsOf(key, "ss"), fieldsOf(signature, "ss")];
  if (!areEqual(id, session) || `${textOf(type)} ${textOf(method)}` !== "ssh-ed25519 ssh-ed25519") return undefined;
  const known = await crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", known, value, id) ? key : undefined;
}
