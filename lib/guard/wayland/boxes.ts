/** Sizes, and boxes relative to the upper left corner of a surface. */

import type { Size } from "../limits.ts";

/** A rectangle by its edges. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export const zeroSize: Size = { width: 0, height: 0 };
export const origin: Box = { left: 0, top: 0, right: 0, bottom: 0 };

export function isSame(size: Size, other: Size): boolean {
  return size.width === other.width && size.height === other.height;
}

export function sizeOf({ left, top, right, bottom }: Box): Size {
  return { width: right - left, height: bottom - top };
}

/** A box enlarged by this much on each side. */
export function grown({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}

/** A box by its place and size, as in messages. */
export function rectangleOf(box: Box): readonly [x: number, y: number, width: number, height: number] {
  const { width, height } = sizeOf(box);
  return [box.left, box.top, width, height];
}

export function contains(box: Box, { left, top, right, bottom }: Box): boolean {
  return box.left <= left && box.top <= top && box.right >= right && box.bottom >= bottom;
}

export function isSameBox(box: Box, other: Box): boolean {
  return contains(box, other) && contains(other, box);
}

export function maxSize(sizes: readonly Size[]): Size {
  return sizes.reduce((max, { width, height }) => ({
    width: Math.max(max.width, width),
    height: Math.max(max.height, height),
  }));
}

export function unionOf(box: Box, other: Box): Box {
  return {
    left: Math.min(box.left, other.left),
    top: Math.min(box.top, other.top),
    right: Math.max(box.right, other.right),
    bottom: Math.max(box.bottom, other.bottom),
  };
}

/** The intersection of two boxes; the first one if it is empty. */
export function overlap(box: Box, other: Box): Box {
  const [left, top] = [Math.max(box.left, other.left), Math.max(box.top, other.top)];
  const [right, bottom] = [Math.min(box.right, other.right), Math.min(box.bottom, other.bottom)];
  return left < right && top < bottom ? { left, top, right, bottom } : box;
}
