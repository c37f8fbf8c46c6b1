// How the last window of a session has been closed.

import { assertEquals } from "@std/assert";
import { ids, message, type Trial, withGlobals, withWindow } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland knows whether the user has closed the last window", () => {
  const end = (act: (made: Trial) => void): string => {
    const made = withWindow();
    act(made);
    return made.session.closing.end();
  };
  const click = ({ host }: Trial) => host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 0));
  const close = ({ host }: Trial) => host(message(ids.toplevel, "xdg_toplevel.close"));
  const destroy = ({ app }: Trial) => app(message(ids.toplevel, "xdg_toplevel.destroy"));
  assertEquals(withGlobals().session.closing.end(), "none");
  assertEquals(end(() => {}), "other");
  assertEquals(end(destroy), "other");
  assertEquals(end(({ connection }) => connection.end()), "other");
  assertEquals(end((made) => [close(made), destroy(made)]), "closed");
  assertEquals(end((made) => [close(made), made.connection.end()]), "closed");
  assertEquals(end((made) => [click(made), destroy(made)]), "closed");
  assertEquals(end((made) => [click(made), made.connection.end()]), "other");
  assertEquals(end((made) => [close(made), destroy(made), made.connection.end()]), "closed");
});
