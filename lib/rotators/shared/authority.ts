import { readFile } from "node:fs/promises";
import { Misconfigured } from "../../core/errors.ts";

/** The PEM file of an authority that Node does not know. Throws Misconfigured: which file, and what to do. */
export const authority = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new Misconfigured(
      `rekey:tlsCa names ${path}, which cannot be read here. Ship that PEM file with the function.`,
    );
  }
};
