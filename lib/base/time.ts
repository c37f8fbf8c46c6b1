/** Times as the user's clock shows them. */

/**
 * The date and the time of day of an instant, in the user's time zone: `2026-01-02` and `23:59`.
 *
 * @param ms milliseconds since 1970
 * @param options `to`: the precision of the time of day
 */
export function localTime(
  ms: number,
  { to = "minute" }: { to?: "minute" | "second" } = {},
): { date: string; time: string } {
  // Temporal knows fewer of the zones that $TZ may name, and fails for others. Swedish has the order of ISO 8601.
  const [date = "", time = ""] = new Date(ms).toLocaleString("sv").split(" ");
  return { date, time: to === "second" ? time : time.replace(/:\d+$/, "") };
}

/** A time that is less than this ahead is shown to the second, in milliseconds. */
const soonMs = 300_000;

/** The time of day of an instant, to the second if it comes soon, after its date where that is not today's. */
export function clockTime(ms: number, now = Date.now()): string {
  const { date, time } = localTime(ms, { to: ms - now < soonMs ? "second" : "minute" });
  return date === localTime(now).date ? time : `${date} ${time}`;
}
