// The pipes of a connection, by the frames that waypipe sends for them: 0.8.4 and 0.9.2 (`collect_update` in
// `src/shadow.c`) and 0.11.1 (`collect_updates` in `src/mainloop.rs`).

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { dataPasses, frame, ids, message, type Trial, trial, use, withWindow } from "../../wayland_samples.ts";

const offer = 0xff00_0000;
const source = ids.next;
const plain = "text/plain";
/** More than may be open at a time. */
const many = 300;

/** The opener gets the bytes; it sends them; both ways, which the versions in Rust do not have. */
const [openRead, openWrite, openBoth] = [7, 8, 9];
/** An end does not read, or write, any more. */
const [closeRead, closeWrite] = [11, 12];

const empty = frame(0);

/** An app that may paste and copy, and what the guard passes of a frame, by whose it is. */
function withClipboard(): Trial & Record<"fromApp" | "fromHost", (frame: Uint8Array) => Uint8Array> {
  const made = withWindow();
  use(made);
  made.host(message(ids.device, "wl_data_device.data_offer", offer), message(offer, "wl_data_offer.offer", plain));
  made.host(message(ids.device, "wl_data_device.selection", offer));
  made.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", source));
  made.app(message(source, "wl_data_source.offer", plain));
  const { connection } = made;
  return {
    ...made,
    fromApp: (frame) => new Uint8Array(connection.fromContainer(frame).flatMap((part) => [...part])),
    fromHost: (frame) => new Uint8Array(connection.fromHost(frame).flatMap((part) => [...part])),
  };
}

/** The app pastes: its end opens a pipe of its own. */
function paste(made: ReturnType<typeof withClipboard>, pipe: number, type = openRead): void {
  const { app, fromApp } = made;
  // It may do so only so often.
  made.wait(1_000);
  use(made);
  fromApp(frame(type, pipe));
  fromApp(frame(1, pipe));
  app(message(offer, "wl_data_offer.receive", plain));
}

/** Something on the host pastes: the host's end opens one. */
function pasteOnHost({ host, fromHost }: ReturnType<typeof withClipboard>, pipe: number): void {
  fromHost(frame(openRead, pipe));
  fromHost(frame(1, pipe));
  host(message(source, "wl_data_source.send", plain));
}

Deno.test("over one connection on Wayland, an app pastes and copies as often as it likes", () => {
  const made = withClipboard();
  const { connection, fromApp, fromHost } = made;
  for (let pipe = 2; pipe < many; pipe++) {
    paste(made, pipe);
    assert(dataPasses(connection.fromHost, pipe), `${pipe}`);
    // The end that has got this says nothing in return.
    assertEquals(fromHost(frame(closeWrite, pipe)), frame(closeWrite, pipe));
    pasteOnHost(made, -pipe);
    assert(dataPasses(connection.fromContainer, -pipe));
    assertEquals(fromApp(frame(closeWrite, -pipe)), frame(closeWrite, -pipe));
  }
});

Deno.test("an end of waypipe's that has closed a pipe on Wayland hears of it no more, whatever crosses", () => {
  const made = withClipboard();
  const { connection, fromApp, fromHost } = made;
  for (let pipe = 2; pipe < many; pipe += 2) {
    // The app reads no further, while the host's end goes on and ends.
    paste(made, pipe);
    assert(dataPasses(connection.fromHost, pipe));
    assertEquals(fromApp(frame(closeRead, pipe)), frame(closeRead, pipe));
    assert(!dataPasses(connection.fromHost, pipe));
    assertEquals(fromHost(frame(closeWrite, pipe)), empty);
    // The host's end has ended, and the app reads no further: 0.11 tells, if it could not write all.
    paste(made, pipe + 1);
    assertEquals(fromHost(frame(closeWrite, pipe + 1)), frame(closeWrite, pipe + 1));
    assertEquals(fromApp(frame(closeRead, pipe + 1)), empty);
    pasteOnHost(made, -pipe);
    assert(dataPasses(connection.fromContainer, -pipe));
    assertEquals(fromHost(frame(closeRead, -pipe)), frame(closeRead, -pipe));
    assert(!dataPasses(connection.fromContainer, -pipe));
    assertEquals(fromApp(frame(closeWrite, -pipe)), empty);
    pasteOnHost(made, -pipe - 1);
    assertEquals(fromApp(frame(closeWrite, -pipe - 1)), frame(closeWrite, -pipe - 1));
    assertEquals(fromHost(frame(closeRead, -pipe - 1)), empty);
  }
});

