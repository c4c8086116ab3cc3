import { beforeEach, describe, expect, it } from "vitest";
import type { Actor, LifecycleEvent } from "../../lib/core/events.ts";
import { campaignDigest, campaignStream } from "../../lib/core/review/campaign.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import {
  type CampaignWorld,
  decideItem,
  openCampaign,
  readCampaign,
  signCampaign,
  standing,
} from "../../lib/engine/campaign.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { arn } from "./logs.ts";

const person = (name: string): Actor => ({ kind: "human", principal: `arn:aws:iam::1:user/${name}` });
const [ada, bob] = [person("ada"), person("bob")];
const [a, b, c] = ["a", "b", "c"].map((name) => arn(name) as CredentialId) as [
  CredentialId,
  CredentialId,
  CredentialId,
];
const DAY_MS = 86_400_000;

describe("an access review", () => {
  let clock: ReturnType<typeof memoryClock>;
  let world: CampaignWorld;
  const opening = (over: object = {}) => ({
    campaign: "q4",
    size: 10,
    root: "0".repeat(64),
    scope: "workload any, kind any",
    credentials: [a, b, c],
    deadline: clock.after(clock.now(), 7 * DAY_MS),
    byDefault: "escalate" as const,
    actor: ada,
    ...over,
  });
  const decide = (
    credential: CredentialId,
    decision: "keep" | "revoke" | "rescope" | "transfer",
    actor = bob,
    to: string | null = null,
  ) => decideItem(world, { campaign: "q4", credential, decision, to, actor });
  const happens = (
    stream: string,
    type: string,
    data: object,
    actor: Actor = { kind: "service", principal: "rekey" },
  ) =>
    world.ledger.append({
      id: `${type}:${clock.now()}`,
      stream,
      type,
      at: clock.now(),
      actor,
      data,
    } as unknown as LifecycleEvent);
  const effective = (incident: string | null) => ({
    incident,
    refused: ["v1"],
    replacement: null,
    sessionsEnded: 0,
    activityToRefusedMs: 1,
    receivedToRefusedMs: 1,
    receivedToVerifiedMs: 1,
  });

  beforeEach(async () => {
    clock = memoryClock("2026-11-23T08:00:00.000Z");
    world = { clock, ledger: memoryLedger({ clock }) };
    await openCampaign(world, opening());
  });

  it("keeps its scope, however it is opened again, and holds more than one event's worth of credentials", async () => {
    await openCampaign(world, opening({ credentials: [a], actor: bob }));
    expect((await readCampaign(world, "q4")).items.map(({ credential }) => credential)).toEqual([a, b, c]);
    const many = Array.from({ length: 130 }, (_, n) => arn(`${"x".repeat(150)}${n}`) as CredentialId);
    const { items, opener } = await openCampaign(world, opening({ campaign: "big", credentials: many }));
    expect([items.map(({ credential }) => credential), opener]).toEqual([many, ada]);
  });
  it("is not opened over nothing or into the past", async () => {
    await expect(openCampaign(world, opening({ campaign: "x", credentials: [] }))).rejects.toThrow(/nothing is in/);
    const past = { campaign: "x", deadline: "2020-01-01T00:00:00.000Z" as Instant };
    await expect(openCampaign(world, opening(past))).rejects.toThrow(/passed already/);
    await expect(readCampaign(world, "x")).rejects.toThrow(/no access review x/);
  });
  it("takes no decision from whoever last changed the credential, on others' items, or twice", async () => {
    const started = { incident: "inc-1", scenario: "exfiltrated", actions: ["revoke"] };
    await happens(a, "containment.started", started, bob);
    await expect(decide(a, "keep")).rejects.toThrow(/somebody else/);
    await decide(a, "keep", ada);
    await expect(decide(a, "revoke", ada)).rejects.toThrow(/has decided keep already/);
    await expect(decide(arn("elsewhere") as CredentialId, "keep")).rejects.toThrow(/not in the scope/);
    await expect(decide(b, "transfer")).rejects.toThrow(/which workload/);
  });
  it("is done with a revocation only when the containment it ordered was proved, and with no other", async () => {
    const { decided } = await decide(a, "revoke");
    expect(decided?.incident).toMatch(/^inc-[0-9a-f]{16}$/);
    expect((await standing(world, "q4")).unfinished).toEqual([a]);
    await happens(a, "containment.started", {
      incident: decided?.incident,
      scenario: "compromised",
      actions: ["revoke"],
    });
    clock.advance(1);
    await happens(a, "containment.effective", effective("inc-another"));
    expect((await standing(world, "q4")).unfinished).toEqual([a]);
    clock.advance(1);
    await happens(a, "containment.effective", effective(decided?.incident ?? null));
    expect((await standing(world, "q4")).unfinished).toEqual([]);
  });
  it("is done with a transfer when the credential is registered for the other workload after that", async () => {
    const registered = (workload: string) => ({ kind: "postgres", workload, network: "default" });
    await happens(b, "inventory.registered", registered("billing"));
    clock.advance(1000);
    await decide(b, "transfer", bob, "billing");
    expect((await standing(world, "q4")).unfinished).toEqual([b]);
    clock.advance(1000);
    await happens(b, "inventory.registered", registered("billing"));
    expect((await standing(world, "q4")).unfinished).toEqual([]);
  });
  it("is signed off once all is decided and done, with a digest that anybody can compute again", async () => {
    await expect(signCampaign(world, "q4", ada)).rejects.toThrow(/nobody has decided/);
    for (const one of [a, b]) {
      clock.advance(60_000);
      await decide(one, "keep");
    }
    clock.advance(60_000);
    const { decided } = await decide(c, "revoke");
    await expect(signCampaign(world, "q4", ada)).rejects.toThrow(/decided and not done/);
    await happens(c, "containment.effective", effective(decided?.incident ?? null));
    const signed = await signCampaign(world, "q4", ada);
    const last = (await world.ledger.recent(campaignStream("q4"), 1))[0];
    expect(last).toMatchObject({
      type: "review.signed",
      actor: ada,
      data: { items: 3, kept: 2, revoked: 1, escalated: 0, hasty: 0, digest: campaignDigest(signed) },
    });
    await expect(decide(a, "revoke")).rejects.toThrow(/signed off/);
    expect(await signCampaign(world, "q4", bob)).toEqual(signed);
    expect(campaignDigest({ ...signed, items: signed.items.slice(1) })).not.toBe(campaignDigest(signed));
  });
  it("after its deadline escalates what nobody decided, or stays open until that is revoked", async () => {
    await openCampaign(world, opening({ campaign: "strict", byDefault: "revoke" }));
    await decide(a, "keep");
    clock.advance(8 * DAY_MS);
    await signCampaign(world, "q4", ada);
    const last = (await world.ledger.recent(campaignStream("q4"), 1))[0];
    expect(last?.data).toMatchObject({ kept: 1, escalated: 2 });
    await expect(signCampaign(world, "strict", ada)).rejects.toThrow(/nobody has decided/);
  });
  it("counts decisions that came within two seconds of the same person's one before", async () => {
    await decide(a, "keep");
    clock.advance(1_999);
    await decide(b, "keep");
    clock.advance(1);
    await decide(c, "keep", ada);
    expect((await readCampaign(world, "q4")).hasty).toBe(1);
  });
});
