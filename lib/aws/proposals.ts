import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { type Proposal, type Proposals, placeOf } from "../core/proposal.ts";
import type { Aws } from "../core/types.ts";
import { documents } from "./document.ts";

const key = (id: string) => ({ PK: `PROPOSAL#${id}`, SK: "META" });
/** A closed one is looked up for this long, in s; what became of it is in the ledger for good. */
const KEPT_S = 90 * 86_400;

const asItem = (proposal: Proposal) => {
  const { id, state, expiresAt, revision } = proposal;
  return {
    ...key(id),
    gpk: `PROPOSALS#${state}`,
    gsk: placeOf(proposal),
    revision: revision + 1,
    // One attribute: the table's time to live is a number and has the name of one of its fields.
    proposal: { ...proposal, revision: revision + 1 },
    ...(state !== "open" && { expiresAt: Math.ceil(Date.parse(expiresAt) / 1000) + KEPT_S }),
  };
};
const asProposal = (item: Record<string, unknown>): Proposal => item["proposal"] as Proposal;

/** Proposals in the state table. */
export const dynamoProposals = (aws: Aws, table: string): Proposals => {
  const db = () => documents(aws);
  const named = { TableName: table };

  const get = async (id: string): Promise<Proposal | undefined> => {
    const out = await db().send(new GetCommand({ ...named, Key: key(id), ConsistentRead: true }));
    return out.Item && asProposal(out.Item);
  };
  const put = async (proposal: Proposal, condition: object): Promise<boolean> => {
    try {
      await db().send(new PutCommand({ ...named, Item: asItem(proposal), ...condition }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  return {
    get,
    async open(proposal) {
      const first = { ...proposal, revision: 0 };
      const isFirst = await put(first, { ConditionExpression: "attribute_not_exists(PK)" });
      return isFirst ? { ...first, revision: 1 } : ((await get(proposal.id)) ?? first);
    },
    replace: (proposal) =>
      put(proposal, {
        ConditionExpression: "revision = :read",
        ExpressionAttributeValues: { ":read": proposal.revision },
      }),
    async list(state, limit, behind) {
      const found: Proposal[] = [];
      let next: Record<string, unknown> | undefined;
      do {
        const page = await db().send(
          new QueryCommand({
            ...named,
            IndexName: "list",
            KeyConditionExpression: behind === undefined ? "gpk = :gpk" : "gpk = :gpk AND gsk < :behind",
            ExpressionAttributeValues: {
              ":gpk": `PROPOSALS#${state}`,
              ...(behind !== undefined && { ":behind": behind }),
            },
            ScanIndexForward: false,
            ExclusiveStartKey: next,
            Limit: limit,
          }),
        );
        found.push(...(page.Items ?? []).map(asProposal));
        next = page.LastEvaluatedKey;
      } while (next && found.length < limit);
      return found.slice(0, limit);
    },
  };
};
