import { type AwsSecurityFinding, GetFindingsCommand, SecurityHubClient } from "@aws-sdk/client-securityhub";
import { pages, polling } from "../shared/poll.ts";

const MOST = 100;

/** Active findings that were updated in the span, oldest first, in the format that the event has them in as well. */
export default polling<AwsSecurityFinding>(
  { source: "aws.securityhub", "detail-type": "Security Hub Findings - Imported" },
  async function* (aws, { from, to }, abortSignal) {
    const Filters = {
      UpdatedAt: [{ Start: from, End: to }],
      RecordState: [{ Value: "ACTIVE", Comparison: "EQUALS" as const }],
    };
    const SortCriteria = [{ Field: "UpdatedAt", SortOrder: "asc" as const }];
    const ask = async (NextToken: string | undefined) => {
      const asked = new GetFindingsCommand({ Filters, SortCriteria, MaxResults: MOST, NextToken });
      const out = await aws(SecurityHubClient).send(asked, { abortSignal });
      return { items: out.Findings ?? [], next: out.NextToken };
    };
    for await (const findings of pages(ask)) yield* findings;
  },
  (finding) => ({ findings: [finding] }),
);
