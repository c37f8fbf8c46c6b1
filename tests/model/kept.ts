/** What the model tests have found: seeds, and the steps of them that broke a promise. None of them may do so again. */

import type { PromiseName } from "./promises.ts";

/** A seed that failed. */
export interface Kept {
  /** Of the world. */
  seed: number;
  /** As a failure names them. */
  steps: string;
  /** What they broke. */
  promise: PromiseName;
  /** How. */
  by: string;
}

/** On X. */
export const keptOnX: readonly Kept[] = [
  {
    seed: 1,
    steps: "window:1095164250 focus:1031578988 key:1 stall:872119063 blur:5 wait:1639455169 wait:1345030720 copies:1",
    promise: "copy",
    by: "a server that does not read: the guard did not hear that the user had left",
  },
  {
    seed: 37,
    steps: "window:1301094734 focus:1436026010 popup:259911924 stall:330628988 wait:226714752",
    promise: "popup",
    by: "a server that does not read, with a popup open",
  },
  {
    seed: 48,
    steps: "window:296480286 press:1108528715 popup:482297208 wait:822667672",
    promise: "popup",
    by: "a popup that opens after a click, and nothing more from the client",
  },
  {
    seed: 4,
    steps: "window:244671616 focus:1854467479 raise:1582420487",
    promise: "fullscreen",
    by: "a window that has the keyboard and is not used",
  },
  {
    seed: 8,
    steps: "window:2059350246 focus:1705701553 drag:1508211902",
    promise: "drag",
    by: "a window that is to be moved, with no button down",
  },
];

/** On Wayland. */
export const keptOnWayland: readonly Kept[] = [
  { seed: 7_000, steps: "connect:1452030871", promise: "monitors", by: "a monitor's name and serial number" },
  { seed: 7_000, steps: "select:1441507089", promise: "types", by: "a list of files, to the host" },
  {
    seed: 114,
    steps:
      "window:2016595847 focus:271284526 key:683245819 stall:446715158 wait:2035672505 blur:1596450089 copy:1205361032",
    promise: "copy",
    by: "an app that does not read: the guard did not hear that the user had left",
  },
  {
    seed: 7_032,
    steps: "window:842744003 hostDrags:883391246",
    promise: "types",
    by: "a list of files, to the container",
  },
  {
    seed: 7_020,
    steps: "hostSelects:1169164117 select:1937713321",
    promise: "copy",
    by: "a null selection, with the channel closed",
  },
  {
    seed: 7_052,
    steps: "window:141855785 hostCopies:1912576688 focus:1379852401 read:2064777090",
    promise: "paste",
    by: "a window that has the keyboard and is not used",
  },
  {
    seed: 7_004,
    steps: "window:132411491 hostDrags:73148747 read:826993997",
    promise: "drop",
    by: "a drag that only crosses a window",
  },
  {
    seed: 9_016,
    steps: "window:1492669039 touch:1769679384 touch:1987796628 drag:915468160",
    promise: "drag",
    by: "a touch that the compositor has cancelled",
  },
  {
    seed: 3_297,
    steps: "window:830274225 point:804176825 press:909488091 grab:1620987695 release:557478733 drag:888300065",
    promise: "drag",
    by: "a button that the compositor has taken, to move a window",
  },
  {
    seed: 9_137,
    steps: "window:974743961 focus:955844344 popup:115758292 draw:858718731",
    promise: "cover",
    by: "a popup on a monitor of scale 2",
  },
  {
    seed: 9_043,
    steps: "window:1876790589 window:59745041",
    promise: "mark",
    by: "a window in the place of one that had a frame",
  },
  {
    seed: 9_401,
    steps: "window:1826101627 part:685404536",
    promise: "mark",
    by: "a part that grows around a border",
  },
  {
    seed: 7_086,
    steps: "lock:618410903 window:954004167 hint:1702597128",
    promise: "pointer",
    by: "a hint outside of its window",
  },
  {
    seed: 7_220,
    steps: "offset:193436587 cursor:1840531788",
    promise: "pointer",
    by: "an offset from before it was the pointer's picture",
  },
  {
    seed: 9_055,
    steps: "window:382092122 part:2136765291",
    promise: "inside",
    by: "a part that is moved by an offset",
  },
  {
    seed: 9_355,
    steps: "window:521033330 touch:1817030972 drag:1573484556",
    promise: "inside",
    by: "what is dragged, far from the pointer",
  },
  {
    seed: 2_202,
    steps: "window:1583588159 part:1254750506 draw:733235364 part:528492801",
    promise: "inside",
    by: "a part that changes while it waits for its window",
  },
  {
    seed: 2_363,
    steps: "draw:1730242824 part:1400468023 connect:1115701259 part:244556423 window:1664971346 turn:1281003619",
    promise: "inside",
    by: "a part of a part, which shows later",
  },
  {
    seed: 20_117,
    steps: "hostSelects:1561570629 window:1814194142 focus:1772753866 devices:107254165 touch:1138730618 " +
      "wait:1516637273 blur:2108699398 read:67688205",
    promise: "paste",
    by: "a keyboard that the app had ended when the compositor gave it the window",
  },
  {
    seed: 897_663_546,
    steps: "hostSelects:937603104 window:452608810 focus:1470647277 stall:946229219 touch:399445957 lock:1261760329 " +
      "destroy:1418594029 readOn:1257961713",
    promise: "order",
    by: "the model itself: an app that ends an offer before it reads what was said to it",
  },
  {
    seed: 900_374_153,
    steps: "window:1696899767 turn:271386457 configure:1728651934 part:547379319 draw:564572032 configure:931217339",
    promise: "inside",
    by: "a part as large as the desktop has asked for before",
  },
  { seed: 880_001, steps: "shrink:334668781", promise: "size", by: "a part that shrinks after its window" },
  { seed: 97, steps: "any:431842662", promise: "order", by: "a part that a message makes which does not fit" },
];
