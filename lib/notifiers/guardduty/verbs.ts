import {
  ArchiveFindingsCommand,
  BadRequestException,
  GuardDutyClient,
  UnarchiveFindingsCommand,
} from "@aws-sdk/client-guardduty";
import type { Moment } from "../../core/notice.ts";
import type { NotifierVerbs } from "../../core/notifier.ts";
import type { Aws } from "../../core/types.ts";

/** GuardDuty user guide, finding format: `arn:…:detector/<detector>/finding/<finding>`. */
const ARN = /^arn:[\w-]+:guardduty:[\w-]+:\d{12}:detector\/(\w{1,300})\/finding\/(\w{1,50})$/;

const commandFor = (moment: Moment, DetectorId: string, id: string) => {
  const which = { DetectorId, FindingIds: [id] };
  return moment === "held" ? new ArchiveFindingsCommand(which) : new UnarchiveFindingsCommand(which);
};

export const verbs = (aws: Aws): NotifierVerbs => ({
  async tell({ moment, finding }, abortSignal) {
    const [, DetectorId, id] = ARN.exec(finding?.id ?? "") ?? [];
    if (!DetectorId || !id) return "nothing";
    try {
      await aws(GuardDutyClient).send(commandFor(moment, DetectorId, id) as ArchiveFindingsCommand, { abortSignal });
      return "told";
    } catch (error) {
      // The detector is another account's, or the finding is gone.
      if (error instanceof BadRequestException) return { refused: `GuardDuty does not know this finding here: ${id}` };
      throw error;
    }
  },
});
