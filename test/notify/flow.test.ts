import { describe, expect, it } from "vitest";
import { notifiers } from "../../lib/catalog/notifiers.ts";
import type { Incident } from "../../lib/core/incident.ts";
import type { Notice } from "../../lib/core/notice.ts";
import { type Common, defineNotifier, type Telling } from "../../lib/core/notifier.ts";
import { tellingOf } from "../../lib/core/telling.ts";
import type { Instant } from "../../lib/core/types.ts";
import { deliver, type Errand, type NotifyWorld, spread } from "../../lib/engine/notify.ts";
import { answer } from "../../lib/engine/respond.ts";
import { memoryProposals } from "../../lib/memory/proposals.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, memoryWorld } from "../support/world.ts";

const signal = new AbortController().signal;
const [sns] = notifiers;

/** A containment that was, and whoever is told of it. */
const arranged = async (...settings: readonly Common[]) => {
  const world = memoryWorld();
  await world.register([]);
  const told = await answer(
    world.wired().respond(),
    exfiltrated([`secret:${CI}`], { facts: { finding: "arn:finding" } }),
    { by: "playbook" },
    "2026-11-20T09:00:00.000Z" as Instant,
  );
  const { incident = "" } = told;
  const heard: Telling[] = [];
  const queued: Errand[] = [];
  const marks = new Set<string>();
  const notifier = defineNotifier({
    ...(sns as NonNullable<typeof sns>),
    connect: async () => ({
      tell: async (one) => {
        heard.push(one);
        return "told" as const;
      },
    }),
  });
  const open = (f: Faults = faults()): NotifyWorld => ({
    settings: settings.length > 0 ? settings : [{ kind: "sns", name: "oncall" }],
    notifiers: [notifier],
    connect: async (one, own) => f.through("notifier", await one.connect({} as never, own)),
    incidents: f.through("incidents", world.incidents),
    proposals: memoryProposals(),
    inventory: world.inventory,
    ledger: f.through("ledger", world.ledger) as NotifyWorld["ledger"],
    clock: world.clock,
    told: f.through("told", {
      has: async (mark: string) => marks.has(mark),
      add: async (mark: string) => void marks.add(mark),
    }),
    enqueue: async (errand) => void queued.push(errand),
  });
  const notice: Notice = { moment: "contained", subject: incident, key: `${incident}:contained` };
  return { world, open, heard, queued, notice, incident };
};
const recorded = (world: ReturnType<typeof memoryWorld>) =>
  world.rows.filter(({ type }) => type === "people.told").map(({ stream, data }) => ({ stream, data }));

describe("a notice", () => {
  it("is told as what holds now, with the commands that answer it, recorded beside the credential, and once", async () => {
    const { world, open, heard, queued, notice, incident } = await arranged();
    expect(await spread(open(), notice)).toBe(1);
    world.clock.advance(1_500);
    for (const errand of [...queued, ...queued]) await deliver(open(), errand, signal);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({
      title: "Rekey contained: demo/ci",
      next: ["rekey status", `rekey restore ${incident}`],
      finding: { source: "guardduty", id: "arn:finding" },
    });
    expect(heard[0]?.facts.join("\n")).toMatch(/Credentials: demo\/ci[\s\S]*Refused \d+ ms after the signal came/);
    expect(recorded(world)).toEqual([
      { stream: CI, data: expect.objectContaining({ incident, moment: "contained", notifier: "oncall", kind: "sns" }) },
    ]);
    const [{ data } = { data: {} }] = recorded(world);
    expect(Number((data as Record<string, unknown>)["receivedToToldMs"])).toBeGreaterThanOrEqual(1_500);
  });

  it("is told once while the ledger does not answer, and recorded when it does again", async () => {
    const { world, open, heard, notice } = await arranged();
    const errand = { notifier: "oncall", notice };
    const silent: NotifyWorld["ledger"] = {
      appendBatch: async (events) => events.map(() => ({ error: new Error("no ledger") })),
    };
    for (const _ of "123") {
      await expect(deliver({ ...open(), ledger: silent }, errand, signal)).rejects.toThrow("no ledger");
    }
    expect(heard).toHaveLength(1);
    expect(await deliver(open(), errand, signal)).toBe("already");
    expect([heard.length, recorded(world).length]).toEqual([1, 1]);
  });

  it("is told at least once and recorded once after a crash at any call", async () => {
    const probe = faults();
    const first = await arranged();
    await deliver(first.open(probe), { notifier: "oncall", notice: first.notice }, signal);
    for (const [i] of probe.calls.entries()) {
      for (const mode of ["lost", "done"] satisfies Mode[]) {
        const one = await arranged();
        const errand = { notifier: "oncall", notice: one.notice };
        await deliver(one.open(faults(i + 1, mode)), errand, signal).catch(() => undefined);
        await deliver(one.open(), errand, signal);
        await deliver(one.open(), errand, signal);
        expect(one.heard.length, `${probe.calls[i]} ${mode}`).toBeGreaterThanOrEqual(1);
        expect(one.heard.length, `${probe.calls[i]} ${mode}`).toBeLessThanOrEqual(2);
        expect(recorded(one.world), `${probe.calls[i]} ${mode}`).toHaveLength(1);
      }
    }
  });

  it("is for those alone whom its playbook names", async () => {
    const { world, open, queued, notice, incident } = await arranged(
      { kind: "sns", name: "oncall" },
      { kind: "sns", name: "secops" },
    );
    const kept = (await world.incidents.get(incident)) ?? expect.fail();
    const told = async (tell: readonly string[] | undefined, to?: string[]) => {
      const incidents = { get: async () => (tell ? { ...kept, tell } : kept) };
      await spread(open(), { ...notice, ...(to && { to }) });
      const errands = queued.splice(0);
      return Promise.all(errands.map(async (one) => deliver({ ...open(), incidents }, one, signal)));
    };
    expect(await told(["secops"])).toEqual(["nothing", "told"]);
    expect(await told(undefined, ["oncall"])).toEqual(["told", "nothing"]);
    expect(await told(undefined)).toEqual(["already", "already"]);
  });

  it("is not for whoever wants to hear of other moments, or of worse", async () => {
    const { open, heard, notice } = await arranged(
      { kind: "sns", name: "later", moments: ["held"] },
      { kind: "sns", name: "worse", minSeverity: 90 },
    );
    for (const notifier of ["later", "worse"])
      expect(await deliver(open(), { notifier, notice }, signal)).toBe("nothing");
    expect(await deliver(open(), { notifier: "gone", notice }, signal)).toEqual({
      refused: "no notifier gone is configured any more",
    });
    expect(heard).toEqual([]);
  });

  it("of what no incident is of is told by its name", () => {
    const notice: Notice = { moment: "noticed", subject: "falco:1:x", key: "k" };
    const told = tellingOf(notice, { credentials: [], clock: { between: () => 0 } });
    expect(told).toMatchObject({ title: "Rekey noticed something and did nothing: falco:1:x", next: ["rekey status"] });
  });

  it("holds nothing of the detector's text", async () => {
    const { world, incident } = await arranged();
    const kept = (await world.incidents.get(incident)) as Incident;
    const told = tellingOf(
      { moment: "contained", subject: incident, key: "k" },
      { incident: kept, credentials: [], clock: world.clock },
    );
    expect(JSON.stringify(told)).not.toContain("untrusted");
  });
});
