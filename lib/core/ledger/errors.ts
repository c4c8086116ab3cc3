/** The value cannot become an entry: the message says which part and why, never the value. Retrying is useless. */
export class Unrecordable extends Error {
  override readonly name = "Unrecordable";
}

/** Bytes that claim to be part of a log are not: a note, a checkpoint, a bundle or an entry. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/**
 * What is stored contradicts what was committed: somebody wrote beside the sequencer. Sealing halts, since every
 * further signature would vouch for one of two histories; a person has to look.
 */
export class Fork extends Error {
  override readonly name = "Fork";
}

/** What is read; undefined where it is malformed. */
export const unlessMalformed = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    // TypeError: bytes that are not UTF-8.
    if (error instanceof Malformed || error instanceof TypeError) return undefined;
    throw error;
  }
};
