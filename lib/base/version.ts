/** Versions of programs, such as `6.5.5`. */

/** Whether a version is `first` or a later one, by the numbers in it. */
export function isAtLeast(version: string, first: string): boolean {
  return version.localeCompare(first, "en", { numeric: true }) >= 0;
}
