/** A queue of jobs, of which several run at once: one at each seat. */

/** What can be queued. */
export interface Queued {
  /** What no two jobs may have at once. */
  holds: string;
  /** Comes before it. */
  after?: Promise<unknown>;
}

/**
 * Runs all jobs. At each seat begins the next one, in the order given, that is ready and holds nothing which another one
 * has.
 */
export async function runQueue<Job extends Queued, Seat>(
  jobs: readonly Job[],
  { seats, run }: { seats: readonly Seat[]; run: (job: Job, seat: Seat) => Promise<void> },
): Promise<void> {
  const waiting = [...jobs];
  const ready = new Set(jobs.filter(({ after }) => after === undefined));
  const held = new Set<string>();
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  for (const job of jobs) {
    void job.after?.then(() => {
      ready.add(job);
      change();
    });
  }
  await Promise.all(seats.map(async (seat) => {
    while (waiting.length > 0) {
      const index = waiting.findIndex((job) => ready.has(job) && !held.has(job.holds));
      if (index < 0) {
        await changed.promise;
        continue;
      }
      const [job] = waiting.splice(index, 1) as [Job];
      held.add(job.holds);
      await run(job, seat);
      held.delete(job.holds);
      change();
    }
  }));
}
