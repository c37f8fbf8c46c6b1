/**
 * Decides what happens with a file that was lent as a copy, from what both sides had in common and what each has now.
 */

import { isSameContent } from "./content.ts";
import type { Content } from "./loan.ts";

/** What the host has: what is in the file that was lent, another file in its place, or none. */
export type HostSide = Content | "replaced" | "gone";

/** What is done on the host: nothing, the container's version is written to the file, or it is put beside the file. */
export type Return = "nothing" | "write" | "beside";

export interface ReturnPlan {
  action: Return;
  /** What the user should know; the name of the file comes before it, and for "beside" its place after it. */
  because?: string;
}

/** Decides what is done with the container's version. A version that only one side has is never lost. */
export function planReturn(
  lent: Content,
  { container, here, label }: { container: Content; here: HostSide; label: string },
): ReturnPlan {
  const isChanged = !isSameContent(container, lent);
  if (here === "gone") {
    return isChanged
      ? { action: "beside", because: `is not there any more; the version from "${label}" is` }
      : { action: "nothing", because: `is not there any more; "${label}" has not changed its copy` };
  }
  if (!isChanged) return { action: "nothing" };
  if (here === "replaced") {
    return { action: "beside", because: `was replaced here and changed in "${label}"; the container's version is` };
  }
  if (isSameContent(here, container)) return { action: "nothing" };
  if (isSameContent(here, lent)) return { action: "write" };
  return { action: "beside", because: `was changed here and in "${label}"; the container's version is` };
}
