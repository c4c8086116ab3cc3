import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { iamPrincipals } from "../lib/aws/principal-policies.ts";
import { QuarantineCommand } from "../lib/core/quarantine-commands.ts";
import { refusalOf } from "../lib/core/quarantine-grants.ts";
import { described } from "../lib/core/sanitize.ts";
import { obeyQuarantine } from "../lib/engine/quarantine.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

const Patterns = z.object({ roles: z.array(z.string()), users: z.array(z.string()) });

const { prefix, required } = environment();
const patterns = Patterns.parse(JSON.parse(required("REKEY_QUARANTINE")));
const world = { policies: iamPrincipals(makeAws()), clock, refuses: refusalOf(patterns, prefix) };

/** Denies roles and users of its own account what the hub's commands say, looks whether they still are, and lets go. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const command = QuarantineCommand.parse(event);
  const { verb, incident } = command;
  try {
    const done = await obeyQuarantine(world, command);
    await log("info", verb, { incident, principal: command.plan.principal });
    return done;
  } catch (error) {
    await log("error", `${verb} not done`, { incident, principal: command.plan.principal, ...described(error) });
    throw error;
  }
});
