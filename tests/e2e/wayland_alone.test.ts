// A Wayland desktop without xpra on either end: what works there, and what says that it does not.

import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import type { Finding } from "../../lib/cli/finding.ts";
import { assertRefused } from "../unit/refusals.ts";
import { inContainer, script, startScript } from "./run.ts";
import { nothingLeft, testOnIncus } from "./sessions.ts";
import { startSway, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { makeContainer, removeContainer, testPart } from "./world.ts";

/** Takes away what the lab's image has of xpra, and of what create.ts is to bring. */
const strip = `#cloud-config
bootcmd:
  - rm -f /usr/local/bin/xpra*
  - dpkg --purge waypipe xvfb xdg-desktop-portal
`;

const name = "e2e-without-xpra";

testOnIncus(
  "--without-xpra makes a container that a Wayland desktop without xpra shows; the rest says what is missing",
  [...waylandParts, "display"],
  async (engine, context) => {
    await using desktop = await startSway();
    const programs = [dirname(Deno.execPath()), "/usr/bin", "/bin"].join(":");
    const env = { ...desktop.env, DISPLAY: "", PATH: programs };
    const attached = (...args: string[]): ReturnType<typeof script> =>
      script("attach", engine, args, { env, timeoutMs: 60_000 });
    try {
      await testPart(context, "it gets all but xpra and its X server", async () => {
        await makeContainer(engine, name, strip, ["--image=gui-lab", "--without-xpra"]);
        const look = "for p in xpra Xvfb waypipe /usr/libexec/xdg-desktop-portal; do command -v $p || echo no $p; done";
        const there = (await inContainer(engine, name, look)).split("\n");
        assertEquals(there, ["no xpra", "no Xvfb", "/usr/bin/waypipe", "/usr/libexec/xdg-desktop-portal"]);
      });
      await testPart(context, "its windows are shown, left, and served again", async () => {
        const running = startScript("attach", engine, ["--session=w", name, "foot -T alone sleep 600"], { env });
        await windowCalled(`[${name}] alone`, env);
        running.kill("SIGINT");
        await running.ended;
        const back = await attached("--preset=isolated", name);
        assertEquals(back.code, 0, back.stderr);
        assertMatch(back.stderr, /"w".* clipboard,sound\b.*\nThere is nothing to resume: .*\n$/);
        assertEquals((await attached("--stop", name)).code, 0);
      });
      await testPart(context, "what needs xpra says which end lacks it, and why Wayland cannot show it", async () => {
        const noXpra = ["no xpra", `"${name}"`];
        for (
          const [args, code, names] of [
            [["--detached"], 127, [...noXpra, "Wayland"]],
            [["--detached", "--display=x11"], 127, noXpra],
            [["--display=x11"], 1, ["$DISPLAY"]],
            [["--no-box"], 1, ["$DISPLAY", "Wayland"]],
          ] as const
        ) assertRefused(await attached(...args, name, "foot"), { code, names });
        const onX = { env: { ...env, DISPLAY: Deno.env.get("DISPLAY")! } };
        assertRefused(await script("attach", engine, [name, "foot", "--title=x"], onX), {
          code: 127,
          names: ["no xpra", "this host", "Wayland", '"--title=x"'],
        });
        await nothingLeft(engine, name);
      });
      await testPart(context, "--doctor knows what is shown nevertheless", async () => {
        const { stdout } = await attached("--doctor", "--json");
        const all = (JSON.parse(stdout) as { findings: Finding[] }).findings;
        const wayland = all.filter(({ about }) => about === "wayland").map(({ what }) => what).join("\n");
        assertMatch(wayland, /^waypipe \S+ shows .* security context.*$/);
        assertMatch(all.at(-1)!.what, /\bWayland\b/);
        const isOther = (what: string): boolean => what.includes("container") && !what.includes(name);
        const findings = all.filter(({ what }) => /xpra|Xvfb/.test(what) && !isOther(what));
        assertEquals(
          findings.map(({ verdict, what }) => [verdict, what.includes(name), /no xpra .*: .*Wayland/.test(what)]),
          [["absent", false, true], ["absent", true, true]],
        );
      });
    } finally {
      await removeContainer(engine, name);
    }
  },
);
