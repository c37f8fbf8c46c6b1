/** The channels by name: the guards know which of them are open. */

/** What can pass between the app and the host besides its windows, keys and pointer. */
export type Channel =
  /** Host to app. */
  | "clipboard-in"
  /** App to host. */
  | "clipboard-out"
  | "sound"
  /** The app gets the host's time zone, language, colour scheme, font and pointer when its session starts. */
  | "look"
  /** The app's own file dialogs lead to files of the host that the user chooses. */
  | "dialogs"
  | "microphone"
  | "notifications"
  /** The app opens a link on the host. */
  | "links"
  /** The app hands over files, which come to the user's downloads. */
  | "files"
  | "printing"
  | "tray";

/** The channels whose uses the user can be asked for, one by one. */
export const askableNames = [
  "links",
  "files",
  "printing",
  "notifications",
  "microphone",
] as const satisfies readonly Channel[];

export type AskableChannel = typeof askableNames[number];

/** The channels about which there are questions: of files that are pasted, the user is always asked. */
export type QuestionChannel = AskableChannel | "dialogs";
