import type { Check } from "../core/review/control.ts";

/** Longest that a version may be in force where a framework names 90 days or leaves it to the operator. */
const QUARTER = "90";
/** Share of rotations, and of containments in time, from which on they count as under control. */
const SOUND_PERCENT = 95;

// Checks that more than one framework asks for.
export const onSchedule: Check = { query: "Q1", pass: [{ rows: 0 }] };
export const rotationsSucceed: Check = { query: "Q2", pass: [{ column: "succeeded_percent", atLeast: SOUND_PERCENT }] };
export const containedInTime: Check = { query: "Q3", pass: [{ column: "in_time_percent", atLeast: SOUND_PERCENT }] };
export const noneOrphaned: Check = { query: "Q5", pass: [{ rows: 0 }] };
export const noneShared: Check = { query: "Q7", pass: [{ rows: 0 }] };
export const noneLongLived: Check = { query: "Q9", params: { max_age_days: QUARTER }, pass: [{ rows: 0 }] };
export const keysYoung: Check = {
  query: "Q9",
  params: { max_age_days: QUARTER, kind: "iam-access-key" },
  pass: [{ rows: 0 }],
};
/** Consumers get a week to follow a rotation; a containment gets nothing. */
export const deadIsProved: Check = { query: "Q11", params: { version_grace_hours: "168" }, pass: [{ rows: 0 }] };
const WHOLE = [
  { column: "streams_with_gaps", atMost: 0 },
  { column: "doubled_events", atMost: 0 },
];
export const recordIsWhole: Check = { query: "Q14", pass: WHOLE };
/** The record is sealed within seconds, and the inventory is looked at every 15 minutes: a day of silence is a fault. */
export const recordIsFresh: Check = { query: "Q14", pass: [...WHOLE, { column: "minutes_since", atMost: 1440 }] };
export const coverage: Check = { query: "Q18" };
export const leaks: Check = { query: "Q19" };
export const thirdParties: Check = { query: "Q20" };
export const signingKeys: Check = { query: "Q22" };
export const holdings: Check = { query: "Q23" };
/** Nobody approved what they had asked for, nor faster than anybody reads. */
export const approvedByOthers: Check = {
  query: "Q13",
  pass: [
    { column: "self_approvals", atMost: 0 },
    { column: "hasty", atMost: 0 },
  ],
};
export const noneDormant: Check = { query: "Q4", params: { days: QUARTER }, pass: [{ rows: 0 }] };
export const usedLately: Check = { query: "Q4", params: { days: "45" }, pass: [{ rows: 0 }] };
/** Who may and never did: how much of that is too much its owner has to say. */
export const excess: Check = { query: "Q6" };
export const noStrangers: Check = { query: "Q8", pass: [{ rows: 0 }] };
export const noPeople: Check = { query: "Q10", pass: [{ rows: 0 }] };
export const noneOffboarded: Check = { query: "Q12", pass: [{ rows: 0 }] };
export const agentsTold: Check = { query: "Q21" };
/** Within the last quarter, and each in time. */
export const drilled: Check = {
  query: "Q26",
  pass: [
    { column: "drills", atLeast: 1 },
    { column: "missed", atMost: 0 },
  ],
};
export const responseTimes: Check = { query: "Q24" };
export const adoption: Check = { query: "Q25" };
export const accessReviewed: Check = { query: "Q15", pass: [{ column: "hasty", atMost: 0 }] };
