import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { makeAws } from "../lib/aws/clients.ts";
import { dynamoConsumers } from "../lib/aws/consumers.ts";
import { dynamoIncidents } from "../lib/aws/incidents.ts";
import { dynamoInventory } from "../lib/aws/inventory.ts";
import { dynamoHistory } from "../lib/aws/ledger.ts";
import { invoke, lambdaNetwork } from "../lib/aws/network.ts";
import { dynamoRetireList } from "../lib/aws/retiring.ts";
import { dynamoTimetable } from "../lib/aws/timetable.ts";
import { Misconfigured } from "../lib/core/errors.ts";
import type { Actor } from "../lib/core/events.ts";
import { names } from "../lib/core/names.ts";
import type { Credential, CredentialId } from "../lib/core/types.ts";

type Named = ReturnType<typeof names>;

const unlessRefused = async (answer: Promise<unknown>) => {
  const told = (await answer) as { readonly refused?: string };
  if (told.refused !== undefined) throw new Misconfigured(told.refused);
  return told;
};

/** What only the deployed functions do. */
const asking = (aws: ReturnType<typeof makeAws>, named: Named) => ({
  acceptRestored: () => invoke(aws, named.clock, { acceptRestored: true }, "not accepted"),
  acknowledge: (acknowledge: object) => invoke(aws, named.discover, { acknowledge }, "not acknowledged"),
  accessed: (accessed: object) => invoke(aws, named.project, { accessed }, "not recorded"),
  review: (review: object) => unlessRefused(invoke(aws, named.project, { review }, "not recorded")),
  except: (except: object) => unlessRefused(invoke(aws, named.project, { except }, "not recorded")),
  order: (order: object, complaint: string) => invoke(aws, named.respond, order, complaint),
  refresh: (credential: CredentialId) =>
    invoke(aws, named.refresh, { refresh: credential }, "consumers could not be told; are there any in the config?"),
  drill: (actor: Actor) =>
    invoke(aws, named.drill, { actor }, "no drill could be carried out; is there a `drill` in the config?", PATIENT),
  reconcile: (hours: number) => invoke(aws, named.reconcile, { hours }, "detectors could not be asked"),
  discover: () => invoke(aws, named.discover, {}, "the inventory could not be refreshed"),
});

/** A drill waits for its key to work, then for its refusal. */
const PATIENT = { requestHandler: { connectionTimeout: 1_000, requestTimeout: 310_000, throwOnRequestTimeout: true } };

/** What the commands work with: the account that the AWS credential chain leads to. */
export const openWorld = (prefix: string) => {
  const aws = makeAws();
  const named = names(prefix);
  const inventory = dynamoInventory(aws, named.stateTable);
  return {
    aws,
    names: named,
    inventory,
    retiring: dynamoRetireList(aws, named.stateTable),
    timetable: dynamoTimetable(aws, named.stateTable),
    incidents: dynamoIncidents(aws, named.stateTable),
    ledger: dynamoHistory({ aws, table: named.ledgerTable }),
    consumers: dynamoConsumers(aws, named.stateTable),
    network: lambdaNetwork(aws, named.rotate),
    ...asking(aws, named),
    /** By ARN or by the secret's name. */
    async credential(given: string): Promise<Credential> {
      const known = given.startsWith("arn:") ? await inventory.get(given as CredentialId) : undefined;
      const credential = known ?? (await inventory.find([`name:${given}`]))[0]?.credential;
      if (credential) return credential;
      throw new Misconfigured(
        `There is no credential ${given} in the inventory. \`rekey inventory --refresh\` looks again and lists what there is.`,
      );
    },
    async caller(): Promise<Actor> {
      const { Arn = "unknown" } = await aws(STSClient).send(new GetCallerIdentityCommand({}));
      return { kind: "human", principal: Arn };
    },
    async waitingIn(queue: string): Promise<number> {
      const { QueueUrl } = await aws(SQSClient).send(new GetQueueUrlCommand({ QueueName: queue }));
      const AttributeNames = ["ApproximateNumberOfMessages" as const];
      const { Attributes } = await aws(SQSClient).send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
      return Number(Attributes?.["ApproximateNumberOfMessages"] ?? 0);
    },
  };
};
export type CliWorld = ReturnType<typeof openWorld>;
