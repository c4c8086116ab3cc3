/** Does `work` on every item, at most `width` at a time, in order of start. The first failure stops new starts. */
export const inParallel = async <T>(
  items: readonly T[],
  width: number,
  work: (item: T, position: number) => Promise<void>,
): Promise<void> => {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      await work(items[at] as T, at).catch((error: unknown) => {
        next = items.length;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
};
