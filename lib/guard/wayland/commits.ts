/**
 * The commits of surfaces, with which they show something else. A window shows nothing far outside of its window
 * geometry. The commit of a subsurface that would reach beyond the window's border waits for the window's next one.
 */

import { areaOf, maxScreenfuls, type Size } from "../limits.ts";
import { type Box, contains, grown, isSameBox, maxSize, overlap, rectangleOf, sizeOf, unionOf } from "./boxes.ts";
import { type Addition, dropped, type Verdict } from "./objects.ts";
import type { WaylandSession } from "./session.ts";
import type { Surface } from "./surface.ts";

/** How far a window may reach beyond its window geometry, in desktop pixels: the width of a shadow. */
export const maxShadow = 128;

/** How many pixels all buffers may have, however large the screens are: the compositor stores them, in 4 GiB. */
const maxPixels = 2 ** 30;

export interface CommitOptions {
  session: Pick<WaylandSession, "addPixels" | "addWork">;
  /** Whether a popup may have this size. */
  mayPopUp(popup: Surface, size: Size): boolean;
  /** The pixels of all screens. */
  screens(): number;
}

/** The commits of a connection. */
export class Commits {
  /** Subsurfaces whose commits wait until their window is large enough for them. */
  readonly #held = new Set<Surface>();
  /** The number of the last one. */
  #count = 0;

  constructor(private readonly options: CommitOptions) {}

  /** Returns the verdict on the commit of a surface. */
  commit(surface: Surface): Verdict<never> | undefined {
    this.#take(surface);
    this.#held.delete(surface);
    if (surface.followsParent()) return undefined;
    const root = surface.root();
    if (root !== surface && !root.isInside()) {
      this.#held.add(surface);
      const { seen } = root;
      return seen && isWithin(root.extent()!, seen) ? { ...dropped, ...recommit(root) } : dropped;
    }
    this.#apply(surface);
    return root === surface ? this.#commitRoot(root) : followPart(root);
  }

  /** Lets a subsurface change without its parent. Returns the verdict on that. */
  desync(part: Surface): Verdict<never> | undefined {
    const root = part.root();
    if (!root.isInside()) return dropped;
    part.isSync = false;
    if (part.followsParent()) return undefined;
    this.#apply(part);
    return followPart(root);
  }

  /** Sets the size of a surface's buffer, and counts its pixels. */
  setPicture(surface: Surface, size: Size): void {
    const { session, screens } = this.options;
    const change = areaOf(size) - areaOf(surface.picture);
    surface.picture = size;
    // Firefox has two buffers for each window.
    if (change !== 0) session.addPixels(change, Math.min(2 * maxScreenfuls * screens(), maxPixels));
  }

  /** Forgets the commit of a subsurface that has ended. */
  forget(part: Surface): void {
    this.#held.delete(part);
  }

  /** Takes the pending state as committed. */
  #take(surface: Surface): void {
    this.setPicture(surface, surface.pending ?? surface.picture);
    delete surface.pending;
    delete surface.isChanging;
    // The previous commit may be on the screen already: compositors differ.
    surface.sizes = [maxSize(surface.sizes), surface.nextSize()];
    surface.committedAt = ++this.#count;
    for (const part of surface.parts) {
      const [shown, committed, next] = part.places;
      part.places = [unionOf(shown, committed), next, next];
    }
  }

  /** Takes the committed state as shown, with the subsurfaces that every compositor shows now. */
  #apply(surface: Surface): void {
    if (this.#held.has(surface)) return;
    surface.sizes[0] = surface.sizes[1];
    for (const part of surface.parts) {
      part.places[0] = part.places[1];
      if (part.isSync && part.committedAt < surface.committedAt) this.#apply(part);
    }
  }

  #commitRoot(root: Surface): Verdict<never> | undefined {
    const { session, mayPopUp } = this.options;
    session.addWork(this.#held.size);
    const following = [...this.#held].filter((part) => part.root() === root);
    // With the app's changes since their commit.
    for (const part of following) this.#take(part);
    const box = root.extent();
    const { shell, geometry, named } = root;
    if (!box) {
      delete root.whole;
      delete root.seen;
      return undefined;
    }
    root.whole = root.whole && isSameBox(root.whole, box) ? root.whole : box;
    if (!shell) return root.isTooLarge(sizeOf(box)) ? dropped : undefined;
    if (root.role === "popup" && (root.isHidden || !mayPopUp(root, sizeOf(box)))) return dropped;
    // Otherwise it would show pictures over other windows, which the desktop takes for a shadow.
    const isBeyond = named ? !isWithin(box, named) : geometry !== undefined || following.length > 0;
    // Once the subsurfaces fit again, the app's own geometry counts, with the shadow outside.
    const counts = isBeyond ? box : named;
    const isChanged = counts !== undefined && !(geometry && isSameBox(counts, geometry));
    if (isChanged) root.told = rectangleOf(counts);
    if (counts) root.geometry = counts;
    for (const part of following) {
      this.#held.delete(part);
      if (!part.followsParent()) this.#apply(part);
    }
    // A compositor counts what is shown now: not a subsurface that will show after its parent's next commit.
    const shown = root.extent("shows") ?? box;
    root.seen = overlap(shown, root.geometry ?? shown);
    if (!isChanged && following.length === 0) return undefined;
    // Before their window, as the app has committed them: wlroots then counts them as part of it.
    const commits = following.map(({ object }): Addition => [object, "commit"]);
    return {
      before: [...isChanged ? [[shell, "set_window_geometry", ...rectangleOf(counts)] as const] : [], ...commits],
    };
  }
}

/** Commits a window, unless the app is in the middle of changing its state. */
function recommit(
  { object, shell, isChanging, limits: { min, max } }: Surface,
): Pick<Verdict, "commits"> | undefined {
  // Firefox sets its minimum and maximum size without a commit.
  const isBetween = (["width", "height"] as const).some((side) => max?.[side] && min && min[side] > max[side]);
  return shell && !isChanging && !isBetween ? { commits: object } : undefined;
}

/** After a subsurface has changed: commits its window if its extent, and so its outer line, has another size. */
function followPart(root: Surface): Verdict<never> | undefined {
  const { whole } = root;
  const box = whole && root.extent();
  return box && !isSameBox(box, whole) ? recommit(root) : undefined;
}

/** Whether a box reaches no farther beyond another one than a shadow. */
function isWithin(box: Box, other: Box): boolean {
  return contains(grown(other, maxShadow), box);
}
