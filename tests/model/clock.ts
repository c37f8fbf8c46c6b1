/** How long this thread has run, in milliseconds: on a busy machine that is less than the time that has passed. */
export function threadMs(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ", 1)[0]) / 1e6;
}
