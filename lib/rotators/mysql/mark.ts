/**
 * Written into an account beside its passwords: a hash that no password has, whose bytes say when and up to which
 * connection the server had come when the rotator last changed the account. So the server itself keeps, over crashes of
 * ours, which sessions are older than a change, and a restore sees whether its revoke was the last change. It lets nobody
 * in: that would take a password whose doubled SHA-1 is this very value.
 */
export type Mark = {
  readonly cause: "installed" | "dropped" | "locked";
  /** Seconds, on the server's clock. */
  readonly at: number;
  /** Connections up to this id had begun before the change was over; 0 until that is known. */
  readonly connection: number;
  /** Sets two changes of one second apart, 8 hexadecimal digits. */
  readonly nonce: string;
};

const CAUSES = ["installed", "dropped", "locked"] as const;
/** `REKEY` in ASCII. */
const MAGIC = "52454B4559";
const LAYOUT = new RegExp(`^\\*${MAGIC}(\\d\\d)([0-9A-F]{10})([0-9A-F]{10})([0-9A-F]{8})$`);

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

/** As a value of mysql_native_password: a star and 40 hexadecimal digits. */
export const markHash = ({ cause, at, connection, nonce }: Mark): string =>
  `*${MAGIC}${hex(CAUSES.indexOf(cause), 2)}${hex(at, 10)}${hex(connection, 10)}${nonce}`;

/** Undefined for what is a password's hash. */
export const readMark = (hash: string): Mark | undefined => {
  const [, cause, at, connection, nonce] = LAYOUT.exec(hash) ?? [];
  const known = CAUSES[Number(cause)];
  if (!known || at === undefined || connection === undefined || nonce === undefined) return undefined;
  return { cause: known, at: Number.parseInt(at, 16), connection: Number.parseInt(connection, 16), nonce };
};

export const nonceFrom = (random: (bytes: number) => Uint8Array): string =>
  Array.from(random(4), (byte) => hex(byte, 2)).join("");
