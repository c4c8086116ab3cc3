import { createHash } from "node:crypto";
import type { Identifier } from "../../core/types.ts";

/** By which a scanner can report a leaked value without repeating it. Of a value that nobody can guess it gives nothing away. */
export const leakNames = (value: string | undefined): readonly Identifier[] =>
  value === undefined ? [] : [`leak:sha256/${createHash("sha256").update(value).digest("hex")}`];
