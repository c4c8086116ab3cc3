import type { CredentialId } from "../lib/core/types.ts";

/** One credential on the stage, and the least that anybody has to do about it by hand. */
export type Subject = {
  readonly id: CredentialId;
  /** The next material made, put in force and tried, with the four calls of Secrets Manager around it. */
  readonly rotateByHand: () => Promise<unknown>;
  /** One question asked with the first material, from a new connection on. */
  readonly ask: () => Promise<unknown>;
};

/** A target of the bench that stands beside the stage's PostgreSQL. */
export type Engine = {
  readonly name: string;
  readonly subject: (name: string) => Promise<Subject>;
  /** Connections that the target has counted so far; absent where it is an AWS API. */
  readonly connectionsSeen?: () => Promise<number>;
  /** AWS services that are this target. */
  readonly services: readonly string[];
  /** What `rotateByHand` and `ask` do, for the rows. */
  readonly byHand: string;
  readonly asks: string;
  readonly stop: () => Promise<unknown>;
};
