/** A value that can be used but not printed: string, JSON and inspection all give `[secret]`. */
export type Secret<T> = {
  /** The value itself; call it at the last moment and keep the result in no record. */
  readonly reveal: () => T;
};

const MASK = "[secret]";
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Wraps material so that logging it by accident shows `[secret]`. */
export const secret = <T>(value: T): Secret<T> =>
  Object.freeze({
    reveal: () => value,
    toString: () => MASK,
    toJSON: () => MASK,
    [INSPECT]: () => MASK,
    [Symbol.toPrimitive]: () => MASK,
  });

/** Parses the inside of a secret without letting it out. */
export const mapSecret = <A, B>(held: Secret<A>, change: (value: A) => B): Secret<B> => secret(change(held.reveal()));
