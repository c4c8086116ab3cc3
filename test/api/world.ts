import { makeApi } from "../../lib/api/app.ts";
import type { Caller, Role } from "../../lib/api/roles.ts";
import type { ApiWorld } from "../../lib/api/world.ts";
import { zipOf } from "../../lib/aws/zip.ts";
import { meant } from "../../lib/catalog/meant.ts";
import type { Incident } from "../../lib/core/incident.ts";
import { openShards } from "../../lib/core/ledger/shards.ts";
import type { Proposal } from "../../lib/core/proposal.ts";
import type { Sealed } from "../../lib/core/review/entry.ts";
import type { Clock, Credential, CredentialId, Instant, WorkloadId } from "../../lib/core/types.ts";
import { type CampaignWorld, decideItem, openCampaign, signCampaign } from "../../lib/engine/campaign.ts";
import { makePack, orderPack, type PackOrder, packPath, packState } from "../../lib/engine/pack-orders.ts";
import { type ReadLog, readLog } from "../../lib/engine/record-of.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { bucket, memoryObjects } from "../../lib/memory/objects.ts";
import { memoryProposals } from "../../lib/memory/proposals.ts";
import type { ReviewTable } from "../../lib/memory/review.ts";
import { memoryIncidents, memoryInventory } from "../../lib/memory/state.ts";
import { many, storeOf, whole } from "../review/projected.ts";
import { sealedLog } from "../review/sealed.ts";

/** What a real ARN looks like: a secret's name may hold slashes. */
export const secretArn = (name: string): CredentialId =>
  `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}` as CredentialId;

export const HOSTILE = `"><script>alert(1)</script>\u2028{{7*7}}`;
export const CANARY = "canary-undo-3f9c1b";
export const INCIDENT = "inc-0123456789abcdef";
export const PROPOSAL = "inc-fedcba9876543210";
export const PACK = "pack-f2eae499b56490c84481cc21";
export const HASH = "a".repeat(64);
export const PROOF = { authorization: "AWS4-HMAC-SHA256 x", date: "20261123T080000Z" };

const credentialAt = (n: number): Credential =>
  ({
    id: secretArn(`db/orders-${String(n).padStart(3, "0")}`),
    name: `db/orders-${n}`,
    kind: "postgres",
    workload: "role/orders" as WorkloadId,
    network: "default",
    protected: false,
    identifiers: [],
    material: CANARY,
  }) as Credential;

const incident = (id: string, n: number): Incident =>
  ({
    id,
    signal: `s-${n}`,
    type: HOSTILE,
    scenario: "exfiltrated",
    severity: 80,
    actor: { kind: "playbook", principal: "default" },
    reason: HOSTILE,
    state: "contained",
    plans: [{ credential: secretArn("db/orders-000"), network: "default", doomed: "all" }],
    progress: {
      [secretArn("db/orders-000")]: { killed: [{ version: "v1", undo: { key: CANARY } }], spared: [] },
    },
    timeline: {
      activityAt: "2026-01-01T00:00:00.000Z",
      receivedAt: `2026-01-02T00:00:${String(n).padStart(2, "0")}.000Z`,
    },
  }) as unknown as Incident;

const proposal = {
  id: PROPOSAL,
  hash: HASH,
  incident: incident(PROPOSAL, 1),
  requester: { kind: "agent", principal: "arn:aws:iam::111122223333:user/bot" },
  why: HOSTILE,
  needs: 1,
  proposedAt: "2026-01-01T00:00:00.000Z" as Instant,
  expiresAt: "2026-01-02T00:00:00.000Z" as Instant,
  onExpiry: "nothing",
  approvals: [],
  state: "open",
  revision: 0,
} satisfies Proposal;

export const caller = (role: Role | "nobody", by: Caller["by"] = "iam"): Caller =>
  by === "iam"
    ? { by, arn: `arn:aws:sts::111122223333:assumed-role/${role}/session` }
    : { by, issuer: "https://idp.example", subject: `${role}-1`, groups: [role] };

const members = (role: Role) => ({ arns: [`arn:aws:sts::111122223333:assumed-role/${role}/*`], groups: [role] });
const mapping = {
  reader: members("reader"),
  reviewer: members("reviewer"),
  approver: members("approver"),
  operator: members("operator"),
};

