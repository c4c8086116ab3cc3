import type { Instant, VersionId } from "../types.ts";
import type { Sealed } from "./entry.ts";

/** A version that was replaced and not yet tried and refused. */
type Dying = { readonly version: VersionId; readonly since: Instant };
/** A containment that was begun and has not proved anything yet. */
type Open = { readonly incident: string; readonly scenario: string; readonly since: Instant };
type Overdue = { readonly owed: Instant; readonly schedule: string; readonly keeper: string; readonly why: string };

/** What the log says of one credential, up to entry `index`. */
export type CredentialState = {
  readonly id: string;
  readonly index: number;
  readonly kind: string | null;
  readonly workload: string | null;
  readonly network: string | null;
  /** Its workloads, oldest first, each from an entry on. */
  readonly held: readonly { readonly index: number; readonly workload: string }[];
  /** When the first event of it happened. */
  readonly firstAt: Instant;
  readonly current: VersionId | null;
  /** When the current version took over; null while nothing is recorded of it. */
  readonly replacedAt: Instant | null;
  readonly overdue: Overdue | null;
  readonly dying: readonly Dying[];
  readonly open: readonly Open[];
  /** The incident that keeps it revoked, without a replacement. */
  readonly contained: string | null;
  /** Consumers and the version that each acknowledged last. */
  readonly consumers: Readonly<Record<string, string>>;
};

const begin = ({ stream, at }: Sealed): CredentialState => ({
  id: stream,
  index: -1,
  kind: null,
  workload: null,
  network: null,
  held: [],
  firstAt: at,
  current: null,
  replacedAt: null,
  overdue: null,
  dying: [],
  open: [],
  contained: null,
  consumers: {},
});

type Change = Partial<CredentialState>;

const without = (dying: readonly Dying[], versions: readonly string[]) =>
  dying.filter(({ version }) => !versions.includes(version));

/** A version takes over from another. */
const replace = (state: CredentialState, version: VersionId, replaced: VersionId | null, at: Instant): Change => {
  const left = without(state.dying, [version, ...(replaced ? [replaced] : [])]);
  return {
    current: version,
    replacedAt: at,
    overdue: null,
    contained: null,
    dying: replaced && replaced !== version ? [...left, { version: replaced, since: at }] : left,
  };
};

type Of<T extends Sealed["type"]> = Extract<Sealed, { readonly type: T }>;

const effective = (state: CredentialState, { data, at }: Of<"containment.effective">): Change => {
  const left = { ...state, dying: without(state.dying, data.refused) };
  const open = state.open.filter(({ incident }) => incident !== data.incident);
  if (data.replacement) return { ...replace(left, data.replacement, null, at), open };
  return { dying: left.dying, open, contained: data.incident };
};

const acknowledged = ({ consumers }: CredentialState, { data }: Of<"consumer.acknowledged">): Change => {
  const { [data.consumer]: _, ...others } = consumers;
  return { consumers: data.version ? { ...others, [data.consumer]: data.version } : others };
};

const registered = ({ held }: CredentialState, { data, index }: Of<"inventory.registered">): Change => ({
  ...data,
  held: held.at(-1)?.workload === data.workload ? held : [...held, { index, workload: data.workload }],
});

const begun = ({ open }: CredentialState, { data, at }: Of<"containment.started">): Change =>
  open.some(({ incident }) => incident === data.incident)
    ? {}
    : { open: [...open, { incident: data.incident, scenario: data.scenario, since: at }] };

/** The containment of that incident is over, whatever it did. */
const closed = ({ open }: CredentialState, incident: string): Change => ({
  open: open.filter((one) => one.incident !== incident),
});

const CHANGES: { readonly [T in Sealed["type"]]?: (state: CredentialState, event: Of<T>) => Change } = {
  "inventory.registered": registered,
  "rotation.succeeded": (state, { data, at }) => replace(state, data.version, data.replaced, at),
  "rotation.repaired": (state, { data, at }) =>
    data.repair === "promote" ? replace(state, data.version, data.replaced, at) : {},
  "rotation.overdue": (_, { data: { owed, schedule, keeper, why } }) => ({ overdue: { owed, schedule, keeper, why } }),
  "version.retired": ({ dying }, { data }) => ({ dying: without(dying, [data.version]) }),
  "version.attested": ({ dying }, { data }) => (data.says === "ended" ? { dying: without(dying, [data.version]) } : {}),
  "consumer.acknowledged": acknowledged,
  "containment.started": begun,
  "containment.effective": effective,
  "containment.narrowed": (state, { data }) => closed(state, data.incident),
  "containment.attested": (state, { data }) => closed(state, data.incident),
  "containment.restored": (state, { data }) => ({ ...closed(state, data.incident), contained: null }),
};

/** Whether a stream is a credential's: their ids are ARNs, other streams have names. */
export const isCredential = (stream: string): boolean => stream.startsWith("arn:");

/**
 * A credential's state after one more event of it. What was applied before changes nothing, so that a run that died
 * half-way is repeated safely; types that it does not know count as applied.
 */
export const apply = (before: CredentialState | undefined, event: Sealed): CredentialState => {
  const state = before ?? begin(event);
  if (event.index <= state.index) return state;
  const change = CHANGES[event.type] as ((state: CredentialState, event: Sealed) => Change) | undefined;
  return { ...state, ...change?.(state, event), index: event.index };
};

/** The states of every credential in a log, by id. */
export const foldAll = (entries: Iterable<Sealed>): ReadonlyMap<string, CredentialState> => {
  const states = new Map<string, CredentialState>();
  for (const event of entries)
    if (isCredential(event.stream)) states.set(event.stream, apply(states.get(event.stream), event));
  return states;
};
