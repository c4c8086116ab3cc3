import { BatchUpdateFindingsCommand, GetFindingsCommand, SecurityHubClient } from "@aws-sdk/client-securityhub";
import type { NotifierVerbs, Telling } from "../../core/notifier.ts";
import type { Aws } from "../../core/types.ts";

/** Those whose ids Security Hub keeps as they are; GuardDuty's findings have their ARN there. */
const SOURCES = ["securityhub", "securityhub-v2", "guardduty"];
/** API reference, BatchUpdateFindings: 100 findings at once; NoteUpdate, text: 512 characters. */
const MOST = { findings: 100, note: 512 };

const known = async (client: SecurityHubClient, id: string, abortSignal: AbortSignal) => {
  const Filters = { Id: [{ Value: id, Comparison: "EQUALS" as const }] };
  const asked = new GetFindingsCommand({ Filters, MaxResults: MOST.findings });
  const { Findings = [] } = await client.send(asked, { abortSignal });
  return Findings.flatMap(({ Id, ProductArn }) => (Id && ProductArn ? [{ Id, ProductArn }] : []));
};

const noteOf = ({ title, facts }: Telling) => [title, ...facts].join(" ").slice(0, MOST.note);

export const verbs = (aws: Aws): NotifierVerbs => ({
  async tell(telling, abortSignal) {
    const { finding, moment } = telling;
    if (!finding || !SOURCES.includes(finding.source)) return "nothing";
    const client = aws(SecurityHubClient);
    const FindingIdentifiers = await known(client, finding.id, abortSignal);
    if (FindingIdentifiers.length === 0) return { refused: "Security Hub does not have this finding here" };
    const command = new BatchUpdateFindingsCommand({
      FindingIdentifiers,
      Workflow: { Status: moment === "held" ? "RESOLVED" : "NOTIFIED" },
      Note: { Text: noteOf(telling), UpdatedBy: "rekey" },
    });
    const { UnprocessedFindings = [] } = await client.send(command, { abortSignal });
    const [first] = UnprocessedFindings;
    return first ? { refused: `Security Hub wrote nothing: ${first.ErrorCode}` } : "told";
  },
});
