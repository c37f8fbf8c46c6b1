// create.ts --cache: what the second container has, and has not, of the first; and what a dry run prints.

import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { attachSoftware } from "../../lib/create/bundled.ts";
import { parsePart, userData } from "../../lib/create/user_data.ts";
import { runProcess } from "../../lib/base/process.ts";
import { parseProfile, profileYaml, userDataKey } from "../../lib/create/profile_file.ts";
import { create, createArgs, createWithFault, picture, type Place, withPlace } from "./faults.ts";
import { makeImage, plantImage } from "./images.ts";
import { eventually, inContainer, root, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";
import { type EngineName, shareOnEngines, testOnEngines } from "./world.ts";

const recipeKey = "user.gui-container.recipe";
const sourceKey = "user.gui-container.source";
const image = "e2e-small";

/** Software, and a program of it. An archive is asked on one engine: that takes longer than the rest together. */
const software: Readonly<Record<EngineName, { cloudConfig: string; program: string }>> = {
  lxc: { cloudConfig: "#cloud-config\npackage_update: true\npackages: [sl]\n", program: "/usr/games/sl" },
  incus: { cloudConfig: "#cloud-config\nruncmd: [[cp, /bin/true, /opt/sl]]\n", program: "/opt/sl" },
};

shareOnEngines({
  make: (engine) => makeImage(engine, image),
  remove: () => Promise.resolve(),
});

/** The images of one recipe, or of older bases of it, and what a planted one needs to be one of them. */
interface Recipes {
  images(): Promise<string[]>;
  usable: Record<string, string>;
  older: Record<string, string>;
}

/** Runs `test` with the recipe of this cloud-config, and removes the images of that recipe afterwards; no others. */
async function withRecipe(
  place: Place,
  { cloudConfig }: { cloudConfig: string },
  test: (recipes: Recipes) => Promise<void>,
): Promise<void> {
  await Deno.writeTextFile(place.cloudConfig, cloudConfig);
  const profilePath = join(root, "profiles/gui.yaml");
  const profile = profileYaml(parseProfile(profilePath, await Deno.readTextFile(profilePath)), {
    [userDataKey]: userData([
      parsePart({ path: place.cloudConfig, text: cloudConfig }),
      parsePart(attachSoftware),
    ]),
  });
  const base = /^Fingerprint: (\w+)$/m.exec(await sh([place.engine, "image", "info", place.image]))![1];
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const [recipe, source] = [`${base}\n${profile}`, `${place.image}\n${profile}`].map(hash) as [string, string];
  const images = async (): Promise<string[]> => {
    const all = JSON.parse(await sh([place.engine, "query", "/1.0/images?recursion=1"])) as {
      fingerprint: string;
      properties: Record<string, string> | null;
    }[];
    return all
      .filter(({ properties }) => properties?.[recipeKey] === recipe || properties?.[sourceKey] === source)
      .map(({ fingerprint }) => fingerprint);
  };
  try {
    await test({
      images,
      usable: { [recipeKey]: recipe, [sourceKey]: source },
      older: { [recipeKey]: hash("older"), [sourceKey]: source },
    });
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
      { engine, name: "e2e-cache-one", image },
      (place) =>
        withRecipe(
          place,
          software[engine],
          async ({ images, usable, older }) => {
            await plantImage(engine, usable);
            await plantImage(engine, older);
            const planted = await images();
            assertEquals(planted.length, 2);

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
            assertStringIncludes(one.stderr, "cached image");
            const kept = await images();
            assertEquals(kept.length, 1, "what cannot be used is gone, and that of the older base image");
            assert(!planted.includes(kept[0]!));
            const { program } = software[engine];
            await inContainer(engine, place.name, `echo first >.first; echo first >share/first; test -x ${program}`);
            const first = await identity(place);
            assertEquals(first.home, "./.first");

            const second: Place = { ...place, name: "e2e-cache-two" };
            try {
              const two = await create(second, secondArgs!);
              assertEquals(two.code, 0, two.stderr);
              assertMatch(two.stderr, /cached image \S+ of 20[\d-]+, [\d.]+ MiB/);
              assertEquals(await images(), kept, "no second image");
              await inContainer(engine, second.name, `test -x ${program}`);
              const its = await identity(second);
              for (const key of ["machineId", "hostname", "hostKey", "authorizedKeys", "knownHosts"]) {
                assertNotEquals(its[key], first[key], key);
              }
              assertMatch(its.machineId!, /^[0-9a-f]{32}$/);
              assertEquals(its.hostname, `${second.name}\n${second.name}`);
              assertEquals(its.authorizedKeys, ownKey.trimEnd());
              assertStringIncludes(its.knownHosts!, its.hostKey!);
              assertEquals(its.home, "");
              assertNotEquals(JSON.parse(two.stdout).hostUid, JSON.parse(one.stdout).hostUid, "isolated id maps");
            } finally {
              await create(second, ["--delete", "--force", second.name]);
            }
          },
        ),
    ),
);

testOnOneEngine(
  "create.ts --cache twice at once ends with two containers and one image",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-left", image },
      (place) =>
        withRecipe(place, { cloudConfig: "#cloud-config\nruncmd: [[touch, /var/lib/twin]]\n" }, async ({ images }) => {
          const other = { ...place, name: `${place.name}-2` };
          try {
            const runs = await Promise.all([place, other].map((at) => create(at, createArgs(at, ["--cache"]))));
            for (const { code, stderr } of runs) assertEquals(code, 0, stderr);
            assertEquals((await images()).length, 1);
            for (const { name } of [place, other]) {
              assertEquals(await inContainer(engine, name, "ls /var/lib/twin; hostname"), `/var/lib/twin\n${name}`);
            }
          } finally {
            await create(other, ["--delete", "--force", other.name]);
          }
        }),
    ),
);

