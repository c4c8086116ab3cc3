import type { Instant } from "../types.ts";
import type { Sealed } from "./entry.ts";
import type { CredentialState } from "./fold.ts";

/** How far the projection has read the log: every answer from it says so. */
export type Watermark = {
  readonly size: number;
  /** Of these entries, hex. */
  readonly root: string;
  /** When the newest of them was received. */
  readonly at: Instant;
  /** Size of the last signed checkpoint that the entries were found to lead to. */
  readonly signed: number;
};

/** An event in one of the lists that it belongs to. */
export type Placed = { readonly list: string; readonly event: Sealed };
export type Page = {
  readonly events: readonly Sealed[];
  /** Index after which the next page begins; absent at the end of the list. */
  readonly next?: number;
};

/** The projection: what the log says, by credential, workload, day and incident. Only `functions/project.ts` writes it. */
export interface ReviewStore {
  watermark(): Promise<Watermark | undefined>;
  /** Compare and swap: false, and nothing written, when the watermark is not at `from` (0: there is none). */
  advance(from: number, to: Watermark): Promise<boolean>;
  states(ids: readonly string[]): Promise<ReadonlyMap<string, CredentialState>>;
  /** Twice is once; a state never takes the place of one that has seen more of the log. */
  write(events: readonly Placed[], states: readonly CredentialState[]): Promise<void>;
  /** The events of a list after an index, oldest first: as many as `limit` where there are so many. */
  page(list: string, after: number, limit: number): Promise<Page>;
  /** Those whose schedule was not kept, longest owed first. */
  overdue(): Promise<readonly CredentialState[]>;
  /** Forgets everything, the watermark first: the next run begins at zero. */
  clear(): Promise<void>;
}

/** Of states only those that the watermark covers: a run that has not moved it yet may have written newer ones. */
export const provedBy = (states: readonly CredentialState[], mark: Watermark | undefined): readonly CredentialState[] =>
  states.filter(({ index }) => mark !== undefined && index < mark.size);

/** Paths in a bucket under a prefix, in the order of their bytes, those after `after` only. */
export type ListPaths = (prefix: string, after: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Lists of a day: one would take all of a day's writes in one partition. */
const DAY_SHARDS = 8;

/** Spreads names evenly; the same name always falls into the same of `shards`. */
export const shardOf = (name: string, shards: number): number =>
  [...name].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 65_521, 7) % shards;

export const credentialList = (id: string): string => `CRED#${id}`;
/** Month as `2026-11`: a list that grows with a workload's age is cut there. */
export const workloadList = (workload: string, month: string): string => `WL#${workload}#${month}`;
export const dayLists = (day: string): readonly string[] =>
  Array.from({ length: DAY_SHARDS }, (_, shard) => `DAY#${day}#${shard}`);
export const incidentList = (incident: string): string => `INC#${incident}`;
/** Approvals that were asked for, given, denied, escalated or let expire in a month. */
export const approvalList = (month: string): string => `APPR#${month}`;

const MONTH = 7;
const DAY = 10;

/** The lists of an event, given its credential's state at it. */
export const listsOf = (event: Sealed, state: CredentialState | undefined): readonly string[] => {
  const { stream, type, at, index, data } = event;
  // The workload at that entry: a run that is repeated may know a later one already.
  const workload = state?.held.findLast((one) => one.index <= index)?.workload;
  const incident: unknown = "incident" in data ? data.incident : undefined;
  return [
    credentialList(stream),
    `DAY#${at.slice(0, DAY)}#${shardOf(stream, DAY_SHARDS)}`,
    ...(workload ? [workloadList(workload, at.slice(0, MONTH))] : []),
    ...(typeof incident === "string" ? [incidentList(incident)] : []),
    ...(type.startsWith("approval.") ? [approvalList(at.slice(0, MONTH))] : []),
  ];
};