/** What project does with a reviewer's order. */
const reviewing = (world: CampaignWorld) => async (order: object) => {
  const asked = order as { readonly order: string } & Parameters<typeof openCampaign>[1] &
    Parameters<typeof decideItem>[1];
  if (asked.order === "open") return { campaign: await openCampaign(world, asked) };
  if (asked.order === "decide") return { item: await decideItem(world, asked).catch(refused) };
  return signCampaign(world, asked.campaign, asked.actor).catch(refused);
};
const refused = (error: Error) => {
  throw Object.assign(new Error(error.message), { name: error.name });
};

type Kept = {
  readonly log: ReturnType<typeof sealedLog>;
  readonly table: ReviewTable;
  readonly whole: ReadLog;
};
const USUAL = many(60);

/** What the makers of packs keep and do, at once; with one pack that is ready. */
const packsOf = async (log: Kept["log"], clock: Clock): Promise<ApiWorld["packs"]> => {
  const shelf = memoryObjects(bucket());
  const { signal } = new AbortController();
  const ports = { shelf, clock, read: log.read, by: log.by, ms: Date.parse, zip: zipOf };
  const begin = (order: PackOrder) => makePack(ports, order, meant(order.of), signal);
  const packs: ApiWorld["packs"] = {
    order: (of, asOf) => orderPack({ shelf, clock, begin }, { of, asOf }, signal),
    look: (id) => packState({ shelf, clock }, id, signal),
    url: async (id, made) => `https://packs.example/${packPath(id, made)}`,
  };
  await packs.order("nist-csf:RS.MI-01", clock.now());
  return packs;
};

/** Sealed and projected once for all tests: nothing of either is changed by one. */
const kept = new WeakMap<readonly Sealed[], Promise<Kept>>();
const sealed = async (entries: readonly Sealed[]): Promise<Kept> => {
  const log = sealedLog(entries);
  await log.seal();
  // Of the time of its newest event, as of which its answers are.
  const newest = entries.at(-1);
  if (newest) await log.turn("2027", newest.receivedAt);
  return { log, table: await whole(entries), whole: await openShards(log.read, log.by).then((all) => readLog(all)) };
};
const once = (entries: readonly Sealed[]): Promise<Kept> => {
  const made = kept.get(entries) ?? sealed(entries);
  kept.set(entries, made);
  return made;
};

/** The API over memory: a log of these events, three credentials, an incident, a proposal. */
export const stage = async (entries: readonly Sealed[] = USUAL, over: Partial<ApiWorld> = {}) => {
  const clock = memoryClock("2026-11-23T08:00:00.000Z");
  const ledger = memoryLedger({ clock });
  const [inventory, incidents, proposals] = [memoryInventory(), memoryIncidents(), memoryProposals()];
  for (const n of [0, 1, 2]) await inventory.put(credentialAt(n));
  const lease = "2027-01-01T00:00:00.000Z" as Instant;
  for (const n of [1, 2, 3])
    await incidents.claim(incident(n === 1 ? INCIDENT : `inc-${String(n).repeat(16)}`, n), clock.now(), lease);
  for (const id of [PROPOSAL, "inc-0000000000000001", "inc-0000000000000002"])
    await proposals.open({ ...proposal, id });
  const { log, table, whole: read } = await once(entries);
  const [accessed, orders]: [object[], object[]] = [[], []];
  const packs = await packsOf(log, clock);
  const world: ApiWorld = {
    store: storeOf(table),
    inventory,
    incidents,
    proposals,
    ledger,
    clock,
    read: log.read,
    by: async () => log.by,
    log: async () => read,
    packs,
    newId: () => "id-1",
    accessed: async (access) => accessed.push(access),
    review: reviewing({ ledger, clock }),
    order: async (order) => {
      orders.push(order);
      const { order: what, proposal: id } = order as { readonly order: string; readonly proposal?: string };
      if (what === "approve" || what === "deny")
        return { answer: { proposal: id, hash: HASH, state: "approved", approvals: 1, needs: 1 } };
      return { answer: { signal: "manual:1", state: "refused", incident: INCIDENT } };
    },
    ...over,
  };
  const complaints: unknown[] = [];
  const as = (who: Caller) => {
    const app = makeApi({ world, mapping, callerOf: () => who, complain: (error) => complaints.push(error) });
    return async (path: string, init: RequestInit = {}): Promise<Response> => app.request(path, init);
  };
  return { world, as, accessed, orders, complaints, ledger, entries };
};
export type Stage = Awaited<ReturnType<typeof stage>>;

export const post = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export type Review = {
  readonly items: readonly { readonly credential: string }[];
  readonly undecided: readonly string[];
};
export const jsonOf = async <T>(answer: Promise<Response> | Response): Promise<T> => (await (await answer).json()) as T;
