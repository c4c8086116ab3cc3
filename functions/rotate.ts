import { randomBytes } from "node:crypto";
import middy from "@middy/core";
import * as z from "zod/mini";
import { announceOn } from "../lib/aws/announce.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { readAdmin, secretsManagerVault } from "../lib/aws/vault.ts";
import { rotators } from "../lib/catalog.ts";
import { Command, type Of } from "../lib/core/commands.ts";
import type { Actor } from "../lib/core/events.ts";
import { described } from "../lib/core/sanitize.ts";
import type { CredentialId, VersionId } from "../lib/core/types.ts";
import { describe, hold, restore } from "../lib/engine/kill.ts";
import { revoke } from "../lib/engine/revoke.ts";
import { type Attempt, type RotateWorld, rotateNow, rotationSteps } from "../lib/engine/rotate.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
const Step = z.object({
  Step: z.enum(["createSecret", "setSecret", "testSecret", "finishSecret"]),
  SecretId: z.string(),
  ClientRequestToken: z.string(),
  RotationToken: z.optional(z.string()),
});

const { names } = environment();
const aws = makeAws();
const announce = announceOn(aws);
/** Loaded when something is to be recorded: a revocation needs no ledger here. */
const ledger: RotateWorld["ledger"] = {
  append: async (event) => {
    const { dynamoLedger } = await import("../lib/aws/ledger.ts");
    return dynamoLedger({ aws, table: process.env["REKEY_LEDGER_TABLE"] ?? names.ledgerTable }).append(event);
  },
};
const world: RotateWorld = {
  vault: secretsManagerVault(aws),
  ledger,
  clock,
  rotators,
  deps: { aws, clock, random: (bytes) => randomBytes(bytes), readAdmin: readAdmin(aws) },
  // The secret's own label event tells consumers too: a failure here must not undo a rotation that succeeded.
  announce: (rotated) =>
    announce("Rekey Credential Rotated", rotated).catch((error) =>
      log("warn", "the rotation succeeded and could not be announced", { ...rotated, error: described(error).message }),
    ),
};
const steps = rotationSteps(world);
const SCHEDULE: Actor = { kind: "schedule", principal: "secretsmanager.amazonaws.com" };

const attemptOf = ({ credential, attempt, actor, reason }: Of<"rotate">, signal: AbortSignal): Attempt => ({
  credential,
  version: attempt,
  actor,
  signal,
  ...(reason && { reason }),
});

const obey = async (command: Command, signal: AbortSignal): Promise<unknown> => {
  switch (command.verb) {
    case "describe":
      return describe(world, command);
    case "rotate":
      return rotateNow(world, attemptOf(command, signal));
    case "revoke":
      return revoke(world, command, signal);
    case "hold":
      return hold(world, command, signal);
    case "restore":
      return restore(world, command, signal);
  }
};

/** Answers Secrets Manager's four steps and the hub's commands, for the targets that this network reaches. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, _context, { signal }) => {
    const step = Step.safeParse(event);
    try {
      if (!step.success) return await obey(Command.parse(event), signal);
      const { SecretId, ClientRequestToken, RotationToken } = step.data;
      return await steps(step.data.Step, {
        credential: SecretId as CredentialId,
        version: ClientRequestToken as VersionId,
        actor: SCHEDULE,
        signal,
        ...(RotationToken && { rotationToken: RotationToken }),
      });
    } catch (error) {
      await log("error", "not done", described(error));
      throw error;
    }
  },
);
