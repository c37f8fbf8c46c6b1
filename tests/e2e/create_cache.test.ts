// create.ts --cache: what the second container has, and has not, of the first; and dry runs that make the same container.

// @ts-types="../../lib/types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import { parsePart, userData } from "../../lib/cloud_init.ts";
import { runProcess } from "../../lib/process.ts";
import { parseProfile, profileYaml } from "../../lib/profile.ts";
import { create, createArgs, createWithFault, environment, picture, type Place, withPlace } from "./faults.ts";
import { inContainer, root, sh, testOnEngines } from "./world.ts";

const recipeKey = "user.gui-container.recipe";

/** Runs `test` with the recipe of this cloud-config, and removes the images of that recipe afterwards; no others. */
async function withRecipe(
  place: Place,
  { cloudConfig }: { cloudConfig: string },
  test: (images: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  await Deno.writeTextFile(place.cloudConfig, cloudConfig);
  const profilePath = join(root, "profiles/gui.yaml");
  const profile = profileYaml(
    parseProfile(profilePath, await Deno.readTextFile(profilePath)),
    userData([parsePart(place.cloudConfig, cloudConfig)]),
  );
  const base = /^Fingerprint: (\w+)$/m.exec(await sh([place.engine, "image", "info", "gui-lab"]))![1];
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${base}\n${profile}`));
  const recipe = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const images = async (): Promise<string[]> => {
    const all = JSON.parse(await sh([place.engine, "query", "/1.0/images?recursion=1"])) as {
      fingerprint: string;
      properties: Record<string, string> | null;
    }[];
    return all.filter(({ properties }) => properties?.[recipeKey] === recipe).map(({ fingerprint }) => fingerprint);
  };
  try {
    await test(images);
  } finally {
    for (const fingerprint of await images()) await sh([place.engine, "image", "delete", fingerprint]);
  }
}

/** What must differ between two containers of one image, and what must be there. */
async function identity({ engine, name, mounts }: Place): Promise<Record<string, string>> {
  const all = await sh([engine, "exec", name, "--mode=non-interactive", "--", "/bin/sh", "-ec", identityScript]);
  const [machineId, hostname, hostKey, authorizedKeys, home] = all.split(/\n--(?:\n|$)/);
  return {
    machineId: machineId!,
    hostname: hostname!,
    hostKey: hostKey!,
    authorizedKeys: authorizedKeys!,
    home: home!,
    knownHosts: await Deno.readTextFile(join(mounts, name, "known_hosts")),
  };
}

const identityScript = `
cat /etc/machine-id; echo --
hostname; cat /etc/hostname; echo --
cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2; echo --
cat /home/ubuntu/.ssh/authorized_keys; echo --
cd /home/ubuntu; find . -path ./share -prune -o -path ./.xpra -prune -o -name '*first*' -print
`;

testOnEngines(
  "create.ts --cache makes the second container of a recipe from the image of the first, with an identity of its own",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-one" },
      (place) =>
        withRecipe(place, { cloudConfig: "#cloud-config\npackage_update: true\npackages: [sl]\n" }, async (images) => {
          const otherKey = join(place.fakes, "..", "other");
          await sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", otherKey]);
          const ownKey = await Deno.readTextFile(createArgs(place).at(-3)!);
          const bothKeys = join(place.fakes, "..", "both.pub");
          await Deno.writeTextFile(bothKeys, `${ownKey.trimEnd()}\n${await Deno.readTextFile(`${otherKey}.pub`)}`);
          const [args, secondArgs] = [place, { ...place, name: "e2e-cache-two" }].map((at) =>
            createArgs(at, ["--cache", "--json"])
          );

          const one = await create(place, args!.with(-3, bothKeys));
          assertEquals(one.code, 0, one.stderr);
          assertEquals((await images()).length, 1);
          await inContainer(engine, place.name, "echo first >.first; echo first >share/first; test -x /usr/games/sl");
          const first = await identity(place);
          assertEquals(first.home, "./.first");

          const second: Place = { ...place, name: "e2e-cache-two" };
          try {
            const two = await create(second, secondArgs!);
            assertEquals(two.code, 0, two.stderr);
            assertMatch(two.stderr, /Using the cached image \S+, \d+ min old, \d+ MiB on disk/);
            assertEquals((await images()).length, 1, "no second image");
            await inContainer(engine, second.name, "test -x /usr/games/sl");
            const its = await identity(second);
            for (const key of ["machineId", "hostname", "hostKey", "authorizedKeys", "knownHosts"]) {
              assertNotEquals(its[key], first[key], key);
            }
            assertMatch(its.machineId!, /^[0-9a-f]{32}$/);
            assertEquals(its.hostname, "e2e-cache-two\ne2e-cache-two");
            assertEquals(its.authorizedKeys, ownKey.trimEnd());
            assertStringIncludes(its.knownHosts!, its.hostKey!);
            assertEquals(its.home, "");
          } finally {
            await create(second, ["--delete", "--force", second.name]);
          }
        }),
    ),
);

testOnEngines(
  "create.ts --cache makes an image that is gone or cannot be used anew",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-stale" },
      (place) =>
        withRecipe(place, { cloudConfig: "#cloud-config\nruncmd: [[touch, /var/lib/stale]]\n" }, async (images) => {
          const args = createArgs(place, ["--cache"]);
          const make = async (at: number | RegExp): Promise<{ calls: string[]; stderr: string }> => {
            const { result, calls } = await createWithFault(place, { at, fault: "fail", args });
            assertEquals(result.code, 0, result.stderr);
            assertEquals(await inContainer(engine, place.name, "ls /var/lib/stale"), "/var/lib/stale");
            const deleted = await create(place, ["--delete", place.name]);
            assertEquals(deleted.code, 0, deleted.stderr);
            return { calls, stderr: result.stderr };
          };
          await make(-1);
          const [made] = await images();
          assert(made);

          await sh([engine, "image", "delete", made]);
          assert((await make(-1)).calls.some((call) => call.includes(" publish ")));
          const [again] = await images();
          assert(again);

          const broken = await make(/^\w+ launch [0-9a-f]{64}/);
          assertStringIncludes(broken.stderr, "The cached image cannot be used, and is made anew");
          const anew = await images();
          assertEquals(anew.length, 1);
          assertNotEquals(anew[0], again);
        }),
    ),
);

testOnEngines(
  "create.ts --cache leaves no image, and nothing else, when a step of its own fails",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-fault" },
      (place) =>
        withRecipe(place, { cloudConfig: "#cloud-config\nruncmd: [[touch, /var/lib/fault]]\n" }, async (images) => {
          const before = await picture(place);
          const args = createArgs(place, ["--cache"]);
          const own = [
            /image info/,
            /apt-get clean/,
            /^\w+ stop/,
            /^\w+ publish/,
            /^\w+ delete/,
            /launch [0-9a-f]{64}/,
          ];
          const faults = own.flatMap((at) => [{ at, fault: "fail" as const }, { at, fault: "TERM" as const }])
            .filter((_, index) => index % (engine === "lxc" ? 2 : 4) === (engine === "lxc" ? index >> 1 & 1 : 1));
          for (const { at, fault } of faults) {
            const { result } = await createWithFault(place, { at, fault, args });
            assertEquals(result.code, fault === "fail" ? 1 : 143, `${fault} at ${at}: ${result.stderr}`);
            assertEquals(await images(), [], `${fault} at ${at}: ${result.stderr}`);
            assertEquals(await picture(place), before, `${fault} at ${at}`);
          }
        }),
    ),
);

/** What a container is to the engine, apart from what differs from one to the next. */
async function shape({ engine, name, mounts }: Place): Promise<unknown> {
  const instance = JSON.parse(await sh([engine, "query", `/1.0/instances/${name}`]));
  const profile = JSON.parse(await sh([engine, "query", `/1.0/profiles/${name}`]));
  const config = Object.entries(instance.config as Record<string, string>)
    .filter(([key]) => !/^volatile\.|^user\.gui-container\.run$/.test(key));
  const uid = await sh([
    engine,
    "query",
    `/1.0/instances/${name}`,
  ]).then((text) => JSON.parse(JSON.parse(text).config["volatile.idmap.current"])[0].Hostid + 1000);
  const tree = await sh([
    "/bin/sh",
    "-c",
    'cd "$1"; getfacl -n xpra share | sed "s/$2/HOST/"',
    "sh",
    join(mounts, name),
    `${uid}`,
  ]);
  return { config, devices: instance.devices, profiles: instance.profiles, profile: profile.config, tree };
}

testOnEngines(
  "create.ts --dry-run prints lines that make the same container",
  ["user"],
  (engine) =>
    withPlace({ engine, name: "e2e-dry" }, async (place) => {
      const before = await picture(place);
      const dry = await create(place, createArgs(place, ["--dry-run"]));
      assertEquals(dry.code, 0, dry.stderr);
      assertEquals(await picture(place), before, "a dry run changes nothing");

      await sh(["/bin/sh", "-e"], { stdin: { text: dry.stdout }, env: environment(place) });
      const byHand = await shape(place);
      const address = await sh([engine, "list", `^${place.name}$`, "--format=csv", "--columns=4"]);
      assertEquals(
        await sh([
          "ssh",
          "-oBatchMode=yes",
          "-oStrictHostKeyChecking=yes",
          `-oHostKeyAlias=${place.name}`,
          `-oUserKnownHostsFile=${join(place.mounts, place.name, "known_hosts")}`,
          `ubuntu@${address.split(" ")[0]!.replaceAll('"', "")}`,
          "id -un",
        ]),
        "ubuntu",
      );
      const deleted = await create(place, ["--delete", place.name]);
      assertEquals(deleted.code, 0, deleted.stderr);
      assertEquals(await picture(place), before);

      const made = await create(place, createArgs(place));
      assertEquals(made.code, 0, made.stderr);
      assertEquals(byHand, await shape(place));
    }),
);

Deno.test("create.ts --dry-run needs no engine, and no other program", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.symlink(Deno.execPath(), join(directory, "deno"));
    const place = { engine: "lxc", name: "box", cloudConfig: join(directory, "plain.yaml") } as Place;
    await Deno.writeTextFile(place.cloudConfig, "#cloud-config\ndisable_root: true\n");
    for (const options of [["--dry-run"], ["--dry-run", "--cache"], ["--dry-run", "--engine=incus"]]) {
      const { code, stdout, stderr } = await runProcess([join(root, "create.ts"), ...createArgs(place, options)], {
        stdin: "null",
        okCodes: "any",
        env: { PATH: directory, GUI_CONTAINER_ENGINE: "" },
      });
      assertEquals([code, stderr.includes("error")], [0, false], stderr);
      assertStringIncludes(stdout, `${options.includes("--engine=incus") ? "incus" : "lxc"} launch `);
      await runProcess(["/bin/sh", "-n"], { stdin: { text: stdout } });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
