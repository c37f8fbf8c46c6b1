// Which signatures of the host's agent a container gets: by the keys that are set for it, after a yes, and nothing else.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { join } from "@std/path";
import { askInDialog } from "../../../../lib/attach/agent/ask.ts";
import { onceEach } from "../../../../lib/base/ui.ts";
import { writeAll } from "../../../../lib/base/files.ts";
import { ioOf, type RunIo } from "../../../../lib/channels/io.ts";
import { requestIn } from "../../../../lib/channels/requests.ts";
import { channel } from "../../../../lib/channels/sign/host.ts";
import { fieldsOf, messageOf, numberIn } from "../../../../lib/channels/sign/wire.ts";
import { type Happening, openHistory } from "../../../../lib/container/history.ts";
import { createConsent } from "../../../../lib/guard/consent.ts";
import { localBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";
import { bytesOf, documentData, fields, loginData, makePair } from "../../ssh_agent.ts";

const [own, other, server] = await Promise.all([makePair(), makePair(), makePair()]);

async function fingerprint(blob: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${digest.toBase64({ omitPadding: true })}`;
}

const named = await fingerprint(own.blob);
const keys = messageOf(12, 2, other.blob, bytesOf("secret name"), own.blob, bytesOf("me@home"));
const failure = "05";

const list = Uint8Array.of(11);
const sign = (data = documentData(), { blob = own.blob, flags = 0 } = {}): Uint8Array<ArrayBuffer> =>
  messageOf(13, blob, data, flags);

/** A host with an agent, and a container with the channel. */
async function withSigning(
  test: (world: {
    /** Sends a message as an app. Returns the answer in hex. */
    ask(message: Uint8Array, bound?: Uint8Array): Promise<string>;
    /** The same, as the agent's line. */
    say(line: Record<string, unknown>): Promise<string | undefined>;
    /** What the host's agent was asked, without requests for its list. */
    heard: Uint8Array<ArrayBuffer>[];
    /** How many requests for its list there were. */
    lists(): number;
    asked: string[];
    said: string[];
    written: Happening[];
    close(): void;
    directory: string;
  }) => Promise<void>,
  { setting = named, answer = () => "Allow once", agent = () => messageOf(14, bytesOf("signature")), isFull = false }: {
    setting?: string | null;
    answer?: () => string | Promise<string>;
    /** What the host's agent answers to a request for a signature; undefined: nothing, ever. */
    agent?: () => Uint8Array | undefined;
    isFull?: boolean;
  } = {},
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const heard: Uint8Array<ArrayBuffer>[] = [];
  let lists = 0;
  const path = join(directory, "host-agent");
  using listener = Deno.listen({ transport: "unix", path });
  (async () => {
    for await (const connection of listener) {
      const piece = new Uint8Array(65536);
      const message = piece.slice(4, await connection.read(piece) ?? 0);
      if (message[0] === 11) lists++;
      else heard.push(message);
      const reply = message[0] === 11 ? keys : agent();
      if (!reply) continue;
      await writeAll(connection, messageOf(0, reply).slice(1)).catch(() => {});
      connection.close();
    }
  })();
  const recording = recordingHost({ env: { SSH_AUTH_SOCK: path, HOME: directory } });
  const asked: string[] = [];
  let time = 0;
  const host = {
    ...recording.host,
    run: async (argv: readonly string[]) => {
      const result = { argv, code: 1, signal: null, stdout: "", stderr: "" };
      if (argv[0] === "ln") await Deno.symlink(argv.at(-2)!, argv.at(-1)!);
      if (argv[0] !== "zenity") return { ...result, code: 0 };
      asked.push(argv.find((word) => word.startsWith("--text="))!.replaceAll(/\n\u200e {4}/g, "").split("\n\n")[1]!);
      const stdout = await answer();
      time += 3_050;
      return { ...result, stdout, code: stdout === "Refuse for this session" ? 0 : 1 };
    },
  };
  const written: Happening[] = [];
  const history = {
    ...openHistory(host, undefined),
    add: (line: Happening) => !isFull && written.push(line) > 0,
    note: (line: Happening) => line.kind !== "question" && void written.push(line),
  };
  const box = localBox(host, { history, directory });
  const over = new AbortController();
  const closer = new AbortController();
  const replies = new Map<unknown, string>();
  const now = (): number => time;
  const run: RunIo = {
    session: "s",
    consent: createConsent({
      ask: (question, signal) => askInDialog(box, question, { signal, clock: now }),
      now,
      startHour() {},
    }),
    signal: over.signal,
    now,
    runsOn: () => Promise.resolve(false),
    sendSamples() {},
    openArgv: () => Promise.resolve([]),
    send: ({ id, reply }) => void replies.set(id, Uint8Array.fromBase64(reply as string).toHex()),
    tell: onceEach(host.ui.warn),
    tellError(error) {
      throw error;
    },
    shared: (make) => make(box, run),
  };
  const served = channel.serve!(
    box,
    ioOf(run, { name: "sign", closing: closer.signal, asks: false, destinations: [], setting: setting ?? undefined }),
  );
  let last = 0;
  const say = async (line: Record<string, unknown>): Promise<string | undefined> => {
    const id = ++last;
    const request = requestIn([channel], { id, ...line });
    if (request) await served.take!(request.ask as never);
    return replies.get(id);
  };
  try {
    await test({
      lists: () => lists,
      heard,
      asked,
      said: recording.said,
      written,
      directory,
      say,
      ask: async (message, bound = new Uint8Array()) =>
        (await say({ ask: "agent", message: message.toBase64(), bound: bound.toBase64() }))!,
      close: () => closer.abort(),
    });
  } finally {
    over.abort();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an app sees the keys that are set, without their comments", () =>
  withSigning(async ({ ask, asked, heard }) => {
    assertEquals(await ask(list), messageOf(12, 1, own.blob, new Uint8Array()).toHex());
    assertEquals([asked, heard], [[], []]);
  }));

Deno.test("where no key is set, the user is told at once, and apps see none", () =>
  withSigning(async ({ ask, said }) => {
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(said.length, 1);
    assertMatch(said[0]!, /^warn: "box" can sign with no key\. .*ssh-add -l/);
    assertEquals(await ask(list), messageOf(12, 0).toHex());
    assertEquals(await ask(sign()), failure);
  }, { setting: null }));

Deno.test("a signature comes after a yes to a question that says what it is, and is written down", () =>
  withSigning(async ({ ask, asked, heard, written }) => {
    assertEquals(await ask(sign()), messageOf(14, bytesOf("signature")).toHex());
    assertEquals(asked, [`For: a document for git, sha512 0102ff\nKey: me@home (${named})`]);
    assertEquals(heard.map((message) => message.toHex()), [sign().toHex()]);
    const what = `a document for git, sha512 0102ff, by me@home (${named})`;
    assertEquals(written, [{ kind: "signature", what }]);
    // A yes counts once.
    await ask(sign());
    assertEquals(asked.length, 2);
  }));

Deno.test("a host is called as in known_hosts, where its name is there, and by its key", () =>
  withSigning(async ({ ask, asked, directory }) => {
    await Deno.mkdir(join(directory, ".ssh"));
    const key = server.blob.toBase64();
    const login = sign(loginData(own.blob, { hostKey: server.blob }));
    const lines = [
      `|1|c2FsdA==|aGFzaA== ssh-ed25519 ${key}`,
      `@revoked old.org ssh-ed25519 ${key}`,
      `other.org ssh-ed25519 ${other.blob.toBase64()}`,
    ];
    await Deno.writeTextFile(join(directory, ".ssh/known_hosts"), lines.join("\n"));
    await ask(login);
    await Deno.writeTextFile(
      join(directory, ".ssh/known_hosts"),
      [...lines, `git.org,10.0.0.1 ssh-ed25519 ${key}`].join("\n"),
    );
    await ask(login);
    await ask(sign(loginData(own.blob)));
    const its = await fingerprint(server.blob);
    assertEquals(asked.map((text) => text.split("\n")[0]), [
      `For: a login as git on a host without a name in your known_hosts, ${its}`,
      `For: a login as git on git.org,10.0.0.1, ${its}`,
      "For: a login as git on an unknown host",
    ]);
  }));

Deno.test("hostile: nothing but a list and a signature reaches the host's agent", () =>
  withSigning(async ({ ask, asked, heard, said }) => {
    const extension = fields(27, "query");
    for (const type of [0, 1, 9, 17, 18, 19, 20, 21, 22, 23, 25, 26, 255]) {
      assertEquals(await ask(messageOf(type, own.blob, bytesOf("x"))), failure);
    }
    for (const message of [new Uint8Array(), extension, messageOf(13), concat([sign(), list])]) {
      assertEquals(await ask(message), failure);
    }
    assertEquals([asked, heard, said.length], [[], [], 1]);
  }));

Deno.test("hostile: a key that is not set signs nothing, nor does one of which something else is said", () =>
  withSigning(async ({ ask, asked, heard, written }) => {
    assertEquals(await ask(sign(documentData(), { blob: other.blob })), failure);
    assertEquals(await ask(sign(bytesOf("any bytes"))), failure);
    assertEquals(await ask(sign(loginData(other.blob))), failure);
    assertEquals([asked, heard, written], [[], [], []]);
  }));

Deno.test("hostile: flags that only the host's agent may know do not reach it", () =>
  withSigning(async ({ ask, heard }) => {
    await ask(sign(documentData(), { flags: 0xffffffff }));
    assertEquals(numberIn(fieldsOf(heard[0]!, "bssn")[3]), 6);
  }));

Deno.test("hostile: once the user refuses the rest of the session, nothing more is asked or signed", () =>
  withSigning(async ({ ask, asked, heard, written }) => {
    assertEquals(await Promise.all(Array.from({ length: 4 }, () => ask(sign()))), Array(4).fill(failure));
    assertEquals(await ask(sign()), failure);
    assertEquals([asked.length, heard, written], [1, [], []]);
  }, { answer: () => "Refuse for this session" }));

Deno.test("hostile: no yes is for more than one signature", () =>
  withSigning(async ({ ask, asked, heard }) => {
    assertEquals([await ask(sign()), asked.length, heard], [failure, 1, []]);
  }, { answer: () => "Allow for this session" }));

Deno.test("hostile: requests for the list do not come to the host's agent without end", () =>
  withSigning(async ({ ask, lists }) => {
    await Promise.all(Array.from({ length: 200 }, () => ask(list)));
    assertEquals(lists(), 30);
  }));

Deno.test("hostile: of a storm, few are asked for, one after the other, though the user agrees to all", async () => {
  let open = 0;
  await withSigning(async ({ ask, asked, said }) => {
    await Promise.all(Array.from({ length: 200 }, () => ask(sign())));
    assertEquals(asked.length <= 15, true, `${asked.length} questions`);
    assertStringIncludes(said.join("\n"), "it asks too often");
  }, {
    async answer() {
      assertEquals(++open, 1);
      await new Promise((resolve) => setTimeout(resolve));
      open--;
      return "Allow once";
    },
  });
});

Deno.test("hostile: lines that are no messages are dropped, or fail", () =>
  withSigning(async ({ say, asked, heard }) => {
    for (const line of [{}, { message: 11 }, { message: {}, bound: [] }, { message: null }]) {
      assertEquals(await say({ ask: "agent", ...line }), failure);
    }
    assertEquals(await say({ ask: "agent", id: -1, message: sign().toBase64(), bound: "" }), undefined);
    for (const message of ["?", "C", "\u202e", sign().toBase64().slice(0, -4)]) {
      assertEquals(await say({ ask: "agent", message, bound: "" }), failure);
    }
    assertEquals(await say({ ask: "agent", message: sign().toBase64(), bound: "?" }), failure);
    assertEquals([asked, heard], [[], []]);
  }));

Deno.test("nothing is signed that the channel's end, or a full history, forbids", async () => {
  await withSigning(async ({ ask, close, asked }) => {
    close();
    assertEquals([await ask(list), await ask(sign()), asked], [failure, failure, []]);
  });
  await withSigning(async ({ ask, heard }) => {
    assertEquals([await ask(sign()), heard], [failure, []]);
  }, { isFull: true });
});

Deno.test("an agent of the host that refuses, answers too much or nothing is no signature, and the end of the channel ends the waiting", async () => {
  const others = messageOf(15, bytesOf("signature"));
  for (
    const agent of [
      () => Uint8Array.of(5),
      () => others,
      () => messageOf(14, new Uint8Array(300_000)),
      () => hexed("0e00"),
    ]
  ) {
    await withSigning(async ({ ask, written }) => {
      assertEquals(await ask(sign()), failure);
      assertEquals(written.map((line) => "failed" in line), [false, true]);
    }, { agent });
  }
  await withSigning(async ({ ask, heard, close }) => {
    const answer = ask(sign());
    while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    close();
    assertEquals(await answer, failure);
  }, { agent: () => undefined });
});

const hexed = (text: string): Uint8Array => Uint8Array.fromHex(text);
