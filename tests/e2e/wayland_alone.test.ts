// A Wayland desktop without xpra on either end: what works there, and what says that it does not.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "@std/path";
import type { Finding } from "../../lib/cli/finding.ts";
import { inContainer, script, startScript } from "./run.ts";
import { nothingLeft, testOnIncus } from "./sessions.ts";
import { startSway, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { makeContainer, removeContainer } from "./world.ts";

/** Takes away what the lab's image has of xpra, and of what create.ts is to bring. */
const strip = `#cloud-config
bootcmd:
  - rm -f /usr/local/bin/xpra*
  - dpkg --purge waypipe xvfb xdg-desktop-portal
`;

testOnIncus(
  "--without-xpra makes a container that a Wayland desktop without xpra shows; the rest says what is missing",
  [...waylandParts, "display"],
  async (engine) => {
    const name = "e2e-without-xpra";
    await using desktop = await startSway();
    const programs = [dirname(Deno.execPath()), "/usr/bin", "/bin"].join(":");
    const env = { ...desktop.env, DISPLAY: "", PATH: programs };
    const attached = (...args: string[]): ReturnType<typeof script> =>
      script("attach", engine, args, { env, timeoutMs: 60_000 });
    try {
      await makeContainer(engine, name, strip, ["--image=gui-lab", "--without-xpra"]);
      const there = await inContainer(
        engine,
        name,
        "for p in xpra Xvfb waypipe /usr/libexec/xdg-desktop-portal; do command -v $p || echo no $p; done",
      );
      assertEquals(there.split("\n"), ["no xpra", "no Xvfb", "/usr/bin/waypipe", "/usr/libexec/xdg-desktop-portal"]);

      const running = startScript("attach", engine, ["--session=w", name, "foot -T alone sleep 600"], { env });
      await windowCalled(`[${name}] alone`, env);
      running.kill("SIGINT");
      await running.ended;
      const back = await attached("--preset=isolated", name);
      assertEquals(back.code, 0, back.stderr);
      assertMatch(
        back.stderr,
        /"w" was started with clipboard,sound, which stays open .*\nThere is nothing to serve again: .*\n$/,
      );
      assertEquals((await attached("--stop", name)).code, 0);

      const noXpra = `There is no xpra in the container "${name}"`;
      for (
        const [args, error] of [
          [["--detached"], `${noXpra}, and Wayland cannot show this: a Wayland window cannot be left and shown later`],
          [["--detached", "--display=x11"], noXpra],
          [["--display=x11"], "No display to show windows on: $DISPLAY is not set"],
          [["--no-box"], "No X display ($DISPLAY is not set), and Wayland cannot show this"],
        ] as const
      ) {
        const { code, stderr } = await attached(...args, name, "foot");
        assert(code !== 0 && stderr.includes(`error: ${error}`), stderr);
      }
      const xpraOnHost = await script("attach", engine, [name, "foot", "--title=x"], {
        env: { ...env, DISPLAY: Deno.env.get("DISPLAY")! },
      });
      assertEquals(xpraOnHost.code, 127, xpraOnHost.stderr);
      assertStringIncludes(
        xpraOnHost.stderr,
        'error: There is no xpra on this host, and Wayland cannot show this: "--title=x" is an option for xpra',
      );
      await nothingLeft(engine, name);

      const { stdout } = await attached("--doctor", "--json");
      const all = (JSON.parse(stdout) as { findings: Finding[] }).findings;
      const wayland = all.filter(({ about }) => about === "wayland").map(({ what }) => what);
      assert(
        /^waypipe \S+ shows .* a security context is a second line of defence$/.test(wayland.join("\n")),
        wayland.join("\n"),
      );
      assertEquals(all.at(-1)!.what, "Windows are shown over Wayland; those of apps that know only X in one window");
      const findings = all.filter(({ what }) =>
        /xpra|Xvfb/.test(what) && (!what.includes("container") || what.includes(name))
      );
      const less = "windows are shown on Wayland only, and cannot be left and shown again";
      assertEquals(findings.map(({ verdict, what }) => [verdict, what]), [
        ["absent", `There is no xpra on this host: ${less}`],
        ["absent", `${noXpra}: ${less}`],
      ]);
    } finally {
      await removeContainer(engine, name);
    }
  },
);
