/** The material was refused by its target. The only proof of death that Rekey accepts. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

/** Something a person set is wrong: the message says what, which id and what to do, never material. */
export class Misconfigured extends Error {
  override readonly name = "Misconfigured";
}

/** The request contradicts the state it meets (stale token, version already current elsewhere). Retrying is useless. */
export class Conflict extends Error {
  override readonly name = "Conflict";
}
