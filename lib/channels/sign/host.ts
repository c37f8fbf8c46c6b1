/**
 * The channel `sign`: signatures by keys of the host's SSH agent, each after a yes. How a container could abuse that, and
 * what prevents it:
 *
 * - It looks for keys, or uses one that is meant for something else: it sees and uses only those that the settings name
 *   for it, and not their comments.
 * - It adds, removes or locks keys, or attacks the agent: the agent gets only requests for its list and for a signature,
 *   which are composed here. Everything else fails here, and no connection is passed on.
 * - It claims to sign a commit, and logs in: what is signed is parsed to its last byte, and shown. What is neither a login
 *   nor a document of ssh-keygen's is refused.
 * - It claims to log in on another host: a host's key counts if the signature is valid for that host alone, or if that
 *   host has signed the connection. Otherwise the question says that the host is unknown.
 * - It asks while the user is typing, again and again, or a hundred times at once: the questions are those of `ask.ts`, one
 *   at a time. Few wait, and the user can refuse the rest of the session.
 * - It sends an incomplete message, or a huge one: only to its own agent.py, which sends lines of up to 16 KiB.
 * - It saves a yes for later: a yes is for these bytes only.
 */

import { abortable } from "@std/async";
import { join } from "@std/path";
import { ifThere, writeAll } from "../../base/files.ts";
import { once } from "../../base/promises.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import type { Channel } from "../interface.ts";
import { record } from "../requests.ts";
import signPy from "./agent.py" with { type: "text" };
import signSh from "./session.sh" with { type: "text" };
import { type Bytes, fieldsOf, messageOf, numberIn, purposeOf, textOf } from "./wire.ts";

/** A message in base64, and the session-bind message of its connection, or an empty text. */
type Ask = { id: number; message: string; bound: string };

/** The types of messages that pass, and of their answers. */
const types = { failure: 5, list: 11, keys: 12, sign: 13, signature: 14 } as const;

/** How long the host's agent may take, in milliseconds: it may wait for the user to touch a security key. */
const answerMs = 60_000;

/** The longest answer of the host's agent, as in OpenSSH, in bytes. */
const maxAnswerBytes = 256 * 1024;

export const channel: Channel<Ask> = {
  agent: { parts: [signPy] },
  session: { parts: [signSh] },
  asks: { agent: ({ message, bound }, id) => ({ id, message: String(message), bound: String(bound) }) },
  serve(container, io) {
    const { host, label } = container;
    const isBearable = rate({ perSecond: 1, burst: 30 }, io.now);
    // Deno connects only to a path that attach.ts may also write to.
    const link = once(async () => {
      const path = join(await container.directory(), "ssh-agent");
      await host.run(["ln", "-s", "--", host.env("SSH_AUTH_SOCK") ?? "", path]);
      return path;
    });
    const agent = (message: Bytes): Promise<Bytes> => askAgent(link(), message, io.ending);
    const wanted = io.setting?.split(",") ?? [];
    const hint = 'Name its keys in the settings, as ssh-add -l prints them: "sign: SHA256:…"';
    if (wanted.length === 0) host.ui.warn(`"${label}" can sign with no key. ${hint}`);
    const keys = async (): Promise<Keys> => keysIn(await agent(Uint8Array.of(types.list)), wanted);
    const sign = async (message: Bytes, bound: Bytes): Promise<Bytes> => {
      const [, blob, data, flags] = fieldsOf(message, "bssn");
      const key = (await keys()).get(blob.toBase64());
      if (!key) throw new Refusal("it asks for a signature by a key that is not set for it");
      const nameHost = (key: Bytes | undefined): Promise<string> => nameOf(host.env("HOME") ?? "/", key);
      const purpose = await purposeOf(data, { key: blob, bound, nameHost });
      const details = [["For", purpose], ["Key", key]] as const;
      const question = { channel: "sign", what: "sign with an SSH key of yours", details, isForOnce: true };
      if (!await io.agreedTo(question, "always")) throw new Refusal("you have refused it");
      const happening = { kind: "signature", what: `${purpose}, by ${key}` } as const;
      record(container, happening);
      // The two flags that choose RSA's hash.
      const answer = agent(messageOf(types.sign, blob, data, numberIn(flags) & 6));
      const signature = answer.then((answer) => messageOf(types.signature, fieldsOf(answer, "bs")[1]));
      signature.catch(() => container.history.note({ ...happening, failed: true }));
      return await signature;
    };
    return {
      async take({ id, message: encoded, bound }) {
        let reply = messageOf(types.failure);
        await io.handle(isBearable, async () => {
          const message = Uint8Array.fromBase64(encoded);
          if (message[0] === types.list) {
            const blobs = [...(await keys()).keys()].map((blob) => Uint8Array.fromBase64(blob));
            reply = messageOf(types.keys, blobs.length, ...blobs.flatMap((blob) => [blob, new Uint8Array()]));
          }
          if (message[0] === types.sign) reply = await sign(message, Uint8Array.fromBase64(bound));
          return true;
        });
        io.send({ id, reply: reply.toBase64() });
      },
    };
  },
};

