// What a container asks to sign is named as what it is, or refused.

import { assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes";
import { type Bytes, fieldsOf, messageOf, purposeOf } from "../../../../lib/channels/sign/wire.ts";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { bindMessage, bytesOf, documentData, fields, loginData, makePair } from "../../ssh_agent.ts";

const [mine, host, other] = await Promise.all([makePair(), makePair(), makePair()]);
const none = new Uint8Array();

/** The purpose of data, with words for each host. */
function purpose(data: Bytes, bound: Bytes = none): Promise<string> {
  const names = new Map([[host.blob.toHex(), "HOST"], [other.blob.toHex(), "OTHER"]]);
  const nameHost = (key: Bytes | undefined): Promise<string> => Promise.resolve(key ? names.get(key.toHex())! : "?");
  return purposeOf(data, { key: mine.blob, bound, nameHost });
}

Deno.test("a document has its namespace and its hash, a login its user", async () => {
  assertEquals(await purpose(documentData()), "a document for git, sha512 0102ff");
  assertEquals(await purpose(documentData("file", "sha256")), "a document for file, sha256 0102ff");
  assertEquals(await purpose(loginData(mine.blob)), "a login as git on ?");
});

Deno.test("the host of a login is that whose key is signed, too, or that has signed the session's id", async () => {
  assertEquals(await purpose(loginData(mine.blob, { hostKey: host.blob })), "a login as git on HOST");
  assertEquals(await purpose(loginData(mine.blob), await bindMessage(host)), "a login as git on HOST");
  // What is said beside it counts for nothing then.
  const both = await purpose(loginData(mine.blob, { hostKey: host.blob }), await bindMessage(other));
  assertEquals(both, "a login as git on HOST");
});

Deno.test("hostile: a host counts neither by its key alone, nor by its signature of another session", async () => {
  const login = loginData(mine.blob);
  const session = bytesOf("session");
  const unsigned = concat([
    fields(27, "session-bind@openssh.com", host.blob, session, await other.sign(session)),
    Uint8Array.of(0),
  ]);
  const otherType = fields(27, "session-bind@openssh.com", fields("ssh-rsa", "e"), session, fields("ssh-rsa", "s"), 0);
  for (
    const bound of [
      unsigned,
      await bindMessage(host, bytesOf("another")),
      await bindMessage(host, session, bytesOf("another")),
      otherType,
    ]
  ) assertEquals(await purpose(login, bound), "a login as git on ?");
  await assertRejects(() => purpose(login, bytesOf("\x1bnothing")), Refusal);
});

Deno.test("hostile: what is neither a login nor a document is refused, and so is one that is not whole, or has more", async () => {
  const login = loginData(mine.blob);
  for (
    const data of [
      none,
      bytesOf("some text"),
      bytesOf("SSHSIG"),
      documentData("a b"),
      documentData("git\u202e"),
      documentData("\ufeffgit"),
      documentData("x".repeat(65)),
      documentData("git", "md5"),
      concat([documentData(), Uint8Array.of(0)]),
      login.subarray(0, -1).slice(),
      concat([login, Uint8Array.of(0)]),
      loginData(other.blob),
      loginData(mine.blob, { user: "git on HOST" }),
      loginData(mine.blob, { user: "\ufeffroot" }),
      loginData(mine.blob, { user: "" }),
      // A key of a host, and a method without.
      concat([login, fields(host.blob)]),
      fields(bytesOf("session"), 50, "git", "ssh-connection", "publickey-hostbound-v00@openssh.com", 1, "a", mine.blob),
      fields(bytesOf("session"), 50, "git", "ssh-userauth", "publickey", 1, "a", mine.blob),
      fields(bytesOf("session"), 50, "git", "ssh-connection", "hostbased", 1, "a", mine.blob),
      fields(bytesOf("session"), 50, "git", "ssh-connection", "publickey", 0, "a", mine.blob),
      fields(bytesOf("session"), 51, "git", "ssh-connection", "publickey", 1, "a", mine.blob),
      Uint8Array.of(255, 255, 255, 255, 1),
    ]
  ) await assertRejects(() => purpose(data), Refusal, "it ");
});

Deno.test("a message has the fields that it was made of", () => {
  const message = messageOf(13, bytesOf("a"), 0x01020304, none);
  assertEquals(message.toHex(), "0d00000001610102030400000000");
  assertEquals(fieldsOf(message, "bsns").map((field) => field.toHex()), ["0d", "61", "01020304", ""]);
  assertEquals(fieldsOf(message, "bsns?").length, 4);
});
