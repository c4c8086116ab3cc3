import type { Claim, Incident, Incidents, Inventory } from "../core/incident.ts";
import type { Credential, CredentialId, Identifier, Instant } from "../core/types.ts";

/** The inventory in a Map. */
export const memoryInventory = (): Inventory => {
  const credentials = new Map<CredentialId, Credential>();
  const pointers = new Map<Identifier, Set<CredentialId>>();
  return {
    async find(identifiers) {
      const ids = new Set(identifiers.flatMap((name) => [...(pointers.get(name) ?? [])]));
      return [...ids].flatMap((id) => {
        const credential = credentials.get(id);
        return credential ? [{ credential, matched: identifiers.filter((name) => pointers.get(name)?.has(id)) }] : [];
      });
    },
    get: async (id) => credentials.get(id),
    many: async (ids) => [...new Set(ids)].flatMap((id) => credentials.get(id) ?? []),
    async put(credential) {
      credentials.set(credential.id, credential);
      for (const name of credential.identifiers) {
        pointers.set(name, new Set([...(pointers.get(name) ?? []), credential.id]));
      }
    },
    list: async () => [...credentials.values()],
  };
};

type Lease = {
  readonly incident?: string;
  readonly until?: Instant;
  readonly answered?: Instant;
  readonly by?: string;
};

/** Incidents in a Map, with the same claims as the table's conditions make. */
export const memoryIncidents = (): Incidents => {
  const incidents = new Map<string, { incident: Incident; leaseUntil: Instant }>();
  const leases = new Map<CredentialId, Lease>();
  const boxes = new Map<string, Instant>();

  const takeOver = (id: string, now: Instant, leaseUntil: Instant): Claim | "resumed" => {
    const kept = incidents.get(id);
    if (kept?.incident.state !== "claimed") return "done";
    if (kept.leaseUntil >= now) return "busy";
    kept.leaseUntil = leaseUntil;
    return "resumed";
  };
  const change = (id: string, to: (incident: Incident) => Incident) => {
    const kept = incidents.get(id);
    if (kept) kept.incident = to(kept.incident);
  };

  return {
    async claim(incident, now, leaseUntil) {
      if (incidents.has(incident.id)) return takeOver(incident.id, now, leaseUntil);
      incidents.set(incident.id, { incident: structuredClone(incident), leaseUntil });
      if (incident.endsAt) boxes.set(incident.id, incident.endsAt);
      return "claimed";
    },
    async claimCredential(credential, incident, { activityAt, now, leaseUntil, takeOver }) {
      const lease = leases.get(credential) ?? {};
      if (lease.answered && lease.answered >= activityAt && lease.by !== incident) return "done";
      const { incident: holder, until } = lease;
      if (holder && until && holder !== incident && holder !== takeOver) {
        return until < now ? { abandonedBy: holder } : "busy";
      }
      leases.set(credential, { ...lease, incident, until: leaseUntil });
      return "claimed";
    },
    async answer(credential, incident, refusedAt) {
      const { answered, by, incident: holder } = leases.get(credential) ?? {};
      if (holder !== incident) return;
      leases.set(
        credential,
        refusedAt ? { answered: refusedAt, by: incident } : { ...(answered && by && { answered, by }) },
      );
    },
    async progress(id, credential, progress) {
      change(id, (incident) => ({ ...incident, progress: { ...incident.progress, [credential]: progress } }));
    },
    async quarantined(id, done) {
      change(id, (incident) => ({ ...incident, quarantined: { ...incident.quarantined, [done.principal]: done } }));
    },
    async isolated(id, done) {
      change(id, (incident) => ({ ...incident, isolated: { ...incident.isolated, [done.target]: done } }));
    },
    async move(id, from, to, timeline) {
      const state = incidents.get(id)?.incident.state;
      if (!state || !from.includes(state)) return false;
      change(id, (incident) => ({ ...incident, state: to, timeline: { ...incident.timeline, ...timeline } }));
      return true;
    },
    async release(id) {
      const kept = incidents.get(id);
      if (kept) kept.leaseUntil = "1970-01-01T00:00:00.000Z" as Instant;
    },
    get: async (id) => incidents.get(id)?.incident,
    recent: async (limit) =>
      [...incidents.values()]
        .map(({ incident }) => incident)
        .reverse()
        .slice(0, limit),
    since: async (receivedAt) =>
      [...incidents.values()]
        .map(({ incident }) => incident)
        .filter(({ timeline }) => timeline.receivedAt >= receivedAt),
    ended: async (now, limit) =>
      [...boxes]
        .filter(([, at]) => at <= now)
        .sort(([, a], [, b]) => (a < b ? -1 : 1))
        .map(([id]) => id)
        .slice(0, limit),
    async lookAgain(id, at) {
      if (boxes.has(id)) boxes.set(id, at);
    },
    async closeBox(id) {
      boxes.delete(id);
    },
  };
};
