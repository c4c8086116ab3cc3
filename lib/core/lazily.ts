import type { RotatorVerbs } from "./types.ts";

type Optional = "restore" | "sweep" | "scope" | "rescope" | "widen" | "uses" | "inspect";
/** Verbs of which the named optional ones are there. */
type Having<T, M, O extends Optional> = Omit<RotatorVerbs<T, M>, Optional> & Required<Pick<RotatorVerbs<T, M>, O>>;

/** Verbs whose code, with the clients it brings, is loaded when the first of them is called. `optional` are those there are beside the four. */
export const lazily = <T, M, const O extends Optional>(
  optional: readonly O[],
  load: () => Promise<Having<T, M, O>>,
): Having<T, M, O> => {
  let loading: Promise<Having<T, M, O>> | undefined;
  const later =
    (name: string) =>
    async (request: object): Promise<unknown> => {
      loading ??= load();
      const verb: unknown = Reflect.get(await loading, name);
      return (verb as (request: object) => unknown)(request);
    };
  const names = ["issue", "install", "verify", "revoke", ...optional];
  return Object.fromEntries(names.map((name) => [name, later(name)])) as unknown as Having<T, M, O>;
};
