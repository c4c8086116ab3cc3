import { Misconfigured } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import { changeObject, type Place, readObject } from "../shared/object.ts";
import { Document } from "./document.ts";
import type { Target } from "./schema.ts";

type At = { readonly target: Target; readonly signal: AbortSignal };

const placeOf = ({ jwks, maxAge }: Target): Place => ({
  path: jwks,
  tag: "jwks",
  bucketsNamed: "<prefix>-jwks-…",
  contentType: "application/jwk-set+json",
  maxAge: Number(maxAge),
});

/** An empty document where there is none yet. */
const parsed = ({ jwks }: Target, text: string | undefined): Document => {
  if (text === undefined) return { keys: [] };
  try {
    const result = Document.safeParse(JSON.parse(text));
    if (result.success) return result.data;
  } catch {
    // Said below, as for JSON of another shape.
  }
  throw new Misconfigured(`S3 object ${jwks} is no JWKS document. Correct tag rekey:jwks, or put {"keys":[]} there.`);
};

/** The published document. */
export const readDocument = async (deps: Deps, { target, signal }: At): Promise<Document> =>
  parsed(target, (await readObject(deps, { place: placeOf(target), signal })).text);

/** Changes it, whoever else does. Returns what was there before. */
export const changeDocument = async (
  deps: Deps,
  { target, signal }: At,
  change: (document: Document) => Document,
): Promise<Document> => {
  const before = await changeObject(deps, { place: placeOf(target), signal }, async (text) =>
    JSON.stringify(change(parsed(target, text))),
  );
  return parsed(target, before);
};
