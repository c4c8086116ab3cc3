/** Fields of material that name rather than authenticate; every other string in material is taken for secret. */
const NAMES = /^(engine|host|port|dbname|database|username|userName|accessKeyId|kind|.*(arn|Arn|Identifier|Id))$/;

const leaves = (value: unknown, key: string): readonly string[] => {
  if (typeof value === "string") return value.length >= 4 && !NAMES.test(key) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, key));
  if (value && typeof value === "object") return Object.entries(value).flatMap(([k, v]) => leaves(v, k));
  return [];
};

/** Every string of a material that must not be printed, longest first. */
export const secretsIn = (material: unknown): readonly string[] =>
  [...new Set(leaves(material, ""))].sort((a, b) => b.length - a.length);

/** Text without those strings, as they are and as drivers encode them into URLs. */
export const scrub = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((out, s) => out.replaceAll(s, "[secret]").replaceAll(encodeURIComponent(s), "[secret]"), text);

/**
 * The same failure with no secret in it: a plain error with the original's name, code and scrubbed message. The
 * original's other fields (drivers keep connection strings there) and its cause are dropped.
 */
export const sanitized = (
  error: unknown,
  secrets: readonly string[],
  make: (name: string, message: string) => Error,
) => {
  const { name, message, code } = described(error);
  return Object.assign(make(name, scrub(message, secrets)), code === undefined ? {} : { code });
};

/** Name, message and code of anything thrown; the message is capped. */
export const described = (
  error: unknown,
): { readonly name: string; readonly message: string; readonly code?: string } => {
  if (!(error instanceof Error)) return { name: "Error", message: "something that is not an Error was thrown" };
  const code: unknown = "code" in error ? error.code : undefined;
  const message = error.message.slice(0, 600);
  return typeof code === "string" ? { name: error.name, message, code } : { name: error.name, message };
};
