/** Any run of characters, and any one. */
export const ANY = 0;
export const ONE = 1;
/** One character, or what stands for others. */
export type Piece = string | typeof ANY | typeof ONE;

const pieceOf = (char: string): Piece => {
  if (char === "*") return ANY;
  return char === "?" ? ONE : char;
};

export const pieces = (text: string): readonly Piece[] => Array.from(text, pieceOf);
/** Nothing in it stands for others. */
export const literal = (text: string): readonly Piece[] => Array.from(text);

/**
 * IAM's wildcards. Time is at most the product of both lengths: whoever writes a policy must not choose how long its
 * evaluation takes, as they could with a regular expression.
 */
export const matches = (pattern: readonly Piece[], text: string): boolean => {
  const chars = Array.from(text);
  let [at, p] = [0, 0];
  let [star, resume] = [-1, 0];
  while (at < chars.length) {
    const piece = pattern[p];
    if (piece === ANY) {
      [star, resume] = [p, at];
      p++;
    } else if (piece === ONE || (piece !== undefined && piece === chars[at])) {
      at++;
      p++;
    } else if (star >= 0) {
      resume++;
      [at, p] = [resume, star + 1];
    } else {
      return false;
    }
  }
  return pattern.slice(p).every((piece) => piece === ANY);
};

/** Whether a text with `*` and `?` matches. */
export const glob = (pattern: string, text: string): boolean => matches(pieces(pattern), text);
