import { expect, it } from "vitest";
import type { PrincipalPlan } from "../../lib/core/quarantine.ts";
import type { PrincipalPolicies } from "../../lib/core/quarantine-commands.ts";
import { refusalOf } from "../../lib/core/quarantine-grants.ts";
import { holdDenial, impose } from "../../lib/engine/quarantine.ts";
import { memoryClock } from "../../lib/memory/clock.ts";

/** As IAM answers a role whose grants name other principals: it may not even look. */
const closed = new Proxy({} as PrincipalPolicies, {
  get: () => async () => {
    throw Object.assign(new Error("is not authorized to perform: iam:GetUser"), { name: "AccessDenied" });
  },
});
const plan = (principal: PrincipalPlan["principal"], arn: string): PrincipalPlan => ({
  principal,
  arn,
  narrowed: { sessions: [], podUids: [], instances: [], functions: [] },
  rung: "principal",
  widest: "principal",
});

it.each([
  ["a user, where only roles are named", plan("iam-user:111122223333/ci", "arn:aws:iam::111122223333:user/rekey/ci")],
  ["a role of another name", plan("iam-role:111122223333/web", "arn:aws:iam::111122223333:role/web")],
])("%s is left alone and said to be, though nothing of it may be read", async (_, stranger) => {
  const refuses = refusalOf({ roles: ["app-*"], users: [] }, "rekey");
  const world = { policies: closed, clock: memoryClock("2026-11-20T09:00:00.000Z"), refuses };
  const unable = expect.stringMatching(/is named by no pattern of quarantine\.(users|roles)/);
  const incident = "inc-0123456789abcdef";
  expect(await impose(world, { verb: "impose", incident, plan: stranger })).toEqual({ unable });
  expect(await holdDenial(world, { verb: "hold", incident, plan: stranger, rung: "principal" })).toEqual({ unable });
});
