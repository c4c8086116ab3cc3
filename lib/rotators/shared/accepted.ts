import type { Clock } from "../../core/types.ts";

const IN_A_ROW = 3;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
/** Users of other tools report 8 to 15 s until a new key is taken everywhere; four times that is no propagation. */
const PATIENCE_MS = 60_000;

/**
 * Waits until a new credential is accepted three times in a row: IAM is eventually consistent, and one success may come
 * from the one replica that knows. `refusal` gives the refusal of one try, or undefined; the last one is thrown when it
 * is still refused after a minute.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
export const untilAcceptedInARow = async (
  clock: Clock,
  signal: AbortSignal,
  refusal: () => Promise<Error | undefined>,
): Promise<void> => {
  const startedAt = clock.ticks();
  let pause = FIRST_PAUSE_MS;
  for (let accepted = 0; accepted < IN_A_ROW; ) {
    const refused = await refusal();
    accepted = refused ? 0 : accepted + 1;
    if (!refused) continue;
    if (clock.ticks() - startedAt > PATIENCE_MS) throw refused;
    await clock.sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
};
