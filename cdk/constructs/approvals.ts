import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import type { RekeyFunction } from "./function.ts";

/**
 * Lets the function that answers signals have what waits for people wake it: a one-time schedule for each escalation and
 * each expiry, under a role that may invoke that function and nothing else.
 */
export const wakeForProposals = (respond: RekeyFunction, { config, naming, place }: Hub): void => {
  if (!config.approvals) return;
  const target = naming.functionArn(place, naming.respond);
  const role = new Role(respond, "Waker", {
    roleName: naming.role(`${naming.respond}-wake`, place),
    assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": place.account } },
    }),
    inlinePolicies: {
      Wake: new PolicyDocument({
        statements: [new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [target] })],
      }),
    },
  });
  respond.lambda.addEnvironment("REKEY_WAKE_TARGET", target);
  respond.lambda.addEnvironment("REKEY_WAKE_ROLE", role.roleArn);
  respond.lambda.addEnvironment("REKEY_APPROVERS", JSON.stringify(config.approvals.approvers));
  const schedules = `arn:${place.partition}:scheduler:${place.region}:${place.account}:schedule/default/${config.prefix}-inc-*`;
  respond.allow(["scheduler:CreateSchedule"], [schedules]);
  acceptResource(respond.role, schedules, "One schedule for each proposal, named after it.");
  // EventBridge Scheduler user guide, "Identity-based policies": who makes a schedule passes its role.
  respond.allow(["iam:PassRole"], [role.roleArn], {
    StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" },
  });
};
