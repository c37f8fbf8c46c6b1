/**
 * Sources: what an app offers, to copy or drag it, and the data that is asked for. Host programs see only types of text
 * and pictures; all others have the container's mark in front of their names (`WaylandSession.outerType`).
 */

import { countedPassage } from "../crossings.ts";
import { linkTypes, listType } from "./dropped_files.ts";
import type { Input } from "./input.ts";
import { type Addition, alsoPrimary, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { OwnMessages } from "./own_messages.ts";
import type { WaylandSession } from "./session.ts";

/** The most types of a source or an offer. */
export const maxTypes = 256;

/** The name of a type of data, which has at most 256 characters. */
const typeName = /^[\x21-\x7e][ -\x7e]{0,255}$/;

/** The type that replaces one which the app did not offer. */
const unknownType = "application/x-gui-container";

/** The type by which a password manager asks clipboard managers not to store a password. */
const secretHint = "x-kde-passwordManagerHint";

export interface Sources extends Part {
  /** The types of a source, by the app's names. */
  typesOf(source: WaylandObject): ReadonlySet<string>;
  /** Whether a source has a list of files. */
  hasFiles(source: WaylandObject): boolean;
  /** Tells the user that files which an app copies or drags out stay in the container. */
  tellOfFiles(): void;
  /** Marks a source as this container's. The mark is its last type, since an app may take the first that it finds. */
  mark(source: WaylandObject): Addition[];
}

/** What it takes to let an app copy and drag what it offers. */
export interface Outgoing {
  session: WaylandSession;
  input: Input;
  sources: Sources;
  own: OwnMessages;
}

/** Makes the sources of a connection; there are none. */
export function createSources({ clipboard, crossings, dataMark, outerType, takeOut, tell }: WaylandSession): Sources {
  /** The types of each source: the app's names, by the host's. */
  const types = new WeakMap<WaylandObject, Map<string, string>>();
  const marked = new WeakSet<WaylandObject>();
  /** Those whose drag may carry a window. That hides what lies below, where the user may drop a text unawares. */
  const withWindow = new WeakSet<WaylandObject>();
  const typesOf: Sources["typesOf"] = (source) => new Set(types.get(source)?.values());

  return {
    handlers: {
      ...alsoPrimary("source.offer", ({ object, args: { mime_type: type } }) => {
        const its = types.get(object) ?? new Map<string, string>();
        types.set(object, its);
        if (its.size >= maxTypes || !typeName.test(type)) return dropped;
        const outer = clipboard.out && type === secretHint ? type : outerType(type);
        if (outer === undefined) return dropped;
        its.set(outer, type);
        return outer === type ? undefined : { args: { mime_type: outer } };
      }),
      // The host asks for data.
      ...alsoPrimary("source.send", ({ object, args: { mime_type: outer, fd: pipe } }) => {
        const type = types.get(object)?.get(outer);
        // It may have been copied while the clipboard was open.
        const isOpen = (): boolean => clipboard.out && !withWindow.has(object) || outer.startsWith(`${dataMark};`);
        if (type === undefined) pipe.mayPass = () => false;
        else pipe.mayPass = countedPassage(crossings, { direction: "out", type: outer, isOpen });
        return type === outer ? undefined : { args: { mime_type: type ?? unknownType } };
      }),
      "xdg_toplevel_drag_manager_v1.get_xdg_toplevel_drag": ({ args }) => void withWindow.add(args.data_source),
      "wl_data_source.target": ({ object, args: { mime_type: outer } }) =>
        outer === null ? undefined : { args: { mime_type: types.get(object)?.get(outer) ?? null } },
    },
    typesOf,
    hasFiles(source) {
      const its = typesOf(source);
      return its.has(listType) && its.isDisjointFrom(linkTypes);
    },
    tellOfFiles: () =>
      tell(
        `Files that an app copies ${takeOut ? "" : "or drags out "}stay in its container. ` +
          "To have one here, put it into the share, or open it there by xdg-open: with --allow files, it comes to your downloads",
      ),
    mark(source) {
      if (marked.has(source)) return [];
      marked.add(source);
      return [[source, "offer", dataMark]];
    },
  };
}
