import {
  type Finding,
  GetFindingsCommand,
  GuardDutyClient,
  ListDetectorsCommand,
  ListFindingsCommand,
} from "@aws-sdk/client-guardduty";
import { lowered, pages, polling } from "../shared/poll.ts";

/** As many as both calls take (GuardDuty API reference: ListFindings MaxResults, GetFindings FindingIds). */
const MOST = 50;

/** Those that were seen again in the span, oldest first, of each detector of the account and region. */
export default polling<Finding>(
  { source: "aws.guardduty", "detail-type": "GuardDuty Finding" },
  async function* (aws, { from, to }, abortSignal) {
    const client = aws(GuardDutyClient);
    const { DetectorIds = [] } = await client.send(new ListDetectorsCommand({}), { abortSignal });
    const updatedAt = { GreaterThanOrEqual: Date.parse(from), LessThanOrEqual: Date.parse(to) };
    const FindingCriteria = { Criterion: { updatedAt, "service.archived": { Equals: ["false"] } } };
    const SortCriteria = { AttributeName: "updatedAt", OrderBy: "ASC" as const };
    for (const DetectorId of DetectorIds) {
      const ask = async (NextToken: string | undefined) => {
        const asked = new ListFindingsCommand({
          DetectorId,
          FindingCriteria,
          SortCriteria,
          MaxResults: MOST,
          NextToken,
        });
        const out = await client.send(asked, { abortSignal });
        return { items: out.FindingIds ?? [], next: out.NextToken };
      };
      for await (const FindingIds of pages(ask)) {
        const out = await client.send(new GetFindingsCommand({ DetectorId, FindingIds, SortCriteria }), {
          abortSignal,
        });
        yield* out.Findings ?? [];
      }
    }
  },
  lowered,
);
