/** Input on a border or a plate, which the app does not get. */

import type { Message, WaylandObject } from "./objects.ts";

/** The interfaces of devices that point at surfaces, each with its events that are not about a surface. */
const pointing = new Map<string, readonly string[]>([
  ["wl_pointer", []],
  ["wl_touch", ["wl_touch.cancel"]],
  ["wl_data_device", ["wl_data_device.data_offer", "wl_data_device.selection"]],
  ["zwp_pointer_gesture_swipe_v1", []],
  ["zwp_pointer_gesture_pinch_v1", []],
  ["zwp_pointer_gesture_hold_v1", []],
  ["zwp_tablet_tool_v2", ["zwp_tablet_tool_v2.removed"]],
]);

/** Returns a function that takes each event and returns whether it is about a border. */
export function createBorderInput(): (event: Message) => boolean {
  /** What each device has on a border: the ids of fingers, 0 for any other pointer. */
  const onBorder = new WeakMap<WaylandObject, Set<unknown>>();
  /** Devices with an event that was passed to the app since their last frame. */
  const isHeard = new WeakSet<WaylandObject>();
  return ({ object, type: { name, args }, values }) => {
    const besides = pointing.get(object.type.name);
    if (!besides || besides.includes(name)) return false;
    if (name === `${object.type.name}.frame`) return !isHeard.delete(object);
    const what = object.type.name === "wl_touch" ? values[args.findIndex(({ name }) => name === "id")] : 0;
    const there = onBorder.get(object) ?? new Set();
    const at = args.findIndex((argument) => argument.interface === "wl_surface");
    const isHidden = at < 0 ? there.has(what) : (values[at] as WaylandObject | undefined)?.id === 0;
    if (at >= 0) {
      onBorder.set(object, there);
      if (isHidden) there.add(what);
      else there.delete(what);
    }
    if (!isHidden) isHeard.add(object);
    return isHidden;
  };
}
