/** The types of what this project uses of `@std/html`; the npm mirror of the same code ships none. */

/** Text for HTML: `&`, `<`, `>` and both quotes as entities. */
export function escape(text: string): string;
