import type { BatchStatementErrorCodeEnum as Code } from "@aws-sdk/client-dynamodb";
import { BatchExecuteStatementCommand } from "@aws-sdk/lib-dynamodb";
import { Fork } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import type { Placed, Raised } from "../core/ledger/ports.ts";
import { chunks } from "./batch.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";
import { eventKey, headKey } from "./ledger-keys.ts";
import { AT_ONCE, type Item, PAUSE_MS, type Table } from "./ledger-read.ts";

/** Statements in one call (docs.aws.amazon.com/amazondynamodb: Running batch operations with PartiQL). */
const STATEMENTS = 25;

type Update = { readonly Statement: string; readonly Parameters: readonly unknown[] };
type Refused<T> = { readonly asked: T; readonly there: Item | undefined };

/** Neither done nor refused (API reference, BatchStatementError). */
const TRANSIENT: ReadonlySet<Code> = new Set<Code>([
  "InternalServerError",
  "ProvisionedThroughputExceeded",
  "RequestLimitExceeded",
  "ThrottlingError",
  "TransactionConflict",
]);

const run = async <T>({ aws }: Table, some: readonly T[], updateOf: (one: T) => Update, abortSignal: AbortSignal) => {
  const Statements = some.map(updateOf).map(({ Statement, Parameters }) => ({
    Statement,
    Parameters: [...Parameters],
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  }));
  const { Responses = [] } = await documents(aws).send(new BatchExecuteStatementCommand({ Statements }), {
    abortSignal,
  });
  return some.map((asked, i) => ({ asked, error: Responses[i]?.Error }));
};

const updateSome = async <T>(
  at: Table,
  some: readonly T[],
  updateOf: (one: T) => Update,
  signal: AbortSignal,
): Promise<readonly Refused<T>[]> => {
  const answers = await run(at, some, updateOf, signal);
  const again: T[] = [];
  const refused: Refused<T>[] = [];
  for (const { asked, error } of answers) {
    if (error === undefined) continue;
    if (error.Code === "ConditionalCheckFailed") refused.push({ asked, there: error.Item });
    else if (error.Code !== undefined && TRANSIENT.has(error.Code)) again.push(asked);
    else throw new Error(`marking what is sealed: ${error.Code}: ${error.Message}`);
  }
  if (again.length === 0) return refused;
  await systemClock.sleep(PAUSE_MS, signal);
  return [...refused, ...(await updateSome(at, again, updateOf, signal))];
};

/**
 * Updates items one by one, 25 in a call, each under its own condition; answers for which it did not hold, and what is
 * there. A call costs what its updates cost one by one, where a transaction would cost twice that.
 */
const updateAll = async <T>(
  at: Table,
  all: readonly T[],
  updateOf: (one: T) => Update,
  signal: AbortSignal,
): Promise<readonly Refused<T>[]> => {
  const refused: Refused<T>[] = [];
  await inParallel(chunks(all, STATEMENTS), AT_ONCE, async (some) => {
    refused.push(...(await updateSome(at, some, updateOf, signal)));
  });
  return refused;
};

/** Takes events out of the index of what waits. What has its place already is refused, and fine if it is that place. */
export const placeAll = async (at: Table, events: readonly Placed[], signal: AbortSignal): Promise<void> => {
  const Statement = `UPDATE "${at.table}" SET idx = ? REMOVE gpk REMOVE gsk WHERE PK = ? AND SK = ? AND idx IS MISSING`;
  const updateOf = (event: Placed): Update => {
    const { PK, SK } = eventKey(event);
    return { Statement, Parameters: [event.index, PK, SK] };
  };
  for (const { asked, there } of await updateAll(at, events, updateOf, signal)) {
    const { id, stream, index } = asked;
    if (there?.["idx"] !== index)
      throw new Fork(`event ${id} of ${stream} is sealed at ${index}, but its item is gone or says otherwise`);
  }
};

/** Compares and swaps: from what the commit says was sealed before, and where another run was here, from what it left. */
export const raiseAll = async (at: Table, streams: readonly Raised[], signal: AbortSignal): Promise<void> => {
  const begin = `UPDATE "${at.table}" SET sealed = ? WHERE PK = ? AND SK = ?`;
  const updateOf = ({ stream, from, to }: Raised): Update => {
    const { PK, SK } = headKey(stream);
    if (from === 0) return { Statement: `${begin} AND sealed IS MISSING`, Parameters: [to, PK, SK] };
    return { Statement: `${begin} AND sealed = ?`, Parameters: [to, PK, SK, from] };
  };
  let left = streams;
  while (left.length > 0) {
    const refused = await updateAll(at, left, updateOf, signal);
    left = refused.flatMap(({ asked, there }) => {
      const sealed = Number(there?.["sealed"] ?? 0);
      return there === undefined || sealed >= asked.to ? [] : [{ ...asked, from: sealed }];
    });
  }
};
