import { Unusable } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Clock } from "../../core/types.ts";
import type { Provider } from "./provider.ts";
import { patiently } from "./retry.ts";
import type { Material } from "./schema.ts";

/** Tries the key once: resolves, throws Unusable when it is refused, and anything else as doubt. */
export const tryKey = async ({ description, ask }: Provider, material: Secret<Material>): Promise<void> => {
  await ask({ call: description.verify, what: "try the key", material });
};

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

type Waiting = { readonly clock: Clock; readonly signal: AbortSignal };

/**
 * Waits until a new key is taken as often in a row as the description says: one success may come from the one replica
 * that knows it. Throws Unusable when it is still refused after the description's patience; doubt is tried again
 * a few times, then thrown.
 */
export const untilAccepted = async (
  provider: Provider,
  material: Secret<Material>,
  waiting: Waiting,
): Promise<void> => {
  const { clock, signal } = waiting;
  const { inARow, patienceSeconds } = provider.description.settles;
  const startedAt = clock.ticks();
  let pause = FIRST_PAUSE_MS;
  for (let accepted = 0; accepted < inARow; ) {
    const refusal = await refused(provider, material, waiting);
    accepted = refusal ? 0 : accepted + 1;
    if (!refusal) continue;
    if (clock.ticks() - startedAt > patienceSeconds * 1000) throw refusal;
    await clock.sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
};

const refused = async (
  provider: Provider,
  material: Secret<Material>,
  waiting: Waiting,
): Promise<Unusable | undefined> => {
  try {
    await patiently(() => tryKey(provider, material), { ...waiting, isRepeatable: true });
    return undefined;
  } catch (error) {
    if (error instanceof Unusable) return error;
    throw error;
  }
};
