import { randomBytes } from "node:crypto";
import middy from "@middy/core";
import * as z from "zod/mini";
import { announceOn } from "../lib/aws/announce.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { readAdmin, secretsManagerVault } from "../lib/aws/vault.ts";
import { rotators } from "../lib/catalog/rotators.ts";
import { Command, type Of } from "../lib/core/commands.ts";
import type { Actor } from "../lib/core/events.ts";
import { described } from "../lib/core/sanitize.ts";
import type { CredentialId, VersionId } from "../lib/core/types.ts";
import type { Attempt, RotateWorld } from "../lib/engine/attempt.ts";
import { describe, hold, restore } from "../lib/engine/kill.ts";
import { revoke } from "../lib/engine/revoke.ts";
import { rotateNow, rotateUrgently, rotationSteps } from "../lib/engine/rotate.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
const Step = z.object({
  Step: z.enum(["createSecret", "setSecret", "testSecret", "finishSecret"]),
  SecretId: z.string(),
  ClientRequestToken: z.string(),
  RotationToken: z.optional(z.string()),
});

const { names, network } = environment();
const aws = makeAws();
const announce = announceOn(aws);
const openLedger = async () => {
  const { dynamoLedger } = await import("../lib/aws/ledger.ts");
  const { kmsAppendKeys } = await import("../lib/aws/append-keys.ts");
  const keys = kmsAppendKeys(aws, process.env["REKEY_APPEND_KEY"] ?? names.appendKeyAlias);
  return dynamoLedger({ aws, table: process.env["REKEY_LEDGER_TABLE"] ?? names.ledgerTable, keys });
};
let opened: ReturnType<typeof openLedger> | undefined;
/** Loaded when something is to be recorded: a revocation needs no ledger here. */
const ledger: RotateWorld["ledger"] = {
  append: async (event) => {
    opened ??= openLedger();
    return (await opened).append(event);
  },
};
const stateTable = process.env["REKEY_STATE_TABLE"] ?? names.stateTable;
const locks = async () => (await import("../lib/aws/locks.ts")).dynamoLocks(aws, stateTable);
const retiring = async () => (await import("../lib/aws/retiring.ts")).dynamoRetireList(aws, stateTable);
const world: RotateWorld = {
  vault: secretsManagerVault(aws),
  ledger,
  locks: {
    take: async (...turn) => (await locks()).take(...turn),
    release: async (...turn) => (await locks()).release(...turn),
  },
  retiring: { add: async (entry) => (await retiring()).add(entry) },
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

const attemptOf = ({ credential, attempt, actor, reason, evidence }: Of<"rotate">, signal: AbortSignal): Attempt => ({
  credential,
  version: attempt,
  actor,
  signal,
  ...(reason && { reason }),
  ...(evidence && { evidence }),
});

/** Nobody waits for these in an incident: their code is loaded when they are asked for. */
const examine = async (
  command: Of<"rescope" | "widen" | "withhold" | "retire" | "rehearse" | "uses" | "inspect" | "repair">,
  signal: AbortSignal,
): Promise<unknown> => {
  if (command.verb === "withhold") {
    const [{ withhold }, { secretPolicies }] = await Promise.all([
      import("../lib/engine/withhold.ts"),
      import("../lib/aws/secret-policies.ts"),
    ]);
    return withhold(secretPolicies(aws), command);
  }
  const { secretFacts } = await import("../lib/aws/secret-facts.ts");
  const doctor = { ...world, look: secretFacts(aws), functionName: names.rotate(network) };
  switch (command.verb) {
    case "rescope":
      return (await import("../lib/engine/rescope.ts")).rescope(world, command, signal);
    case "widen":
      return (await import("../lib/engine/rescope.ts")).widen(world, command, signal);
    case "retire":
      return (await import("../lib/engine/retire.ts")).retire(world, command, signal);
    case "rehearse":
      return (await import("../lib/engine/rehearse.ts")).rehearse(world, command, signal);
    case "uses":
      return (await import("../lib/engine/adoption.ts")).uses(world, command, signal);
    case "inspect":
      return (await import("../lib/engine/doctor.ts")).inspect(doctor, command, signal);
    case "repair":
      return (await import("../lib/engine/repair.ts")).repair(doctor, command, signal);
  }
};

const obey = async (command: Command, signal: AbortSignal): Promise<unknown> => {
  switch (command.verb) {
    case "describe":
      return describe(world, command);
    case "rotate":
      return (command.urgent ? rotateUrgently : rotateNow)(world, attemptOf(command, signal));
    case "revoke":
      return revoke(world, command, signal);
    case "hold":
      return hold(world, command, signal);
    case "restore":
      return restore(world, command, signal);
    default:
      return examine(command, signal);
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
