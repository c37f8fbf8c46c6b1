import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import serveSession from "../../../lib/attach/session/serve_session.sh" with { type: "text" };
import serveWayland from "../../../lib/attach/wayland/serve_wayland.sh" with { type: "text" };
import { appScript } from "../../../lib/attach/session/app.ts";
import { openChannels } from "../../../lib/settings/channels.ts";
import { prepareChannels, type SessionPlan, startSession } from "../../../lib/attach/start_session.ts";
import { noWayland } from "../../../lib/attach/wayland/client.ts";
import { waypipeServer } from "../../../lib/attach/wayland/display.ts";
import { xpraServer } from "../../../lib/attach/x11/display.ts";
import { CannotShow } from "../../../lib/attach/display/display.ts";
import { exitStatus, sessionScript } from "../../../lib/attach/session/protocol.ts";
import { type ProcessResult, UserError } from "../../../lib/base/errors.ts";
import { runProcess, startProcess } from "../../../lib/base/process.ts";
import { type ContainerUser, ubuntuUser } from "../../../lib/container/user.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { localBox, remoteBox } from "../containers.ts";
import { argumentsSeenByShell, awkwardWords } from "../samples.ts";
import { threadMs } from "../../model/clock.ts";

function start(
  answer: Answer,
  { user = ubuntuUser, isRemote = false, boots = false, open = openChannels({ deny: "look" }), ...plan }:
    & Partial<SessionPlan>
    & {
      open?: ReadonlySet<string>;
      user?: ContainerUser;
      isRemote?: boolean;
      boots?: boolean;
    } = {},
): { recorded: RecordingHost; session: Promise<void> } {
  const env = { HOME: "/home/me", TZ: "Asia/Tokyo", LANG: "ja_JP.UTF-8", XCURSOR_SIZE: "48" };
  const recorded = recordingHost({
    env,
    answer: ([program]) => program === "ssh" || program === "incus" ? answer : {},
  });
  const container = (isRemote ? remoteBox : localBox)(recorded.host, { user, boots });
  const screen = { width: 800, height: 600, dpi: 96, monitors: [] };
  const whole: SessionPlan = {
    app: ["xterm"],
    run: "1234abcd",
    name: "xterm",
    isShown: true,
    prepared: prepareChannels(container, open),
    channels: "",
    end: xpraServer(container, { open, sockets: `${user.home}/.xpra`, screen }),
    ...plan,
  };
  return { recorded, session: startSession(container, whole) };
}

/** The script of the session's service, which has gone by the stdin of a call. */
async function serviceOf({ calls, options }: RecordingHost): Promise<string> {
  const { stdin } = options[calls.findIndex(([program]) => program === "ssh")]!;
  assert(typeof stdin === "object" && "text" in stdin);
  return await stdin.text;
}

/** The container's end of a session on Wayland, whose host's end is ready or never will be. */
function byWaypipe(ready: Promise<unknown> = Promise.resolve(), crossesNetwork = false): SessionPlan["end"] {
  return waypipeServer({ label: "box", crossesNetwork }, { transport: "t", compress: "none", ready });
}

Deno.test("startSession() starts one by one SSH call", async () => {
  const { recorded, session } = start({ stdout: "xterm\n" });
  await session;
  assertEquals(recorded.calls.map(([program]) => program), ["ssh"]);
});

Deno.test("startSession() connects while what the channels need is still being found out", async () => {
  const { promise: values, resolve } = Promise.withResolvers<Record<string, string>>();
  const prepared = Promise.resolve({ script: "", values, fifos: "" });
  const { recorded, session } = start({ stdout: "xterm\n" }, { prepared, end: byWaypipe() });
  await session;
  resolve({ locale: "ja_JP.UTF-8" });
  assertStringIncludes(await serviceOf(recorded), "locale=ja_JP.UTF-8\n");
});

