/** The types of what this project uses of `@std/path`; the npm mirror of the same code ships none. */

export function basename(path: string, suffix?: string): string;
export function dirname(path: string): string;
export function extname(path: string): string;
export function fromFileUrl(url: string | URL): string;
export function isAbsolute(path: string): boolean;
export function join(path: string, ...paths: string[]): string;
export function resolve(...paths: string[]): string;
export function toFileUrl(path: string): URL;
