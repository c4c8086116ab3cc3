import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { AccountPrincipal, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import type { Settled } from "../config.ts";
import type { Naming, Spoke } from "../naming.ts";
import { APPEND, appendedKeys, TURNS, turnKeys } from "./append.ts";

const string = (name: string) => ({ name, type: AttributeType.STRING });

const common = (config: Settled) =>
  ({
    partitionKey: string("PK"),
    sortKey: string("SK"),
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    deletionProtection: config.removal === "retain",
  }) as const;

/** A table's policy must name principals that exist: the account, narrowed to the role, may come before the role. */
const admitting = (
  naming: Naming,
  strangers: readonly Spoke[],
  actions: readonly string[],
  keys: Record<string, Record<string, unknown>>,
): PolicyDocument | undefined => {
  if (strangers.length === 0) return undefined;
  const statements = strangers.map(
    ({ place, networks }) =>
      new PolicyStatement({
        principals: [new AccountPrincipal(place.account)],
        actions: [...actions],
        resources: ["*"],
        conditions: {
          ArnEquals: {
            "aws:PrincipalArn": networks.map(({ name }) => naming.roleArn(place, naming.rotate(name))),
          },
          ...keys,
        },
      }),
  );
  return new PolicyDocument({ statements });
};

/** Events before and after they are sealed. Its stream is the sealer's doorbell; the order is in the items. */
export const ledgerTable = (scope: Construct, config: Settled, naming: Naming, strangers: readonly Spoke[]): Table => {
  const resourcePolicy = admitting(naming, strangers, APPEND, appendedKeys);
  const table = new Table(scope, "Ledger", {
    tableName: naming.ledgerTable,
    ...common(config),
    stream: StreamViewType.KEYS_ONLY,
    ...(resourcePolicy && { resourcePolicy }),
  });
  // Sparse: an event leaves it when it is sealed, so that what waits is found without a scan.
  table.addGlobalSecondaryIndex({
    indexName: "pending",
    partitionKey: string("gpk"),
    sortKey: string("gsk"),
    projectionType: ProjectionType.KEYS_ONLY,
  });
  return table;
};

/** Inventory, timetable, incidents and claims: all of it can be rebuilt or expires. */
export const stateTable = (scope: Construct, config: Settled, naming: Naming, strangers: readonly Spoke[]): Table => {
  const resourcePolicy = admitting(naming, strangers, TURNS, turnKeys);
  const table = new Table(scope, "State", {
    tableName: naming.stateTable,
    ...common(config),
    timeToLiveAttribute: "expiresAt",
    ...(resourcePolicy && { resourcePolicy }),
  });
  table.addGlobalSecondaryIndex({
    indexName: "list",
    partitionKey: string("gpk"),
    sortKey: string("gsk"),
    projectionType: ProjectionType.ALL,
  });
  return table;
};

/** The projection: all of it follows from the ledger, and `project` makes it anew. */
export const reviewTable = (scope: Construct, config: Settled, naming: Naming): Table => {
  const table = new Table(scope, "Review", { tableName: naming.reviewTable, ...common(config) });
  // Sparse: only what is overdue.
  table.addGlobalSecondaryIndex({
    indexName: "lists",
    partitionKey: string("gpk"),
    sortKey: string("gsk"),
    projectionType: ProjectionType.ALL,
  });
  return table;
};
