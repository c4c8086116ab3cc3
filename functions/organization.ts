import { randomUUID } from "node:crypto";
import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoLocks } from "../lib/aws/locks.ts";
import { organizationPolicy } from "../lib/aws/organization-policy.ts";
import { turnOf } from "../lib/aws/turn.ts";
import { policyOf } from "../lib/core/organization-policy.ts";
import { QuarantineCommand } from "../lib/core/quarantine-commands.ts";
import { refusalOf } from "../lib/core/quarantine-grants.ts";
import { described } from "../lib/core/sanitize.ts";
import { obeyOrganization } from "../lib/engine/organization.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

const Setting = z.object({ policyArn: z.string(), roles: z.array(z.string()), users: z.array(z.string()) });

const { names, prefix, required } = environment();
const { policyArn, ...patterns } = Setting.parse(JSON.parse(required("REKEY_ORGANIZATION")));
const { id, management } = policyOf(policyArn);
const aws = makeAws();
const locks = dynamoLocks(aws, names.stateTable);
const policy = organizationPolicy(aws, id);
const refuses = refusalOf(patterns, prefix);

/** Denies principals of member accounts by the organisation's one policy, looks whether they still are, and lets go. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const command = QuarantineCommand.parse(event);
  const { verb, incident } = command;
  const turn = turnOf(locks, clock, id, randomUUID());
  try {
    const done = await obeyOrganization({ policy, turn, clock, management, refuses }, command);
    await log("info", verb, { incident, principal: command.plan.principal });
    return done;
  } catch (error) {
    await log("error", `${verb} not done`, { incident, principal: command.plan.principal, ...described(error) });
    throw error;
  }
});
