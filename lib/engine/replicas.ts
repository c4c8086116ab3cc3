import { Misconfigured, Throttled } from "../core/errors.ts";
import type { Clock, CredentialId } from "../core/types.ts";
import type { Vault, VaultEntry } from "../core/vault.ts";

type World = { readonly vault: Pick<Vault, "describe">; readonly clock: Clock };

const PATIENCE_MS = 60_000;
const LOOK_MS = 1_000;

const failed = (credential: CredentialId, regions: readonly string[]) =>
  new Misconfigured(
    `Secret ${credential} is not replicated to ${regions.join(", ")}: its workloads there would go on with the version that is about to be replaced. Run \`aws secretsmanager replicate-secret-to-regions\` for it again, or remove-regions-from-replication, then rotate again.`,
  );

/**
 * Waits until every replica region has the next version, before its label moves: two label moves in a row have left
 * replication stuck for good (square/password-rotation-lambda, pull request 12). A secret without replicas costs no
 * call. Throws Throttled when a region takes longer than a minute, Misconfigured where its replication has failed.
 */
export const untilReplicated = async (world: World, entry: VaultEntry, signal: AbortSignal): Promise<void> => {
  if (!entry.replicas?.length) return;
  const since = world.clock.ticks();
  for (;;) {
    const { replicas = [] } = await world.vault.describe(entry.id);
    const regionsThat = (state: string) => replicas.filter((one) => one.state === state).map(({ region }) => region);
    if (regionsThat("Failed").length > 0) throw failed(entry.id, regionsThat("Failed"));
    const [late] = regionsThat("InProgress");
    if (late === undefined) return;
    if (world.clock.ticks() - since > PATIENCE_MS) {
      throw new Throttled(`Secret ${entry.id} is still being copied to ${late}. The rotation is tried again.`);
    }
    await world.clock.sleep(LOOK_MS, signal);
  }
};
