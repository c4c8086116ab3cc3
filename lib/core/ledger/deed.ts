import type { Instant } from "../types.ts";

/** What CloudTrail says was done to a credential, by whomever. */
export type Deed = {
  /** CloudTrail's own id of it. */
  readonly id: string;
  readonly name: string;
  readonly at: Instant;
  readonly who: string;
  /** As the call named it: an ARN, or a name. */
  readonly secret?: string;
  /** The version that it made current. */
  readonly version?: string;
  readonly accessKey?: string;
};
