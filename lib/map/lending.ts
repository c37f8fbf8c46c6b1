/** Files on their way to a container and back: they themselves here, and copies of them in `copies.ts`. */

import type { Undo } from "../base/undo.ts";
import type { ContainerUser } from "../container/user.ts";
import type { Engine } from "../engine/engine.ts";
import type { Loan } from "./loan.ts";
import { keepMapped, mapFiles, type MapOptions } from "./map.ts";
import type { Prompter } from "./prompter.ts";
import type { MappedFile } from "./restore.ts";
import type { FileRules, SourceFile } from "./source_file.ts";
import { unmapFiles } from "./unmap.ts";
import { followReplacements } from "./watch.ts";

/** How long unmapping may take at most at the end of a run, in milliseconds. */
export const maxUnmapMs = 60_000;

/** How files are lent. */
export interface LendOptions {
  /** The engine of the container. */
  engine: Engine;
  /** The container's name. */
  instance: string;
  /** The container's user. */
  user: ContainerUser;
  /** The container may read the files, not write them; copies do not come back. */
  readOnly: boolean;
  /** The run that lends them, and will take them back unless it lets them stay. */
  owner: string;
  /** The session in whose dialog the user chose them. */
  session?: string;
}

/** Files on their way to a container and back. */
export interface Lending {
  /** Lends them. */
  lend(undo: Undo): Promise<void>;
  /** What is lent. */
  loans(): Loan[];
  /** Lets them stay lent. Returns those that nobody has taken back meanwhile. */
  keep(): Promise<Loan[]>;
  /** Looks after them until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /** Takes them back. Returns what was found that the user should know. */
  takeBack(engine: Engine): Promise<string[]>;
  /** How long that may take, in milliseconds. */
  deadlineMs(): number;
}

/** Lends files themselves, and each file that replaces one of them. */
export function lendThemselves(
  files: readonly SourceFile[],
  { prompter, rules, ...options }: MapOptions & { prompter: Prompter; rules: FileRules },
): Lending {
  const { engine } = options;
  const mapped: Required<MappedFile>[] = [];
  const loansOf = (mapped: readonly MappedFile[]): Loan[] => mapped.map(({ mapping }) => mapping);
  return {
    async lend(undo) {
      mapped.push(...await mapFiles(files, { ...options, undo }));
      for (const { mapping, file } of mapped) {
        const { links } = file.stat();
        if (links === 1) continue;
        engine.host.ui.warn(`"${mapping.hostPath}" has ${links} names (hard links); it is lent under all of them`);
      }
    },
    loans: () => loansOf(mapped),
    keep: async () => loansOf(await keepMapped(engine, mapped)),
    follow: (signal) => followReplacements(engine.host, prompter, { mapped, options, rules, signal }),
    takeBack: (engine) => unmapFiles(engine, mapped),
    deadlineMs: () => maxUnmapMs,
  };
}
