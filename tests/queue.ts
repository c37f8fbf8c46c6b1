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
 * has. One that something came before is then the next of all.
 */
export async function runQueue<Job extends Queued, Seat>(
  jobs: readonly Job[],
  { seats, run }: { seats: readonly Seat[]; run: (job: Job, seat: Seat) => Promise<void> },
): Promise<void> {
  const queue = jobs.filter(({ after }) => after === undefined);
  const held = new Set<string>();
  let coming = jobs.length - queue.length;
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  for (const job of jobs) {
    void job.after?.then(() => {
      queue.unshift(job);
      coming--;
      change();
    });
  }
  await Promise.all(seats.map(async (seat) => {
    while (queue.length + coming > 0) {
      const index = queue.findIndex(({ holds }) => !held.has(holds));
      if (index < 0) {
        await changed.promise;
        continue;
      }
      const [job] = queue.splice(index, 1) as [Job];
      held.add(job.holds);
      await run(job, seat);
      held.delete(job.holds);
      change();
    }
  }));
}
