// The record of a container on this host.

import { assertEquals, assertRejects } from "@std/assert";
import { addressOf } from "../../../lib/container/address.ts";
import { containerRecordPath } from "../../../lib/container/paths.ts";
import { readContainerRecord, writeContainerRecord } from "../../../lib/container/record.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";
import { alice, record } from "../resolved.ts";

Deno.test("readContainerRecord() takes a record of the right form only", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertEquals(await readContainerRecord({ directory }), undefined);
    for (const text of ["", "[]", "null", JSON.stringify({ ...record, user: 5 }), '{"engine":"lxc"}']) {
      await Deno.writeTextFile(containerRecordPath({ directory }), text);
      assertEquals(await readContainerRecord({ directory }), undefined, text);
    }
    await Deno.writeTextFile(containerRecordPath({ directory }), JSON.stringify({ ...record, more: 1 }));
    assertEquals(await readContainerRecord({ directory }), record);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("writeContainerRecord() writes a record whole or not at all", async () => {
  const root = await Deno.makeTempDir();
  const { rename } = Deno;
  try {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root } });
    const address = addressOf(host, { engine: engineCalled("incus"), name: "box" });
    const { mounts } = address;
    await Deno.mkdir(mounts.directory);
    const write = (location: string): Promise<void> => writeContainerRecord(host, address, { user: alice, location });
    await write("none");
    assertEquals(await readContainerRecord(mounts), record);
    Deno.rename = () => Promise.reject(new Error("killed"));
    await assertRejects(() => write("m1"), Error, "killed");
    assertEquals(await readContainerRecord(mounts), record);
    Deno.rename = rename;
    await write("m1");
    assertEquals([...Deno.readDirSync(mounts.directory)].map(({ name }) => name), ["container.json"]);
  } finally {
    Deno.rename = rename;
    await Deno.remove(root, { recursive: true });
  }
});
