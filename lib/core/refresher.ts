import type { Deps, Grant, Instant } from "./types.ts";

/** How far a consumer has come with reading its secret again. */
export type Progressed =
  /** It still runs as it did before that instant. */
  | { readonly state: "not begun" }
  | { readonly state: "under way" }
  /** Whatever runs of it now has begun after that instant, and works. */
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly why: string };

/** Has one consumer read its secret again. `name` is what stands after the kind in tag `rekey:consumers`. */
export interface RefresherVerbs {
  /** Reads only. Throws Misconfigured where coming again would not help. */
  look(name: string, since: Instant, signal: AbortSignal): Promise<Progressed>;
  /** Has it begin. Beginning twice is beginning once: `look` says whether it has to. */
  begin(name: string, signal: AbortSignal): Promise<void>;
}

export type Refresher = {
  readonly kind: string;
  /** One line for people. */
  readonly title: string;
  /** What stands after the kind, with an example. */
  readonly form: RegExp;
  readonly example: string;
  /** What an operator has to know, a sentence or two each. */
  readonly notes: readonly string[];
  /** `${name}` in resources is a pattern of the config's, such as `prod/orders` or `reports-*`. */
  readonly grants: readonly Grant[];
  connect(deps: Pick<Deps, "aws" | "clock">): Promise<RefresherVerbs>;
};

export const defineRefresher = <const R extends Refresher>(refresher: R): R => refresher;
