import { announceOn } from "../lib/aws/announce.ts";
import type { Tell } from "../lib/core/notice.ts";
import type { Aws } from "../lib/core/types.ts";
import { log } from "./environment.ts";

/** Tells people of what happened; that nobody could be told changes nothing about what was done. */
export const tellOn = (aws: Aws): Tell => {
  const announce = announceOn(aws);
  return (notice) =>
    announce("Rekey Notice", notice).catch((error) => log("warn", "not told", { ...notice, error: String(error) }));
};
