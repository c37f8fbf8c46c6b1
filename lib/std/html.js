// @ts-self-types="./html.d.ts"
export { escape } from "deno-std/html/entities.js";
