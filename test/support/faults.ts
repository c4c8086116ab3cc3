/** What a crash test throws in place of an answer; nothing may catch it as anything else. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** `lost`: the request never arrived. `done`: it did its work, and the answer was lost. */
export type Mode = "lost" | "done";

/** Counts every call that leaves the process and fails one of them; where the process `dies` of it, all that follow. */
export const faults = (at = Number.POSITIVE_INFINITY, mode: Mode = "lost", { dies = false } = {}) => {
  const calls: string[] = [];
  const call = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    calls.push(name);
    if (dies && calls.length > at) throw new Crash(name);
    const isIt = calls.length === at;
    if (isIt && mode === "lost") throw new Crash(name);
    const result = await work();
    if (isIt) throw new Crash(name);
    return result;
  };
  /** The same port, with every method passing here. */
  const through = <P extends object>(name: string, port: P): P =>
    new Proxy(port, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => call(`${name}.${String(key)}`, async () => method.apply(target, args));
      },
    });
  return { calls, call, through };
};
export type Faults = ReturnType<typeof faults>;