Deno.test("a pipe on Wayland that goes both ways ends with the second of them", () => {
  const made = withClipboard();
  const { connection, fromApp, fromHost } = made;
  for (let pipe = 2; pipe < many; pipe += 2) {
    paste(made, pipe, openBoth);
    assertEquals(fromHost(frame(closeWrite, pipe)), frame(closeWrite, pipe));
    assert(dataPasses(connection.fromContainer, pipe));
    assertEquals(fromApp(frame(closeWrite, pipe)), frame(closeWrite, pipe));
    assert(!dataPasses(connection.fromContainer, pipe));
    // The app's end closes both at once, while the host's closes one.
    paste(made, pipe + 1, openBoth);
    assertEquals(fromApp(frame(closeWrite, pipe + 1)), frame(closeWrite, pipe + 1));
    assertEquals(fromApp(frame(closeRead, pipe + 1)), frame(closeRead, pipe + 1));
    assertEquals(fromHost(frame(closeWrite, pipe + 1)), empty);
  }
});

Deno.test("a pipe on Wayland may be closed before the message that it is for", () => {
  const made = withClipboard();
  const { app, fromApp, fromHost } = made;
  for (let pipe = 2; pipe < many; pipe++) {
    fromApp(frame(openRead, pipe));
    assertEquals(fromApp(frame(closeRead, pipe)), frame(closeRead, pipe));
    assertEquals(fromApp(frame(1, pipe)), frame(1, pipe));
    assert(app(message(offer, "wl_data_offer.receive", plain)).length > 0);
    assertEquals(fromHost(frame(closeWrite, pipe)), empty);
  }
});

Deno.test("a container on Wayland has no more pipes by closing what is none of a pipe's ends", () => {
  for (const [open, close] of [[openRead, closeWrite], [openWrite, closeRead], [openBoth, closeRead]] as const) {
    const made = withClipboard();
    const opened: number[] = [];
    assertThrows(
      () => {
        for (let pipe = 2; pipe < many; pipe++) {
          paste(made, pipe, open);
          opened.push(pipe);
          made.fromApp(frame(close, pipe));
          made.fromApp(frame(close, pipe));
        }
      },
      Violation,
      "too many pipes",
    );
    assertEquals(opened.length, 128);
  }
});

Deno.test("the guard of Wayland takes no longer for a file that grows where there are a thousand others", () => {
  const growers = [10, 1_000].map((files) => {
    const { connection } = trial();
    for (let number = 1; number <= files; number++) connection.fromContainer(frame(2, number, 64));
    let size = 64;
    return (): number => {
      const start = performance.now();
      for (let count = 0; count < 3_000; count++) connection.fromContainer(frame(3, 1, ++size));
      return performance.now() - start;
    };
  });
  // In turns, so that other work on the machine slows both. A look at each file would take a hundred times as long.
  const rounds = Array.from({ length: 5 }, () => growers.map((grow) => grow()));
  const times = [0, 1].map((which) => Math.min(...rounds.map((round) => round[which]!)));
  assert(times[1]! < 20 * times[0]!, `${times}`);
});

Deno.test("a file on Wayland ends with the last object that uses it, so that an app may have many, one after the other", () => {
  const made = withWindow();
  const { app, connection } = made;
  for (let number = 2; number < 1_100; number++) {
    connection.fromContainer(frame(2, number, 4_096));
    connection.fromContainer(frame(1, number));
    app(message(ids.shm, "wl_shm.create_pool", source, 4_096), message(source, "wl_shm_pool.destroy"));
    made.host(message(1, "wl_display.delete_id", source));
  }
});
