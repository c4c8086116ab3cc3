/** A tag that says bucket and object key. */
export const PATH = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[\w./=+@-]{1,180}$/;
