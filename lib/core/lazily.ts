import type { RotatorVerbs } from "./types.ts";

type Verbs<T, M> = Required<RotatorVerbs<T, M>>;

/** Verbs whose code, with the clients it brings, is loaded when the first of them is called. */
export const lazily = <T, M>(load: () => Promise<Verbs<T, M>>): Verbs<T, M> => {
  let loading: Promise<Verbs<T, M>> | undefined;
  const verbs = () => {
    loading ??= load();
    return loading;
  };
  return {
    issue: async (request) => (await verbs()).issue(request),
    install: async (request) => (await verbs()).install(request),
    verify: async (request) => (await verbs()).verify(request),
    revoke: async (request) => (await verbs()).revoke(request),
    restore: async (request) => (await verbs()).restore(request),
    sweep: async (request) => (await verbs()).sweep(request),
  };
};
