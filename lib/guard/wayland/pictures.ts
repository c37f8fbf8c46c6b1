/** Buffers in pools of shared memory (`wl_shm_pool`), which are files of the app. No buffer reaches beyond its file. */

import { Violation } from "../faults.ts";
import { maxSide, type Size } from "../limits.ts";
import type { Descriptor, Descriptors } from "./descriptors.ts";
import type { Part, WaylandObject } from "./objects.ts";

export function createPictures(descriptors: Descriptors): Part & { sizeOf(buffer: WaylandObject): Size } {
  /** The files of pools and buffers, and the size of the pool. */
  const files = new Map<WaylandObject, { file: Descriptor; size: number }>();
  const sizes = new WeakMap<WaylandObject, Size>();
  return {
    handlers: {
      "wl_shm.create_pool": ({ args: { id, fd: file, size } }) => {
        if (size <= 0 || size > file.size) throw new Violation("a pool of pictures is larger than its file");
        descriptors.use(file);
        files.set(id, { file, size });
      },
      "wl_shm_pool.resize": ({ object, args: { size } }) => {
        const pool = files.get(object)!;
        if (size < pool.size || size > pool.file.size) {
          throw new Violation("a pool of pictures is larger than its file");
        }
        pool.size = size;
      },
      "wl_shm_pool.create_buffer": ({ object, args: { id, offset, width, height, stride } }) => {
        const { file, size } = files.get(object)!;
        const isFitting = offset >= 0 && width > 0 && height > 0 && width <= maxSide && height <= maxSide &&
          stride >= width && offset + stride * height <= size;
        if (!isFitting) throw new Violation("a picture is larger than its pool");
        descriptors.use(file);
        files.set(id, { file, size });
        sizes.set(id, { width, height });
      },
      "wp_single_pixel_buffer_manager_v1.create_u32_rgba_buffer": ({ args: { id } }) =>
        void sizes.set(id, { width: 1, height: 1 }),
    },
    sizeOf: (buffer) => sizes.get(buffer)!,
    ended(object) {
      const found = files.get(object);
      if (found) descriptors.release(found.file);
      files.delete(object);
    },
  };
}
