import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PrincipalPlan, Rung } from "../../lib/core/quarantine.ts";
import { denials, fitting, policyName, QUOTA, RUNGS, sizeOf, standingOf } from "../../lib/core/quarantine-policy.ts";
import type { CredentialId, Identifier, Instant } from "../../lib/core/types.ts";
import { holdDenial, impose, lift } from "../../lib/engine/quarantine.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryPrincipals } from "../../lib/memory/principal-policies.ts";

const NOW = "2026-11-20T09:00:00.000Z" as Instant;
const ROLE: Identifier = "iam-role:111122223333/shared";
const USER: Identifier = "iam-user:111122223333/ci";
const incidentOf = (n: number) => `inc-${String(n).padStart(16, "0")}`;

const session = fc.stringMatching(/^AROA[A-Z0-9]{17}:[\w+=,.@-]{2,64}$/);
const narrowed = fc.record({
  sessions: fc.array(session, { maxLength: 60 }),
  podUids: fc.array(fc.uuid(), { maxLength: 40 }),
  instances: fc.array(
    fc.stringMatching(/^[0-9a-f]{17}$/).map((id) => `arn:aws:ec2:eu-west-1:111122223333:instance/i-${id}`),
    { maxLength: 20 },
  ),
  functions: fc.array(
    fc.stringMatching(/^[a-z]{1,20}$/).map((id) => `arn:aws:lambda:eu-west-1:111122223333:function:${id}`),
    { maxLength: 20 },
  ),
  unread: fc.array(
    fc
      .stringMatching(/^[a-z]{1,20}$/)
      .map((name) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}-AbCdEf` as CredentialId),
    { maxLength: 20 },
  ),
});
const rungs = fc
  .tuple(fc.constantFrom(...RUNGS), fc.constantFrom(...RUNGS))
  .map(([a, b]) => (RUNGS.indexOf(a) <= RUNGS.indexOf(b) ? [a, b] : [b, a]) as [Rung, Rung]);
const plans: fc.Arbitrary<PrincipalPlan> = fc
  .record({ narrowed, rungs, principal: fc.constantFrom(ROLE, USER) })
  .map(({ narrowed: seen, rungs: [rung, widest], principal }) => {
    const whole = principal === USER;
    const arn = `arn:aws:iam::111122223333:${whole ? "user/ci" : "role/shared"}`;
    return { principal, arn, narrowed: seen, rung, widest: whole ? "principal" : widest };
  });
const others = fc.dictionary(
  fc.stringMatching(/^[A-Za-z]{1,20}$/),
  fc
    .tuple(fc.string({ maxLength: 300 }), fc.nat(4))
    .map(([Action, indent]) =>
      JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] }, null, indent),
    ),
  { maxKeys: 3 },
);

const opened = (kept: Readonly<Record<string, string>>) => {
  const { policies, inline } = memoryPrincipals();
  for (const principal of [ROLE, USER]) inline.set(principal, new Map(Object.entries(kept)));
  return { world: { policies, clock: memoryClock(NOW), refuses: () => undefined }, inline };
};
const all = (inline: ReturnType<typeof opened>["inline"], principal: Identifier) =>
  Object.fromEntries(inline.get(principal) ?? []);

describe("a denial", () => {
  it("fits beside what there is, or is not made", () => {
    fc.assert(
      fc.property(plans, fc.nat(11_000), (plan, taken) => {
        const found = fitting(plan, plan.rung, NOW, taken);
        const quota = plan.principal === USER ? QUOTA.user : QUOTA.role;
        const sizes = (found ? [found] : denials(plan, plan.rung, NOW)).map(({ document }) => taken + sizeOf(document));
        expect(sizes.every((size) => size <= quota === (found !== undefined))).toBe(true);
      }),
    );
  });
  it("stays between its rungs, and widens by itself when the narrow one is too long", () => {
    const sessions = Array.from({ length: 400 }, (_, n) => `AROAEXAMPLEEXAMPLE000:session-${n}-of-a-long-name`);
    const plan: PrincipalPlan = {
      principal: ROLE,
      arn: "arn:aws:iam::111122223333:role/shared",
      narrowed: { sessions, podUids: [], instances: [], functions: [] },
      rung: "session",
      widest: "since",
    };
    expect(fitting(plan, "session", NOW, 0)?.rung).toBe("since");
    expect(fitting({ ...plan, widest: "session" }, "session", NOW, 0)).toBeUndefined();
    expect(
      fitting({ ...plan, narrowed: { ...plan.narrowed, sessions: sessions.slice(0, 9) } }, "session", NOW, 0)?.rung,
    ).toBe("session");
  });
  it("is known again word for word, and nothing else is taken for it", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        for (const { rung, document } of denials(plan, plan.rung, NOW)) {
          expect(standingOf(plan, document)?.document).toBe(document);
          expect(RUNGS.indexOf(rung)).toBeLessThanOrEqual(RUNGS.indexOf(plan.widest));
          expect(standingOf(plan, document.replace('"Deny"', '"Allow"'))).toBeUndefined();
        }
      }),
    );
  });
  it("of a user is of the whole user: an access key carries no issue time", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const of = denials({ ...plan, principal: USER, widest: "principal" }, plan.rung, NOW);
        expect(of.map(({ rung }) => rung).filter((rung) => rung !== "unread")).toEqual(["principal"]);
      }),
    );
  });
});

type Opened = ReturnType<typeof opened>;
const snapshot = ({ inline }: Opened) => structuredClone([all(inline, ROLE), all(inline, USER)]);
const imposedBy = (stage: Opened) =>
  snapshot(stage)
    .flatMap((own) => Object.keys(own))
    .filter((name) => name.startsWith("RekeyQuarantine-"));

const imposeAndHold = async ({ world }: Opened, n: number, plan: PrincipalPlan) => {
  const incident = incidentOf(n);
  const told = await impose(world, { verb: "impose", incident, plan });
  if (!("rung" in told)) return;
  const held = await holdDenial(world, { verb: "hold", incident, plan, rung: told.rung });
  expect(held).toMatchObject({ reasserts: 0, rung: told.rung });
};

const liftAll = async (stage: Opened, order: readonly (readonly [n: number, plan: PrincipalPlan])[]) => {
  for (const [i, [n, plan]] of order.entries()) {
    await lift(stage.world, { verb: "lift", incident: incidentOf(n), plan });
    const left = order.slice(i + 1).map(([other]) => policyName(incidentOf(other)));
    expect(left).toEqual(expect.arrayContaining(imposedBy(stage)));
  }
};

describe("denials of several incidents on one principal", () => {
  it("imposed, held and lifted in any order leave byte for byte what was there", async () => {
    const several = fc.array(fc.tuple(plans, fc.nat(100)), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(several, others, async (ranked, kept) => {
      const stage = opened(kept);
      const before = snapshot(stage);
      for (const [n, [plan]] of ranked.entries()) await imposeAndHold(stage, n, plan);
      expect(all(stage.inline, ROLE)).toMatchObject(kept);
      const order = [...ranked.entries()].sort(([, [, a]], [, [, b]]) => a - b);
      await liftAll(
        stage,
        order.map(([n, [plan]]) => [n, plan] as const),
      );
      expect(snapshot(stage)).toEqual(before);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
