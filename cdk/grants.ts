import type { rotators } from "../lib/catalog.ts";
import type { Place } from "./naming.ts";

/** An IAM statement that a plugin asks for, as the catalog types it. */
export type Grant = (typeof rotators)[number]["grants"][number];
export type Filled = {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Record<string, Record<string, unknown>>;
};
/** What the placeholders of a grant stand for. */
export type Setting = Place & { readonly prefix: string; readonly network: string; readonly name?: string };

const PLACEHOLDER = /\$\{(\w+)\}/g;

const fill = (text: string, setting: Setting): string =>
  text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = (setting as Readonly<Record<string, string | undefined>>)[name];
    if (value !== undefined) return value;
    throw new Error(
      `A plugin's grant has the placeholder ${whole}. Use account, region, partition, prefix or network (lib/core/types.ts, Grant).`,
    );
  });

/** A plugin's grant with its placeholders filled in. Throws on a placeholder that nothing fills. */
export const filled = ({ actions, resources, conditions }: Grant, setting: Setting): Filled => ({
  actions,
  resources: resources.map((resource) => fill(resource, setting)),
  ...(conditions && {
    conditions: Object.fromEntries(
      Object.entries(conditions).map(([operator, pairs]) => [
        operator,
        Object.fromEntries(Object.entries(pairs).map(([key, value]) => [fill(key, setting), fill(value, setting)])),
      ]),
    ),
  }),
});
