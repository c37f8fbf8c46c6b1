// What the user carries by --copy and --paste where the clipboard is closed to a session on Wayland.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { Violation } from "../../../../lib/guard/faults.ts";
import type { CarryAnswer } from "../../../../lib/guard/wayland/carrying.ts";
import { frame, ids, message, messages, readData, type Trial, use, withWindow } from "../../wayland_samples.ts";

const plain = "text/plain;charset=utf-8";
const mark = "text/x-gui-container.7";
const offer = 0xff00_0000;
const source = ids.next;
const closed = { in: false, out: false };

/** The number of the guard's first own pipe. */
const pipe = -(2 ** 30);

/** The host announces these types as what is copied. Returns what passes. */
function announce({ host }: Trial, types: readonly string[], id = offer): Uint8Array {
  return host(
    message(ids.device, "wl_data_device.data_offer", id),
    ...types.map((type) => message(id, "wl_data_offer.offer", type)),
    message(ids.device, "wl_data_device.selection", id),
  );
}

function isRead(made: Trial, { number = 2, id = offer } = {}): boolean {
  return readData(made, { pipe: number, receive: message(id, "wl_data_offer.receive", plain) }).isRead;
}

/** The app copies text, in answer to a key. */
function copy({ app }: Trial, { id = source as number, serial = 6 } = {}): Uint8Array {
  app(message(ids.dataManager, "wl_data_device_manager.create_data_source", id));
  app(message(id, "wl_data_source.offer", "text/html"), message(id, "wl_data_source.offer", plain));
  return app(message(ids.device, "wl_data_device.set_selection", id, serial));
}

/** What the guard says by itself to the container. */
function said({ connection }: Trial): Uint8Array | undefined {
  const closing = connection.leave();
  return closing === "later" ? undefined : closing?.toContainer;
}

/** The container sends frames. Returns what passes, without the frames that are empty. */
function passing({ connection }: Trial, ...frames: Uint8Array[]): number[] {
  return frames.flatMap((each) => connection.fromContainer(each)).filter(({ length }) => length > 4).flatMap((
    piece,
  ) => [
    ...piece,
  ]);
}

/** Asks for what was copied. The app answers with these frames. */
async function copied(made: Trial, ...frames: Uint8Array[]): Promise<CarryAnswer> {
  const answer = made.session.carrying.carry({ copy: true });
  said(made);
  assertEquals(passing(made, ...frames), [], "nothing of it reaches the host");
  return await answer;
}

