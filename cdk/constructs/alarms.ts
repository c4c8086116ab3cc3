import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Function as Lambda } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

type AlarmsProps = {
  readonly prefix: string;
  readonly topicArn: string | undefined;
  /** Queues that are empty while all is well, by what a message in them means. */
  readonly empty: Readonly<Record<string, Queue>>;
  readonly functions: Readonly<Record<string, Lambda>>;
  /** Numbers that are told without pause and are 0 while all is well: not told is an alarm too. */
  readonly told?: Readonly<Record<string, IMetric>>;
  /** Numbers that are told when there is something to tell. */
  readonly happened?: Readonly<Record<string, IMetric>>;
};

/** Whatever should be nothing: waiting messages, failed invocations, what is overdue. */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { prefix, topicArn, empty, functions, told = {}, happened = {} }: AlarmsProps,
  ) {
    super(scope, id);
    const action = topicArn ? new SnsAction(Topic.fromTopicArn(this, "Topic", topicArn)) : undefined;
    const alarm = (
      name: string,
      alarmDescription: string,
      metric: IMetric,
      missing = TreatMissingData.NOT_BREACHING,
    ) => {
      const made = new Alarm(this, name, {
        alarmName: `${prefix}-${name}`,
        alarmDescription,
        metric,
        threshold: 0,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        treatMissingData: missing,
      });
      if (action) made.addAlarmAction(action);
    };
    const period = Duration.minutes(5);
    for (const [meaning, waiting] of Object.entries(empty)) {
      const metric = waiting.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" });
      alarm(`${waiting.node.id.toLowerCase()}-not-empty`, meaning, metric);
    }
    for (const [name, lambda] of Object.entries(functions)) {
      const metric = lambda.metricErrors({ period, statistic: "Sum" });
      alarm(`${name}-fails`, `Function ${prefix}-${name} failed; its log group says why.`, metric);
    }
    for (const [name, metric] of Object.entries(happened)) {
      alarm(name, "More than none. The ledger and the function's log say which.", metric);
    }
    for (const [name, metric] of Object.entries(told)) {
      const meaning = "More than none, or nobody tells any more. `rekey status` shows which.";
      alarm(name, meaning, metric, TreatMissingData.BREACHING);
    }
  }
}
