import { type Meant, meant } from "../catalog/meant.ts";
import { Misconfigured } from "../core/errors.ts";
import { Problem } from "./problem.ts";

/** The framework or control of that name. Throws Problem where there is none. */
export const known = (given: string): Meant => {
  try {
    return meant(given);
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    throw new Problem(404, error.message, "GET /controls lists the frameworks.");
  }
};
