/** Times as the user's clock shows them. */

/**
 * The date and the time of day of an instant, in the user's time zone: `2026-01-02` and `23:59`.
 *
 * @param ms milliseconds since 1970
 * @param options `to`: what the time of day is shown to
 */
export function localTime(
  ms: number,
  { to = "minute" }: { to?: "minute" | "second" } = {},
): { date: string; time: string } {
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(Temporal.Now.timeZoneId());
  return { date: local.toPlainDate().toString(), time: local.toPlainTime().toString({ smallestUnit: to }) };
}

/** The time of day of an instant, to the minute, after its date where that is not today's. */
export function clockTime(ms: number, now = Date.now()): string {
  const { date, time } = localTime(ms);
  return date === localTime(now).date ? time : `${date} ${time}`;
}
