import { CONSUMER_TAGS, consumersOf, refreshers, toleranceOf } from "../../lib/catalog.ts";

type Given = { readonly consumers?: readonly (readonly string[])[]; readonly tolerateFailed?: number };

/** AWS's own bound of a tag's value (Secrets Manager user guide, tagging). */
const LONGEST = 256;

const packed = (entries: readonly string[]): readonly string[] => {
  const tags: string[] = [];
  for (const entry of entries) {
    const last = tags.at(-1);
    if (last !== undefined && last.length + 1 + entry.length <= LONGEST) tags[tags.length - 1] = `${last} ${entry}`;
    else tags.push(entry);
  }
  return tags;
};

/** The tags that lib/core/consumer.ts reads, checked by it. Throws what is wrong. */
export const consumerTags = ({ consumers = [], tolerateFailed }: Given): Readonly<Record<string, string>> => {
  if (consumers.length > 9) throw new Error("consumers: there are nine waves at most.");
  const entries = consumers.flatMap((wave, n) => wave.map((one) => (n === 0 ? one : `${n + 1}=${one}`)));
  const values = packed(entries);
  if (values.length > CONSUMER_TAGS.length) {
    throw new Error(`consumers: they are longer than ${CONSUMER_TAGS.length} tags of ${LONGEST} characters hold.`);
  }
  const tags = {
    ...Object.fromEntries(values.map((value, n) => [CONSUMER_TAGS[n] ?? "", value])),
    ...(tolerateFailed !== undefined && { "consumers-tolerate": String(tolerateFailed) }),
  };
  consumersOf(tags, refreshers);
  toleranceOf(tags);
  return tags;
};
