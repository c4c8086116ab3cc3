import * as z from "zod/mini";
import { MOMENTS, type Moment } from "./notice.ts";
import type { Deps, Grant, Scenario, Schema } from "./types.ts";

/** What people are told of one moment: facts of Rekey's own, and no text that came from outside. */
export type Telling = {
  /** The same for whatever need not be told twice. */
  readonly key: string;
  readonly moment: Moment;
  readonly subject: string;
  /** One line, without markup. */
  readonly title: string;
  /** One fact each. */
  readonly facts: readonly string[];
  /** Commands that answer it. */
  readonly next: readonly string[];
  readonly incident?: {
    readonly id: string;
    readonly scenario: Scenario;
    readonly severity: number;
    readonly reason: string;
    readonly by: string;
  };
  /** The detector's finding that led to it, as the detector names it. */
  readonly finding?: { readonly source: string; readonly id: string };
};

/** `refused`: whoever was told will not take it as it is, and the same again would not help. `nothing`: not his to hear. */
export type Outcome = "told" | "nothing" | { readonly refused: string };

export interface NotifierVerbs {
  /** Throws where it has to be told again later; Throttled with what was asked for. */
  tell(telling: Telling, signal: AbortSignal): Promise<Outcome>;
}

/** What every notifier of a config has. */
export const common = {
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,31}$/)),
  /** Absent: all that its kind can tell of. */
  moments: z.optional(z.array(z.enum(MOMENTS)).check(z.minLength(1))),
  /** 0 to 100. Incidents below it are not told of. */
  minSeverity: z.optional(z.int().check(z.minimum(0), z.maximum(100))),
};
export type Common = {
  readonly kind: string;
  readonly name: string;
  readonly moments?: readonly Moment[] | undefined;
  readonly minSeverity?: number | undefined;
};

export type Notifier<S extends Common = Common> = {
  readonly kind: S["kind"];
  /** One line for people. */
  readonly title: string;
  /** What an operator has to know, a sentence or two each. */
  readonly notes: readonly string[];
  /** Of one entry of `notify` in the config. */
  readonly settings: Schema<S>;
  readonly example: S;
  /** What it can tell of. */
  readonly moments: readonly Moment[];
  /** Name of the secret that it reads; undefined where it needs none. */
  secret(settings: S): string | undefined;
  grants(settings: S): readonly Grant[];
  connect(deps: Pick<Deps, "aws" | "clock">, settings: S): Promise<NotifierVerbs>;
};

/** A notifier whose settings are its own affair, as a list of them is handled. */
export const defineNotifier = <S extends Common>(notifier: Notifier<S>): Notifier => notifier as unknown as Notifier;

/** Whether an entry of the config is told of this. */
export const hears = ({ moments, minSeverity = 0 }: Common, own: readonly Moment[], telling: Telling): boolean =>
  own.includes(telling.moment) &&
  (moments?.includes(telling.moment) ?? true) &&
  (telling.incident?.severity ?? 100) >= minSeverity;

/** A secret's name, as a config gives it. */
export const SecretName = z.string().check(z.regex(/^[\w/+=.@-]{1,200}$/, "must be a secret's name"));
