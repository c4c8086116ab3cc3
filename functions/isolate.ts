import middy from "@middy/core";
import * as z from "zod/mini";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { awsCompute } from "../lib/aws/isolate.ts";
import { IsolateCommand } from "../lib/core/isolate.ts";
import { isolateRefusal } from "../lib/core/isolate-grants.ts";
import { described } from "../lib/core/sanitize.ts";
import { obeyIsolate } from "../lib/engine/isolate.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

const Patterns = z.object({ lambda: z.array(z.string()), ecs: z.array(z.string()) });

const { prefix, required } = environment();
const patterns = Patterns.parse(JSON.parse(required("REKEY_ISOLATE")));
const world = { compute: awsCompute(makeAws()), clock, refuses: isolateRefusal(patterns, prefix) };

/** Throttles functions to nothing and stops tasks of its own account as the hub's commands say, and gives back. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(async (event: unknown) => {
  const command = IsolateCommand.parse(event);
  const { verb, incident, target } = command;
  try {
    const done = await obeyIsolate(world, command);
    await log("info", verb, { incident, target });
    return done;
  } catch (error) {
    await log("error", `${verb} not done`, { incident, target, ...described(error) });
    throw error;
  }
});
