import { type Finding, GetFindingsCommand, ListFindingsCommand, Macie2Client } from "@aws-sdk/client-macie2";
import { pages, polling } from "../shared/poll.ts";

/** As many as both calls take (Macie API reference: ListFindings maxResults, GetFindings findingIds). */
const MOST = 50;

/** Findings of credentials that were updated in the span, oldest first. */
export default polling<Finding>(
  { source: "aws.macie", "detail-type": "Macie Finding" },
  async function* (aws, { from, to }, abortSignal) {
    const client = aws(Macie2Client);
    const updatedAt = { gte: Date.parse(from), lte: Date.parse(to) };
    const findingCriteria = { criterion: { updatedAt, archived: { eq: ["false"] } } };
    const sortCriteria = { attributeName: "updatedAt", orderBy: "ASC" as const };
    const ask = async (nextToken: string | undefined) => {
      const asked = new ListFindingsCommand({ findingCriteria, sortCriteria, maxResults: MOST, nextToken });
      const out = await client.send(asked, { abortSignal });
      return { items: out.findingIds ?? [], next: out.nextToken };
    };
    for await (const findingIds of pages(ask)) {
      const out = await client.send(new GetFindingsCommand({ findingIds, sortCriteria }), { abortSignal });
      yield* out.findings ?? [];
    }
  },
  (finding) => finding,
);
