/** Rekey tries a new key by STS, right after it was made. */
const PROBED_WITHIN_MS = 15 * 60_000;

/** Whether the last use of an access key can have been that of our own probe; both times in ms since 1970. */
export const isProbe = (
  { ms, service }: { readonly ms: number; readonly service: string },
  createdMs: number | undefined,
): boolean => service === "sts" && createdMs !== undefined && ms - createdMs <= PROBED_WITHIN_MS;
