import type { Aws, Instant } from "../core/types.ts";

type Options = {
  /** First part of the schedules' names. */
  readonly prefix: string;
  /** ARN of the function that is woken, and of the role under which EventBridge Scheduler invokes it. */
  readonly target: string;
  readonly role: string;
};

/** To the second, in UTC, never before the instant (Scheduler user guide, "Schedule types": `at(yyyy-mm-ddThh:mm:ss)`). */
const atOf = (instant: Instant): string => {
  const up = new Date(Math.ceil(Date.parse(instant) / 1000) * 1000);
  return `at(${up.toISOString().slice(0, 19)})`;
};

/** A one-time schedule that removes itself once it has fired. One instant of one proposal is one schedule. */
export const wakeOnce =
  (aws: Aws, { prefix, target, role }: Options) =>
  async (proposal: string, at: Instant): Promise<void> => {
    // Only what waits for people needs it.
    const { ConflictException, CreateScheduleCommand, SchedulerClient } = await import("@aws-sdk/client-scheduler");
    const create = new CreateScheduleCommand({
      // At most 64 characters (API reference, CreateSchedule).
      Name: `${prefix}-${proposal}-${Date.parse(at).toString(36)}`,
      Description: "Rekey: escalates or ends a proposal that nobody has answered",
      ScheduleExpression: atOf(at),
      FlexibleTimeWindow: { Mode: "OFF" },
      ActionAfterCompletion: "DELETE",
      Target: { Arn: target, RoleArn: role, Input: JSON.stringify({ order: "wake", proposal }) },
    });
    try {
      await aws(SchedulerClient).send(create);
    } catch (error) {
      // Made by a run before this one.
      if (!(error instanceof ConflictException)) throw error;
    }
  };
