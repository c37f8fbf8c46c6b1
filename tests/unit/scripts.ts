/** A script of two verbs, for tests. */

import type { ScriptSpec } from "../../lib/cli/options.ts";

export const spec = {
  name: "try.ts",
  summary: "Tries.",
  usage: ["[options] NAME", "--list"],
  options: {
    "image": { help: "An image", value: "IMAGE" },
    "delete": { help: "Delete it" },
    "no-wait": { help: "Do not wait" },
    "gui": { help: "Dialogs" },
    "no-gui": { help: "No dialogs" },
  },
  operands: { first: ["container"], rest: null },
  operandsWith: { "delete": { first: [], rest: null } },
  examples: [["x", "Tries x"]],
  manual: [],
  showErrors: { except: ["delete"] },
} satisfies ScriptSpec<string>;
