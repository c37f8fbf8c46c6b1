// The key by which apt knows xpra's packages in a container: of all that came, the one whose fingerprint is known.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { attachSoftware } from "../../../lib/create/bundled.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { testWith } from "../samples.ts";

const fingerprint = "9EBDAEE9BEA949884F7D5B34F0510116D9DB090D";
/** A key with that fingerprint (RFC 9580, Ed25519). */
const known =
  "mQAzBF9eEAAWCSsGAQQB2kcPAQEHQIc+mZUpXW5/Yd5xjOMoWVTBH3c5tvRGjkAirmVoTzv9tQAQeHByYUBleGFtcGxlLm9yZ4kAeAQTFggAIAUCX14QAAIbAxYhBJ69rum+qUmIT31bNPBRARbZ2wkNAAoJEPBRARbZ2wkNlkMBAJWzEgvAK1MG3MIWtUxH8gdIX5NDtB+a9g0a0pzZIo4xAQCHPc0G9U0ApGKVz1jowdiezi+Y/N8JWupvmTBZ6N9gAg==";
/** Somebody else's key, which has that one as a subkey: for that, its secret part is not needed. */
const others =
  "mQAzBF9eEAAWCSsGAQQB2kcPAQEHQI9Nctw9wA1erXgvT1t3gdspKyrsGzKd3qTwa6BRp8WFtQARb3RoZXJAZXhhbXBsZS5vcmeJAHgEExYIACAFAl9eEAACGwMWIQRljx36xCssxrzR2lO9b4Tv9L1vtwAKCRC9b4Tv9L1vt33kAP9Sy4KBd+67C6Kh2zwWRRkdcbvZNDsTGnOgg+54QllsogEA86hN9M6SKHAcbZaWOXwMuNM5q9bXVwsxdRPGTsj8Rwu5ADMEX14QABYJKwYBBAHaRw8BAQdAhz6ZlSldbn9h3nGM4yhZVMEfdzm29EaOQCKuZWhPO/2JAHgEGBYIACAFAl9eEAACGwwWIQRljx36xCssxrzR2lO9b4Tv9L1vtwAKCRC9b4Tv9L1vt1zAAQDemKb/gcDIzFFdKPterciJHafqCL/PwCNkvuyEyqlRmAEA5TrNVNWe4ZNhpqC8Q72xNsSc6nMfe9yIoswxHqqYQwI=";

/** What the script makes of a file of keys: whether it takes one. */
async function taken(...keys: readonly string[]): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  try {
    const all = new Blob(keys.map((key) => Uint8Array.fromBase64(key)));
    await Deno.writeFile(join(directory, "xpra.asc"), await all.bytes());
    const [take] = /^take_key\(\) \{.*?^\}/ms.exec(attachSoftware.text)!;
    const script = `fingerprint=${fingerprint}; ${take}; take_key "$0" "$0/xpra.gpg"`;
    const { code } = await runProcess(["/bin/sh", "-uc", script, directory], { okCodes: [0, 1] });
    return code === 0;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

testWith(
  ["gpg"],
  "of the keys that came, apt gets the known one, and none below which somebody has put it",
  async () => {
    assertEquals(await taken(known), true);
    for (const keys of [[others], [others, known], [known, others], []]) assertEquals(await taken(...keys), false);
  },
);
