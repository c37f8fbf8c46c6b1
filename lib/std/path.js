// @ts-self-types="./path.d.ts"
// The files by themselves: all of the package takes 18 ms to load, before the first command of every script.
export { basename } from "deno-std/path/posix/basename.js";
export { dirname } from "deno-std/path/posix/dirname.js";
export { extname } from "deno-std/path/posix/extname.js";
export { fromFileUrl } from "deno-std/path/posix/from_file_url.js";
export { isAbsolute } from "deno-std/path/posix/is_absolute.js";
export { join } from "deno-std/path/posix/join.js";
export { resolve } from "deno-std/path/posix/resolve.js";
export { toFileUrl } from "deno-std/path/posix/to_file_url.js";
