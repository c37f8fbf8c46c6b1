/**
 * The objects of a connection, by the app's ids and by the compositor's. These differ, since both ends number objects
 * without gaps, and the guard has objects of its own, of which only one end knows.
 */

import { Violation } from "../faults.ts";
import type { FrameSender } from "./descriptors.ts";
import type { Create, WaylandObject } from "./objects.ts";
import { type Interface, protocols } from "./protocols.ts";
import { countedAs } from "./rules.ts";
import type { WaylandSession } from "./session.ts";

/** The ids of the compositor's objects begin here. */
const firstServerId = 0xff00_0000;

export interface ObjectTable {
  /** Returns the object that an end means by an id. */
  find(sender: FrameSender, id: number): WaylandObject | undefined;
  /** Makes the object to which an end has given an id. */
  make(sender: FrameSender, made: { id: number; type: Interface | undefined; version: number }): WaylandObject;
  create: Create;
  /** Makes a second object for the app that stands for the same object of the compositor. */
  renew(object: WaylandObject): WaylandObject;
  /** Notes that the app has destroyed an object. */
  destroy(object: WaylandObject): void;
  /** Frees an id that the compositor has deleted. Returns the app's id of the object; 0: the app does not know it. */
  free(hostId: number): number;
  /** Ends what is left when the connection ends. */
  close(): void;
}

/** Makes the objects of a connection: its display. `ended`: called for each object that the app knows, at its end. */
export function createObjectTable(session: WaylandSession, ended: (object: WaylandObject) => void): ObjectTable {
  const display: WaylandObject = { id: 1, hostId: 1, type: protocols.get("wl_display")!, version: 1, isEnded: false };
  const objects = { container: new Map([[1, display]]), host: new Map([[1, display]]) };
  /** Free ids at the compositor, which accepts none above the next unused one. */
  const freeIds: number[] = [];
  let highestId = 1;
  const takeId = (): number => freeIds.pop() ?? ++highestId;
  let highestServerId = firstServerId - 1;
  /** The app's id for an object of the compositor: the same, unless the guard has given that id to another object. */
  const ownIdFor = (hostId: number): number => {
    highestServerId = Math.max(highestServerId, hostId);
    return objects.container.get(hostId)?.isEnded ?? true ? hostId : ++highestServerId;
  };
  const register = (object: WaylandObject): WaylandObject => {
    if (object.id !== 0) {
      objects.container.set(object.id, object);
      const what = countedAs.get(object.type.name);
      if (what) session.add(what);
    }
    const isNew = !objects.host.has(object.hostId);
    objects.host.set(object.hostId, object);
    // A refused object counts too, until the connection ends.
    if (isNew) session.add("object");
    return object;
  };
  const end = (object: WaylandObject): void => {
    const what = countedAs.get(object.type.name);
    if (what) session.remove(what);
    ended(object);
  };
  return {
    find: (sender, id) => objects[sender].get(id),
    make(sender, { id, type, version }) {
      if (!type) throw new Violation("an object of an unknown interface is made");
      const isFree = sender === "container"
        ? id > 1 && id < firstServerId && !objects.container.has(id)
        // The compositor reuses the id of an object as soon as the app has ended it.
        : id >= firstServerId && (objects.host.get(id)?.isEnded ?? true);
      if (!isFree) throw new Violation("the id of a new object is taken");
      const ids = sender === "host" ? { id: ownIdFor(id), hostId: id } : { id, hostId: takeId() };
      return register({ ...ids, type, version, isEnded: false });
    },
    create: (name) => register({ id: 0, hostId: takeId(), type: protocols.get(name)!, version: 1, isEnded: false }),
    renew: (object) => register({ ...object, id: ++highestServerId }),
    destroy(object) {
      object.isEnded = true;
      end(object);
    },
    free(hostId) {
      const object = objects.host.get(hostId);
      if (!object || object === display || hostId >= firstServerId) return 0;
      objects.host.delete(hostId);
      session.remove("object");
      freeIds.push(hostId);
      if (object.id === 0) return 0;
      if (!object.isEnded) end(object);
      objects.container.delete(object.id);
      return object.id;
    },
    close() {
      for (const object of objects.container.values()) if (!object.isEnded) end(object);
      session.remove("object", objects.host.size - 1);
    },
  };
}
