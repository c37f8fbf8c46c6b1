/** The two ways in which the guard says no: to one packet, and to the whole session. */

/** A packet that must not pass. It is dropped and counted; the session goes on. */
export class Refusal extends Error {
  /** Tells it apart where it is caught. */
  override name = "Refusal";
}

/** Bytes that are not xpra packets, or more than a session may hold. Ends the session, with its message as reason. */
export class Violation extends Error {
  /** Tells it apart where it is caught. */
  override name = "Violation";
}