Deno.test("startSession() starts one in a container that boots by the engine, and takes it back in the same way", async () => {
  const user = { name: "anna", uid: "1001", gid: "1002", home: "/home/anna" };
  const { recorded, session } = start({ stdout: "xterm\n" }, { user, boots: true });
  await session;
  const strange = start({ stdout: "..\n" }, { user, boots: true });
  await assertRejects(() => strange.session, UserError, "name of the session");
  const calls = [...recorded.calls, ...strange.recorded.calls];
  assertEquals(calls.map((argv) => argv.slice(0, 3)), Array(3).fill(["incus", "exec", "box"]));
  for (const argv of calls) {
    const script = argv.find((word) => word.startsWith("uid=1001\ngid=1002\n"))!;
    assertStringIncludes(script, 'setpriv --reuid="$uid" --regid="$gid" --init-groups ');
  }
  assertEquals(calls.map((argv) => argv.join(" ").includes("\nwaits=yes\n")), [true, true, false]);
});

Deno.test("startSession() takes back a session whose name is not the one that was to be", async () => {
  for (const stdout of ["xpra+tcp:10.0.0.1:14500\n", "..\n", "Welcome!\nxterm\n", "xterm-2\n", ""]) {
    const { recorded, session } = start({ stdout });
    await assertRejects(() => session, UserError, "name of the session");
    assertEquals(recorded.calls.map(([program]) => program), ["ssh", "ssh"]);
  }
});

Deno.test("startSession() takes no time to look through what the container prints as ssh fails", async () => {
  const begun = threadMs();
  const { session } = start({ code: 255, stderr: "connection ".repeat(50_000) });
  await assertRejects(() => session, UserError);
  assert(threadMs() - begun < 5_000, "it took too long");
});

Deno.test("startSession() carries the app through both shells byte for byte", async () => {
  const app = ["show", ...awkwardWords.filter((word) => word !== "")];
  const { recorded, session } = start({ stdout: "x\n" }, { app, name: "x" });
  await session;
  const [words] = await argumentsSeenByShell(`show ${recorded.calls[0]!.at(-1)!}`);
  assertEquals(words!.slice(0, 2), ["/bin/sh", "-c"]);
  for (const value of ["session=x", "program=show", "run=1234abcd"]) {
    assert(words![2]!.includes(`${value}\n`), value);
  }
  const script = appScript(app);
  const { stdout } = await runProcess([
    ...["/bin/sh", "-c", `${(await serviceOf(recorded)).split("\n# serve_session.sh\n")[0]}\nprintf %s "$app"`],
  ]);
  assertEquals(stdout, script);
  assertStringIncludes(await serviceOf(recorded), "screen=800x600\n");
});