/** The frames that ask for a source's text. */
function asking(id: number): Uint8Array {
  const send = message(id, "wl_data_source.send", plain);
  return new Uint8Array([...messages(), ...frame(7, pipe), ...frame(1, pipe), ...messages(send)]);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("a text that the user carries into a closed Wayland session is read there for a minute, and no other", async () => {
  const made = withWindow(closed);
  use(made);
  const all = ["text/plain", plain, "image/png", mark];
  assertEquals(announce(made, all).length, 24, "the offer, and that it is selected: no type");
  assertThrows(() => isRead(withUsed(announceIn(all))), Violation, "was not offered");
  assertEquals(await made.session.carrying.carry({ paste: mark }), { pasted: true });
  assertEquals(
    announce(made, [plain, "text/x-gui-container.8"], offer + 1).length,
    24,
    "something else was copied since",
  );
  assertEquals(
    announce(made, all, offer + 2).slice(12),
    new Uint8Array([
      ...message(offer + 2, "wl_data_offer.offer", plain),
      ...message(ids.device, "wl_data_device.selection", offer + 2),
    ]),
  );
  assert(isRead(made, { id: offer + 2 }));
  assertThrows(
    () => made.app(message(offer + 2, "wl_data_offer.receive", "image/png")),
    Violation,
  );
});

/** A session in which these types were announced without a command. */
function announceIn(types: readonly string[]): Trial {
  const made = withWindow(closed);
  announce(made, types);
  return made;
}

function withUsed(made: Trial): Trial {
  use(made);
  return made;
}

Deno.test("a text that was carried into a Wayland session is gone from its clipboard after a minute", async () => {
  const made = withWindow(closed);
  use(made);
  await made.session.carrying.carry({ paste: mark });
  announce(made, [plain, mark]);
  assertEquals(said(made), undefined);
  made.wait(60_000);
  assertEquals(said(made), messages(message(ids.device, "wl_data_device.selection", 0)));
  assertEquals(said(made), undefined, "once");
  use(made);
  assertEquals(isRead(made), false, "an app that has kept the offer");
  assertEquals(announce(made, [plain, mark], offer + 1).length, 24);
});

Deno.test("a text is carried out of a closed Wayland session by a pipe of the guard's, and passes to nobody else", async () => {
  const made = withWindow(closed);
  use(made);
  copy(made);
  const answer = made.session.carrying.carry({ copy: true });
  // A descriptor of the host's is on its way.
  made.connection.fromHost(frame(7, -1));
  made.connection.fromHost(frame(1, -1));
  assertEquals(made.connection.leave(), undefined, "later");
  made.host(message(source, "wl_data_source.send", "text/html"));
  assertEquals(said(made), asking(source));
  assertEquals(passing(made, frame(10, pipe, bytes("añ")), frame(10, pipe, bytes("b")), frame(12, pipe)), []);
  assertEquals(await answer, { text: "añb" });
  assertEquals(passing(made, frame(10, pipe, bytes("late"))), []);
  assertThrows(
    () => made.connection.fromContainer(frame(10, pipe - 1, bytes("x"))),
    Violation,
    "no pipe of this number",
  );
});

/** What the app hears when a text that was carried into its session is announced. */
function carriedTo(made: Trial, id: number): Uint8Array {
  return announce(made, [plain, mark], id).slice(12);
}

Deno.test("what an app has copied in a closed Wayland session is over once a text is carried there", async () => {
  const made = withWindow(closed);
  use(made);
  copy(made);
  assertEquals(said(made), undefined, "the app pastes its own");
  announce(made, [plain]);
  assertEquals(await made.session.carrying.carry({ paste: mark }), { pasted: true });
  const announced = (id: number): Uint8Array[] => [
    message(id, "wl_data_offer.offer", plain),
    message(ids.device, "wl_data_device.selection", id),
  ];
  assertEquals(carriedTo(made, offer + 1), concat(announced(offer + 1)));
  assertEquals(await copied(made), { not: "none" }, "the text has taken its place");
  made.app(message(source, "wl_data_source.destroy"));
  // What it copies then is its own, although the compositor announces the text again with each focus.
  copy(made, { id: source + 1 });
  assertEquals(carriedTo(made, offer + 2), concat(announced(offer + 2)));
  const answer = made.session.carrying.carry({ copy: true });
  assertEquals(said(made), asking(source + 1));
  passing(made, frame(12, pipe));
  assertEquals(await answer, { text: "" });
});

Deno.test("no app on Wayland goes on to believe that what did not pass is copied or selected", () => {
  for (const clipboard of [closed, { in: true, out: true }]) {
    const made = withWindow(clipboard);
    copy(made);
    assertEquals(said(made), messages(message(source, "wl_data_source.cancelled")));
    assertEquals(said(made), undefined, "once");
    const selected = source + 1;
    made.app(
      message(ids.primaryManager, "zwp_primary_selection_device_manager_v1.create_source", selected),
      message(ids.primaryDevice, "zwp_primary_selection_device_v1.set_selection", selected, 6),
    );
    assertEquals(said(made), messages(message(selected, "zwp_primary_selection_source_v1.cancelled")));
    use(made);
    copy(made, { id: source + 2 });
    assertEquals(said(made), undefined);
  }
});

Deno.test("what an app copies while nobody works in its windows is not carried out, nor what it has taken back", async () => {
  const unused = withWindow(closed);
  copy(unused);
  assertEquals(await copied(unused), { not: "none" });
  const changed = withWindow(closed);
  use(changed);
  copy(changed);
  changed.host(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface));
  changed.wait(1_500);
  copy(changed, { id: source + 1 });
  const answer = changed.session.carrying.carry({ copy: true });
  const dropped = messages(message(source + 1, "wl_data_source.cancelled"));
  assertEquals(said(changed), concat([dropped, asking(source).subarray(messages().length)]));
  passing(changed, frame(12, pipe));
  assertEquals(await answer, { text: "" });
  for (
    const takeBack of [
      message(source, "wl_data_source.destroy"),
      message(ids.device, "wl_data_device.set_selection", 0, 6),
    ]
  ) {
    const made = withWindow(closed);
    use(made);
    copy(made);
    made.app(takeBack);
    assertEquals(await copied(made), { not: "none" });
  }
  const ended = withWindow(closed);
  use(ended);
  copy(ended);
  ended.connection.end();
  assertEquals(await copied(ended), { not: "none" });
});

Deno.test("an app whose text never ends, or never comes, keeps no command waiting", async () => {
  const endless = withWindow(closed);
  use(endless);
  copy(endless);
  const much = frame(10, pipe, new Uint8Array(2 ** 19).fill(65));
  const answer = await copied(endless, ...new Array(7).fill(much));
  assertEquals("text" in answer && answer.text.length, 3 * 2 ** 20 + 1, "a command refuses that");
  assertEquals(passing(endless, much), []);
  const silent = withWindow(closed);
  use(silent);
  copy(silent);
  const { setTimeout } = globalThis;
  let over = (): void => {};
  globalThis.setTimeout = ((action: () => void) => (over = action, 0)) as unknown as typeof setTimeout;
  try {
    const answer = silent.session.carrying.carry({ copy: true });
    over();
    assertEquals(await answer, { not: "none" });
    assertEquals(said(silent), undefined, "what it was not asked in time, it is not asked any more");
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("nothing is carried where the clipboard is open: it is the host's", async () => {
  const { carrying } = withWindow({ in: true, out: true }).session;
  assertEquals(await carrying.carry({ copy: true }), { not: "open" });
  assertEquals(await carrying.carry({ paste: mark }), { not: "open" });
});

Deno.test("a text that is carried out in pieces is whole, without the bytes that fill a frame up", async () => {
  const made = withWindow(closed);
  use(made);
  copy(made);
  const answer = made.session.carrying.carry({ copy: true });
  said(made);
  const [first, second] = [frame(10, pipe, bytes("abcde")), frame(10, pipe, bytes("fghij"))];
  // A frame's last word is filled up, and may come late.
  for (const piece of [first.subarray(0, 12), first.subarray(12, 14), first.subarray(14), second]) {
    made.connection.fromContainer(piece.slice());
    await new Promise((resolve) => setTimeout(resolve));
  }
  made.connection.fromContainer(frame(12, pipe));
  assertEquals(await answer, { text: "abcdefghij" });
});

Deno.test("the guard says nothing of its own to the host in the middle of what an app has sent", () => {
  const made = withWindow(closed);
  use(made);
  copy(made);
  made.session.carrying.carry({ copy: true });
  const commit = message(ids.surface, "wl_surface.commit");
  const steps = made.steps(messages(commit, commit));
  steps.next();
  assertEquals(said(made), undefined);
  while (!steps.next().done);
  assertEquals(said(made), asking(source));
});