/** The calls that only --cache makes. `tests/unit/create/create.test.ts` has all of them with each fault, in memory. */
const ownCalls = [/image info/, /apt-get clean/, /^\w+ stop/, /^\w+ publish/, /^\w+ delete/, /launch [0-9a-f]{64}/];

testOnEngines(
  "create.ts --cache leaves nothing, and the images that were there, when a step of its own fails (half of them on each engine)",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-fault", image },
      (place) =>
        withRecipe(
          place,
          { cloudConfig: "#cloud-config\nruncmd: [[touch, /var/lib/fault]]\n" },
          async ({ images, older }) => {
            await plantImage(engine, older);
            const imagesBefore = await images();
            const before = await picture(place);
            const args = createArgs(place, ["--cache"]);
            const [first, fault] = engine === "lxc" ? [0, "fail"] as const : [1, "TERM"] as const;
            for (const at of ownCalls.filter((_, index) => index % 2 === first)) {
              // A container that does not stop is stopped by force.
              if (fault === "fail" && / stop/.test(at.source)) continue;
              const { result } = await createWithFault(place, { at, fault, args });
              assertEquals(result.code, fault === "fail" ? 1 : 143, `${fault} at ${at}: ${result.stderr}`);
              assertEquals(await images(), imagesBefore, `${fault} at ${at}: ${result.stderr}`);
              assertEquals(await picture(place), before, `${fault} at ${at}`);
            }
          },
        ),
    ),
);

testOnEngines(
  "create.ts makes the container after a run with --cache that was killed",
  ["user"],
  (engine) =>
    withPlace(
      { engine, name: "e2e-cache-kill", image },
      (place) =>
        withRecipe(place, { cloudConfig: "#cloud-config\nruncmd: [[touch, /var/lib/kill]]\n" }, async ({ images }) => {
          const before = await picture(place);
          for (const at of [/^\w+ publish/, ...(engine === "lxc" ? [/launch [0-9a-f]{64}/] : [])]) {
            const { result } = await createWithFault(place, {
              at,
              fault: "KILL",
              args: createArgs(place, ["--cache"]),
            });
            assertEquals(result.code, 137, `${at}: ${result.stderr}`);
            const again = await create(place, createArgs(place));
            assertEquals(again.code, 0, `${at}: ${again.stderr}`);
            const deleted = await create(place, ["--delete", place.name]);
            assertEquals(deleted.code, 0, `${at}: ${deleted.stderr}`);
            assertEquals(await picture(place), before, `${at}`);
            // The publish of a run that is gone may be at work still.
            await eventually(`${at}: no image`, async () => (await images()).length === 0);
          }
        }),
    ),
);

Deno.test("create.ts --dry-run needs no engine, and no other program", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.symlink(Deno.execPath(), join(directory, "deno"));
    const place = { engine: "lxc", name: "box", cloudConfig: join(directory, "plain.yaml") } as Place;
    const mounts = join(directory, "mounts/box");
    const key = join(directory, "key.pub");
    await Deno.writeTextFile(key, "ssh-ed25519 AAAA\n");
    await Deno.writeTextFile(place.cloudConfig, "#cloud-config\ndisable_root: true\n");
    for (const options of [["--dry-run"], ["--dry-run", "--cache"], ["--dry-run", "--engine=incus"]]) {
      const args = createArgs(place, options).with(-3, key);
      const { code, stdout, stderr } = await runProcess([join(root, "create.ts"), ...args], {
        okCodes: "any",
        env: { PATH: directory, GUI_CONTAINER_ENGINE: "", GUI_CONTAINER_MOUNTS: join(directory, "mounts") },
      });
      assertEquals([code, stderr.includes("error")], [0, false], stderr);
      const cli = options.includes("--engine=incus") ? "incus" : "lxc";
      const has = options.includes("--cache");
      const inContainer = `${cli} exec box --mode non-interactive -- /bin/sh -c `;
      const steps = [
        `mkdir -p ${mounts}`,
        `${cli} profile edit box <<<`,
        `${cli} launch `,
        `${inContainer}await_cloud_init.sh`,
        ...(has ? [`${inContainer}generalize.sh`, `${cli} publish box `, `${cli} launch <IMAGE> box `] : []),
        `${inContainer}prepare.sh <<<`,
        `setfacl -m u:<HOST_UID>:rwx,`,
        `${cli} query --request PATCH `,
        `write ${mounts}/known_hosts`,
        `ssh -F ${mounts}/ssh/config -T <USER>@`,
      ];
      let rest = stdout;
      for (const step of steps) {
        const at = `\n${rest}`.indexOf(`\n${step}`);
        assert(at >= 0, `${step} is not in the rest of the plan:\n${rest}`);
        rest = rest.slice(at);
      }
      assert(stdout.split("\n").every((line) => line.length < 600), stdout);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