Deno.test("startSession() logs in as the container's user, and takes all paths from that user's home", async () => {
  const user = { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" };
  const { recorded, session } = start({ stdout: "xterm\n" }, { user });
  await session;
  const [call] = recorded.calls;
  assert(call!.includes("alice@10.0.0.5"));
  assertEquals([...new Set(call!.at(-1)!.match(/\/[\w/]+\/\.xpra/g))], ["/srv/alice/.xpra"]);
  assert(!/ubuntu|1000/.test(call!.join(" ")), call!.join(" "));
});

Deno.test("startSession() sends scripts that a POSIX shell can parse", async () => {
  const { recorded, session } = start({ stdout: "xterm\n" });
  await session;
  const [words] = await argumentsSeenByShell(`show ${recorded.calls[0]!.at(-1)!}`);
  const scripts = [...words!.filter((_, index) => words![index - 1] === "-c"), await serviceOf(recorded)];
  assertEquals(scripts.length, 3);
  for (const script of scripts) await runProcess(["/bin/sh", "-n", "-c", script]);
});

Deno.test("startSession() sends the appearance of the host where there is one, and nothing of it otherwise", async () => {
  const look = openChannels({});
  for (const plan of [{ open: look }, { open: look, end: byWaypipe() }, {}] as const) {
    const { recorded, session } = start({ stdout: "xterm\n" }, plan);
    await session;
    const script = await serviceOf(recorded);
    for (
      const value of ["time_zone=Asia/Tokyo\n", "locale=ja_JP.UTF-8\n", "cursor_size=48\n", "GSETTINGS_SCHEMA_DIR"]
    ) {
      assertEquals(script.includes(value), "open" in plan, value);
    }
    await runProcess(["/bin/sh", "-n", "-c", script]);
  }
});

Deno.test("startSession() has xpra compress pictures over a network only, and ends with the connection there", async () => {
  const wordsOf = async (plan: Parameters<typeof start>[1]): Promise<string> => {
    const { recorded, session } = start({ stdout: "xterm\n" }, plan);
    await session;
    return recorded.calls[0]!.at(-1)!;
  };
  const codings = async (isRemote: boolean): Promise<string | undefined> =>
    /--encodings=[\w,]+/.exec(await wordsOf({ isRemote }))?.[0];
  assertEquals([await codings(false), await codings(true)], ["--encodings=rgb", "--encodings=rgb,jpeg"]);
  for (const isRemote of [true, false]) {
    const { recorded, session } = start({ stdout: "xterm\n" }, { end: byWaypipe(undefined, isRemote), isRemote });
    await session;
    assertEquals((await serviceOf(recorded)).includes("forwarded=yes\n"), isRemote);
  }
});

Deno.test("startSession() tells apart a missing app, a missing xpra, a name that is taken and a missing directory", async () => {
  for (
    const [answer, message, exitCode] of [
      [{ code: 127, stderr: "foo: not found\n" }, 'no program "foo" in the container "box"', 127],
      [{ code: 127, stderr: "xpra: not found\n" }, 'no xpra in the container "box"', 127],
      [{ code: exitStatus.taken }, 'session named "mine"', 2],
      [
        { code: exitStatus.noDirectory, stderr: "cd: can't cd\n" },
        '"box" lacks the directory',
        1,
      ],
      [{ code: exitStatus.onlyWayland }, '"foo" knows only Wayland', 1],
      [{ code: 1, stderr: "Failed to connect to bus\n" }, 'started in "box"', 1],
    ] as const
  ) {
    const { session } = start(answer, { app: ["foo"], name: "mine" });
    const error = await assertRejects(() => session, UserError, message);
    assertEquals(error.exitCode, exitCode);
  }
});

Deno.test("startSession() says first what the host's end of a session on Wayland lacks, then what the container's does", async () => {
  for (
    const [ready, answer, reason, exitCode] of [
      [Promise.reject(noWayland("waypipe hangs")), { code: exitStatus.calledOff }, "waypipe hangs", 1],
      // A container that has started it nevertheless.
      [Promise.reject(noWayland("waypipe hangs")), { stdout: "xterm\n" }, "waypipe hangs", 1],
      [undefined, { code: 127, stderr: "waypipe: not found\n" }, 'there is no waypipe in "box"', 127],
    ] as const
  ) {
    const { session } = start(answer, { end: byWaypipe(ready) });
    const error = await assertRejects(() => session, CannotShow);
    assertEquals([error.reason, error.exitCode], [reason, exitCode]);
  }
});

Deno.test("a container whose windows were shown over Wayland does not bring about X by having no waypipe any more", async () => {
  const { transport, ready } = { transport: "t", ready: Promise.resolve() };
  const box = { label: "box", crossesNetwork: false };
  const end = waypipeServer(box, { transport, compress: "none", ready }, { wasShown: true });
  const { session } = start({ code: 127, stderr: "waypipe: not found\n" }, { end });
  const error = await assertRejects(() => session, UserError, 'waypipe is missing in "box"');
  assertEquals([error instanceof CannotShow, error.exitCode], [false, 127]);
  assertStringIncludes(error.hint, "--display x11");
});

Deno.test("a session's exit statuses tell apart what has gone wrong, also from the app's program that is missing", () => {
  const statuses = Object.values<number>(exitStatus);
  assertEquals(new Set(statuses).size, statuses.length);
  assert(statuses.every((status) => status >= 64 && status < 126), statuses.join());
});

Deno.test("startSession() has no argument that Linux would not take, and sends no part of a channel that is closed", async () => {
  const partOf = {
    dialogs: "org.freedesktop.impl.portal.desktop.guicontainer",
    notifications: "NotificationClosed",
    tray: "class Icon",
    microphone: "watch_recorders",
    links: "mimeapps.list",
    sound: "exec 8<>",
    look: "GSETTINGS_SCHEMA_DIR",
  };
  const names = Object.keys(partOf);
  for (const open of [new Set(names), ...names.map((name) => new Set([name])), new Set<string>()]) {
    const { recorded, session } = start({ stdout: "xterm\n", code: 0 }, { open });
    await session;
    const call = recorded.calls.find(([program]) => program === "ssh")!;
    // MAX_ARG_STRLEN is 128 KiB.
    assert(call.every((word) => word.length < 32 * 1024), `${call.map((word) => word.length)}`);
    const service = await serviceOf(recorded);
    for (const [name, part] of Object.entries(partOf)) {
      // Without an icon's place on this desktop, the tray is not served; all that the agent serves needs its name.
      const isThere = service.includes(part);
      if (name === "tray") assert(!isThere);
      else if (name !== "dialogs") assertEquals(isThere, open.has(name), `${name} with ${[...open]}`);
    }
  }
});

Deno.test("session.sh removes the scripts that killed runs have left, and no display, whatever its session is called", async () => {
  const runtime = await Deno.makeTempDir();
  try {
    const [left, display] = ["gui-start-1234abcd", "gui-start-menu"].map((name) => join(runtime, name)) as [
      string,
      string,
    ];
    await Deno.writeTextFile(left, "");
    using _ = Deno.listen({ transport: "unix", path: display });
    await runProcess(["touch", "--date=1 hour ago", left, display]);
    const values = {
      sockets: runtime,
      session: "web",
      program: "sh",
      run: "5678",
      fifos: "",
      server: "sh",
      transport: "",
      shown: "yes",
    };
    const { code } = await runProcess(["/bin/sh", "-c", sessionScript("start", values)], {
      env: { XDG_RUNTIME_DIR: runtime },
      okCodes: "any",
    });
    assertEquals(code, exitStatus.calledOff);
    assertEquals(await Array.fromAsync(Deno.readDir(runtime), ({ name }) => name), ["gui-start-menu"]);
  } finally {
    await Deno.remove(runtime, { recursive: true });
  }
});

Deno.test("session.sh waits for a session with its agent for as long as the host's end does, and no longer", async () => {
  const runtime = await Deno.makeTempDir();
  try {
    const directory = join(runtime, "gui-container-web");
    const values = { session: "web", run: "1234abcd", channels: "links", waits: "yes", bytes: "7" };
    const script = sessionScript("agent", values)
      .replaceAll("/usr/lib/python3/dist-packages/gi", runtime)
      .replaceAll("/usr/bin/python3", "/bin/sh");
    const ended = Promise.withResolvers<string>();
    const env = { XDG_RUNTIME_DIR: runtime };
    const run = (text: Promise<string>): ReturnType<typeof runProcess> =>
      runProcess(["/bin/sh", "-c", script], { env, okCodes: "any", stdin: { bytes: inputOf(text) } });
    const waiting = run(ended.promise);
    const early = await Promise.race([waiting, new Promise<void>((resolve) => setTimeout(resolve, 300))]);
    assertEquals(early, undefined);
    ended.resolve("");
    assertEquals((await waiting).code, 1);
    const started = run(new Promise(() => {}));
    await Deno.mkdir(directory);
    await Deno.writeTextFile(join(directory, "new"), "1234abcd\n");
    await Deno.rename(join(directory, "new"), join(directory, "run"));
    assertEquals((await started).code, 7);
    // A later run serves the session, and then ends.
    const last = Promise.withResolvers<string>();
    const later = startProcess(["/bin/sh", "-c", ":\nverb=agent\nread -r _"], { stdin: { text: last.promise } });
    await Deno.writeTextFile(join(directory, "attached"), `${later.pid}\n`);
    const after = run(new Promise(() => {}));
    assertEquals(await Promise.race([after, new Promise<void>((resolve) => setTimeout(resolve, 300))]), undefined);
    last.resolve("");
    await later.ended;
    assertEquals((await after).code, 7);
  } finally {
    await Deno.remove(runtime, { recursive: true });
  }
});

/** An agent's program, and what its host's end says after it. */
function inputOf(text: Promise<string>): ReadableStream<Uint8Array> {
  return ReadableStream.from((async function* () {
    yield "exit 7\n";
    yield await text;
  })()).pipeThrough(new TextEncoderStream());
}

/** What session.sh did in a directory, with systemd-run replaced by a program that notes its arguments. */
interface Started {
  result: ProcessResult;
  /** The arguments of each call of systemd-run. */
  calls: string[][];
  /** What is in the directory afterwards. */
  left: string[];
}

/**
 * Runs session.sh in a directory of its own, as in the home of the container user.
 *
 * @param options `files`: what is there before; `sockets`: the value of that name, below the directory;
 * `started`: a session that is there
 */
async function runStartScript(
  { files, sockets, values = {}, input = "# go\n", ldd = "#!/bin/sh\n", started }: {
    files: readonly string[];
    sockets: string;
    values?: Record<string, string>;
    input?: string;
    ldd?: string;
    started?: { session: string; run: string };
  },
): Promise<Started> {
  const directory = await Deno.makeTempDir();
  try {
    const home = join(directory, "home");
    const [bin, log] = [join(directory, "bin"), join(directory, "log")];
    for (const path of [bin, home]) await Deno.mkdir(path);
    for (const name of ["xpra", "waypipe", "app"]) {
      await Deno.writeTextFile(join(bin, name), "#!/bin/sh\n", { mode: 0o755 });
    }
    const note = `#!/bin/sh\nprintf '%s\\0' "$#" "$@" >>"$LOG"\n` +
      'mkdir "$XDG_RUNTIME_DIR/gui-container-xterm"; : >"$XDG_RUNTIME_DIR/gui-container-xterm/run"\n';
    await Deno.writeTextFile(join(bin, "systemd-run"), note, { mode: 0o755 });
    await Deno.writeTextFile(join(bin, "ldd"), ldd, { mode: 0o755 });
    for (const file of files) await Deno.symlink("nowhere", join(home, file));
    await Deno.writeTextFile(log, "");
    const unit = started &&
      `gui-container-${started.session}.service loaded activating start ${started.session}, run ${started.run}`;
    await Deno.writeTextFile(join(bin, "systemctl"), `#!/bin/sh\necho '${unit ?? ""}'\n`, { mode: 0o755 });
    const script = sessionScript("start", {
      sockets: join(home, sockets),
      session: "xterm",
      program: "app",
      run: "1234abcd",
      fifos: "",
      server: "xpra",
      transport: "",
      shown: "yes",
      ...values,
    });
    const result = await runProcess(["/bin/sh", "-c", script, "gui-container", "app"], {
      cwd: home,
      stdin: { text: input },
      env: { PATH: `${bin}:${Deno.env.get("PATH")}`, LOG: log, HOME: home, XDG_RUNTIME_DIR: directory },
      okCodes: "any",
    });
    const words = (await Deno.readTextFile(log)).split("\0").slice(0, -1);
    const calls: string[][] = [];
    while (words.length > 0) calls.push(words.splice(0, Number(words.shift())));
    return {
      result: { ...result, stderr: result.stderr.replaceAll(home, "HOME") },
      calls: calls.map((call) => call.map((word) => word.replaceAll(home, "HOME").replaceAll(directory, "RUNTIME"))),
      left: [...Deno.readDirSync(home)].map(({ name }) => name).sort(),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("session.sh removes what killed sessions have left, and nothing where its directory is missing", async () => {
  const files = ["gone~sound"];
  const cleaned = await runStartScript({ files, sockets: "." });
  assertEquals([cleaned.result.code, cleaned.result.stdout, cleaned.left], [0, "xterm\n", []], cleaned.result.stderr);
  const missing = await runStartScript({ files, sockets: ".xpra" });
  assertEquals([missing.result.code, missing.calls, missing.left], [exitStatus.noDirectory, [], files]);
  assertStringIncludes(missing.result.stderr, "HOME/.xpra");
});

Deno.test("session.sh names the program that the container lacks, the app's or the one that forwards its windows", async () => {
  for (const values of [{ program: "no-such" }, { server: "no-such" }]) {
    const { result, calls } = await runStartScript({ files: [], sockets: ".", values });
    assertEquals([result.code, result.stderr, calls], [127, "no-such: not found\n", []]);
  }
});

Deno.test("session.sh starts no app that knows only Wayland, by its libraries, where nobody would see that it fails", async () => {
  for (
    const [libraries, shown, code] of [
      ["libwayland-client.so.0 libpixman-1.so.0", "", exitStatus.onlyWayland],
      ["libwayland-client.so.0 libpixman-1.so.0", "yes", 0],
      ["libgtk-4.so.1 libwayland-client.so.0 libX11.so.6", "", 0],
      ["libwayland-server.so.0 libwayland-client.so.0", "", 0],
      ["libX11.so.6", "", 0],
    ] as const
  ) {
    const ldd = `#!/bin/sh\necho '${libraries}'\n`;
    const { result, calls } = await runStartScript({ files: [], sockets: ".", values: { shown }, ldd });
    assertEquals([result.code, calls.length], [code, code === 0 ? 1 : 0], libraries);
  }
});

Deno.test("session.sh tells the session that this run has started already", async () => {
  for (const run of ["1234abcd", "other"]) {
    const { result, calls } = await runStartScript({ files: [], sockets: ".", started: { session: "xterm", run } });
    const isOwn = run === "1234abcd";
    assertEquals([result.code, result.stdout, calls.length], [0, "xterm\n", isOwn ? 0 : 1]);
  }
});

Deno.test("session.sh gives the units their properties byte by byte, as systemd expands them", async () => {
  const { calls: [words] } = await runStartScript({ files: [], sockets: ".", values: { fifos: "sound" } });
  assertEquals(words, [
    "--user",
    "--quiet",
    "--collect",
    "--unit=gui-container-xterm",
    "--description=xterm, run 1234abcd",
    "--setenv=GUI_CONTAINER_SERVER=RUNTIME/gui-start-1234abcd",
    "--property=Type=exec",
    "--property=RuntimeDirectory=gui-container-xterm",
    "--property=TimeoutStopSec=8",
    `--property=ExecStop=:/bin/sh -c '. "$RUNTIME_DIRECTORY/stop"'`,
    "--property=ExecStopPost=:/bin/sh -c 'cd HOME && rm -f xterm~*'",
    "--property=StandardOutput=append:HOME/xterm.log",
    "--property=StandardError=inherit",
    "--socket-property=ListenStream=HOME/xterm",
    "--socket-property=SocketMode=0660",
    "--socket-property=ExecStartPost=/bin/sh -c 'cd HOME; rm -f xterm~sound; mkfifo -m 660 xterm~sound'",
    "--socket-property=RemoveOnStop=yes",
    "--socket-property=BindsTo=gui-container-xterm.service",
    "app",
  ]);
});

Deno.test("session.sh gives a session on Wayland the socket of the host's end, when that is ready, and removes both at its end", async () => {
  const values = { server: "waypipe", transport: ".wayland-1", fifos: "sound" };
  const { calls: [words] } = await runStartScript({ files: [], sockets: ".", values, input: ":\n# go\n" });
  assertEquals(words!.filter((word) => /Exec(?:StartPre|StopPost)=/.test(word)), [
    "--property=ExecStopPost=:/bin/sh -c 'cd HOME && rm -f xterm~* xterm .wayland-1* $XDG_RUNTIME_DIR/gui-xterm $(readlink $RUNTIME_DIRECTORY/x_socket)'",
    "--property=ExecStartPre=:/bin/sh -c " +
    "'cd HOME && mv .wayland-1 xterm; rm -f xterm~sound; mkfifo -m 660 xterm~sound'",
  ]);
  assertEquals(words!.filter((word) => word.startsWith("--socket-property")), []);
  const calledOff = await runStartScript({ files: [".wayland-1"], sockets: ".", values, input: "" });
  assertEquals([calledOff.result.code, calledOff.calls, calledOff.left], [exitStatus.calledOff, [], []]);
});

Deno.test("session.sh keeps the socket of a session on Wayland, at which no process of the container's listens", async () => {
  for (const isLive of [true, false]) {
    const directory = await Deno.makeTempDir();
    try {
      using _socket = Deno.listen({ transport: "unix", path: join(directory, "web") });
      // Of a session that is just starting, waypipe has put nothing into it.
      if (isLive) await Deno.mkdir(join(directory, "gui-container-web"));
      // The list of listening sockets is the network namespace's. Here it is no other than ours, so it is another
      // directory's.
      const values = { sockets: directory, session: "a", program: "sh", run: "1", fifos: "" };
      const options = { server: "sh", transport: "t", shown: "yes" };
      const script = sessionScript("start", { ...values, ...options }).replaceAll("/proc/net/unix", "/dev/null");
      const { code } = await runProcess(["/bin/sh", "-c", script], {
        env: { XDG_RUNTIME_DIR: directory },
        okCodes: "any",
      });
      assertEquals(code, exitStatus.calledOff);
      assertEquals([...Deno.readDirSync(directory)].some(({ name }) => name === "web"), isLive);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});

Deno.test("a session's log has an end while it runs, and still tells that its app is started", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [loop] = /^\{\n {2}while sleep 10; do\n.*?^\} &$/ms.exec(serveSession)!;
    const quick = loop.replace("sleep 10", 'sleep 0.01 && [ ! -e "$log.end" ]').replace("33554432", "4000").replace(
      "4194304",
      "500",
    );
    const script = `log=$RUNTIME_DIRECTORY/x.log; exec >>"$log"
      ${quick}
      until [ "$(head -n 1 "$log")" = "The app is started" ]; do echo "a line of the app's"; done
      : >"$log.end"; wait; echo "the end"`;
    const env = { RUNTIME_DIRECTORY: directory, sockets: directory, session: "x" };
    await runProcess(["/bin/sh", "-c", script], { env, timeoutMs: 60_000 });
    const text = await Deno.readTextFile(join(directory, "x.log"));
    assert(text.startsWith("The app is started\n") && text.endsWith("the end\n"), text);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an input method of the container's stays for Qt on Wayland if it goes by D-Bus and is there", async () => {
  const inputMethod = async (given: Record<string, string>): Promise<string> => {
    const [, body] = /(^unset GTK_IM_MODULE.*?^esac .*?$)/ms.exec(serveWayland)!;
    const script = `fcitx5() { echo fcitx5 "$@" >&3; }; ibus-daemon() { return 127; }
      ${body}
      echo "[\${GTK_IM_MODULE-}\${QT_IM_MODULE-}\${XMODIFIERS-}]"`;
    return (await runProcess(["bash", "-c", `exec 3>&1\n${script}`], { env: given })).stdout;
  };
  const all = { GTK_IM_MODULE: "fcitx", QT_IM_MODULE: "fcitx", XMODIFIERS: "@im=fcitx" };
  assertEquals(await inputMethod(all), "fcitx5 -d\n[fcitx]\n");
  assertEquals(await inputMethod({ QT_IM_MODULE: "ibus" }), "[]\n");
  assertEquals(await inputMethod({ QT_IM_MODULE: "xim", XMODIFIERS: "@im=x" }), "[]\n");
});
