// Who has closed a session's windows: the user, or something else.

import { assertEquals } from "@std/assert";
import { Closing } from "../../../lib/guard/closing.ts";

Deno.test("a session's last window is closed by the user, or not", () => {
  let ms = 0;
  const closing = new Closing(() => ms);
  assertEquals(closing.end(), "none");
  closing.open(1);
  assertEquals(closing.end(), "other", "the app ends by itself");
  assertEquals(closing.ask(1), false);
  assertEquals(closing.ask(1), true, "just before");
  ms += 3_000;
  assertEquals(closing.ask(1), false);
  assertEquals(closing.end(), "closed", "the app ends before it takes its window away");
  closing.open(2);
  assertEquals(closing.end(), "other", "one of two");
  closing.remove(1);
  closing.remove(2);
  assertEquals(closing.end(), "other", "the last one is not the one that was to be closed");
  closing.open(1);
  closing.ask(1);
  closing.remove(1);
  assertEquals(closing.end(), "closed");
  closing.open(1);
  closing.remove(1);
  assertEquals(closing.end(), "other", "another window of that number");
  closing.ask(7);
  closing.remove(7);
  assertEquals(closing.end(), "other", "no window of this session");

  closing.open(3);
  closing.recordClick();
  ms += 900;
  closing.remove(3);
  assertEquals(closing.end(), "other", "the app crashes after a click");
  closing.open(3);
  closing.remove(3, { byApp: true });
  assertEquals(closing.end(), "closed", "by a button that the app has drawn");
  closing.open(3);
  ms += 900;
  closing.remove(3, { byApp: true });
  assertEquals(closing.end(), "other", "long after the click");
});
