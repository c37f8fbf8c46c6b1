/** The two ways in which a guard refuses: one packet, or the whole session. */

/** A packet that must not pass. It is dropped and counted; the session goes on. */
export class Refusal extends Error {
  override name = "Refusal";
}

/** A breach of the protocol or of its limits. It ends the session, with its message as the reason. */
export class Violation extends Error {
  override name = "Violation";
}