/** The names of keys for the user, with comment and fingerprint, by the keys themselves in base64. */
type Keys = ReadonlyMap<string, string>;

/** The keys with these fingerprints in an answer of the host's agent. */
async function keysIn(answer: Bytes, wanted: readonly string[]): Promise<Keys> {
  const fields = fieldsOf(answer, `bn${"ss".repeat(numberIn(answer, 1))}`);
  const keys = new Map<string, string>();
  for (let at = 2; at < fields.length; at += 2) {
    const fingerprint = await fingerprintOf(fields[at]!);
    if (wanted.includes(fingerprint)) keys.set(fields[at]!.toBase64(), `${textOf(fields[at + 1]!)} (${fingerprint})`);
  }
  return keys;
}

/** What the user calls the host with this key. In known_hosts, its name may be hashed. */
async function nameOf(home: string, key: Bytes | undefined): Promise<string> {
  if (!key) return "an unknown host";
  const text = await ifThere(Deno.readTextFile(join(home, ".ssh/known_hosts"))) ?? "";
  const lines = text.split("\n").filter((line) => /^[^@|]/.test(line)).map((line) => line.split(/\s+/));
  const [name = "a host without a name in your known_hosts"] = lines.find((line) => line[2] === key.toBase64()) ?? [];
  return `${name}, ${await fingerprintOf(key)}`;
}

async function fingerprintOf(key: Bytes): Promise<string> {
  return `SHA256:${new Uint8Array(await crypto.subtle.digest("SHA-256", key)).toBase64({ omitPadding: true })}`;
}

/** Sends the host's agent a message. Returns its answer, or throws a Refusal unless the answer's type is the next number. */
async function askAgent(socket: Promise<string>, message: Bytes, ending: AbortSignal): Promise<Bytes> {
  using agent = await socket.then((path) => Deno.connect({ transport: "unix", path })).catch(() => {
    throw new Refusal("no SSH agent listens on this host: see $SSH_AUTH_SOCK");
  });
  await writeAll(agent, messageOf(0, message).slice(1));
  const isOver = AbortSignal.any([ending, AbortSignal.timeout(answerMs)]);
  const answer = await abortable(answerOf(agent), isOver).catch(() => {
    throw new Refusal("the SSH agent of this host does not answer");
  });
  if (answer[0] !== message[0]! + 1) throw new Refusal("the SSH agent of this host refuses it");
  return answer;
}

/** Reads an answer of the host's agent. */
async function answerOf(agent: Deno.UnixConn): Promise<Bytes> {
  const bytes = new Uint8Array(maxAnswerBytes);
  const end = (): number => Math.min(4 + numberIn(bytes), maxAnswerBytes);
  for (let at = 0; at < end();) at += await agent.read(bytes.subarray(at)) ?? Infinity;
  return bytes.slice(4, end());
}
