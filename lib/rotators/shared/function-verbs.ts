import { Misconfigured } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { ask } from "./function-call.ts";
import type { Done, Question, Verb } from "./function-protocol.ts";

type Asking = { readonly function: string; readonly verbs?: string | readonly string[] | undefined };
type At<T> = { readonly target: T; readonly signal: AbortSignal };
type Loose = Readonly<Record<string, unknown>>;

/** Tags as the function gets them: text only. */
const tagsOf = (target: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(target).flatMap(([key, value]): [string, string][] => {
      if (Array.isArray(value)) return [[key, value.join(" ")]];
      return typeof value === "string" ? [[key, value]] : [];
    }),
  );

export const opened = (held: Secret<Loose> | undefined): Record<string, unknown> | null =>
  held ? { ...held.reveal() } : null;
export const all = (held: readonly Secret<Loose>[]) => held.map((one) => ({ ...one.reveal() }));

/** Asks the function that a target's tag names. Throws as `ask` does. */
export const asking =
  (deps: Deps) =>
  <V extends Verb>(
    { target, signal }: At<Asking>,
    question: Omit<Extract<Question, { verb: V }>, "target"> & { readonly verb: V },
  ): Promise<Done<V>> =>
    ask(deps, {
      name: target.function,
      question: { ...question, target: tagsOf(target) } as unknown as Extract<Question, { verb: V }>,
      signal,
    });

/** True if tag rekey:verbs names this optional verb. */
export const offers = ({ verbs = [] }: Asking, verb: string): boolean => verbs.includes(verb);

type Four<T, M> = Required<Pick<RotatorVerbs<T, M>, "install" | "verify" | "revoke" | "restore">>;

/** The verbs that are asked of a function as they come. */
export const functionVerbs = <T extends Asking, M extends Loose>(deps: Deps): Four<T, M> => {
  const asked = asking(deps);
  return {
    async install({ next, current, ...at }) {
      await asked(at, { verb: "install", next: { ...next.reveal() }, current: opened(current) });
    },
    async verify({ material, ...at }) {
      await asked(at, { verb: "verify", material: { ...material.reveal() } });
    },
    async revoke({ material, keep, begunBefore = null, ...at }) {
      const question = { material: { ...material.reveal() }, keep: all(keep), begunBefore };
      const done = await asked(at, { verb: "revoke", ...question });
      return { undo: done.undo ?? {}, sessionsEnded: done.sessionsEnded ?? 0, settlesInMs: done.settlesInMs ?? 0 };
    },
    async restore({ material, undo, ...at }) {
      if (!offers(at.target, "restore")) throw cannotRestore(at.target);
      await asked(at, { verb: "restore", material: { ...material.reveal() }, undo });
    },
  };
};

const cannotRestore = ({ function: name }: Asking) =>
  new Misconfigured(
    `Function ${name} cannot restore: tag rekey:verbs does not name it. Rotate instead: that issues a working version.`,
  );
