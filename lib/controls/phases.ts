import type { Phase } from "../core/review/phase.ts";
import {
  accessReviewed,
  adoption,
  approvedByOthers,
  containedInTime,
  coverage,
  deadIsProved,
  drilled,
  noneLongLived,
  noneOrphaned,
  noneShared,
  onSchedule,
  recordIsFresh,
  responseTimes,
  rotationsSucceed,
} from "./checks.ts";

/** The life of a workload's credentials, from before it runs to the answer to an incident. */
export const phases: readonly Phase[] = [
  {
    id: "pre-deployment",
    title: "Before a workload runs",
    owner: "the workload's owner",
    criteria: [
      { id: "P1", title: "Its credentials are registered, each with its workload", checks: [coverage, noneOrphaned] },
      { id: "P2", title: "No credential is shared", checks: [noneShared] },
    ],
  },
  {
    id: "active-execution",
    title: "While it runs",
    owner: "whoever runs Rekey",
    criteria: [
      { id: "A1", title: "Rotations happen when they are due, and succeed", checks: [onSchedule, rotationsSucceed] },
      { id: "A2", title: "No version outlives 90 days", checks: [noneLongLived] },
      { id: "A3", title: "Consumers follow", checks: [adoption] },
      { id: "A4", title: "The record is whole and fresh", checks: [recordIsFresh] },
      { id: "A5", title: "Access is reviewed, and not by rubber stamp", checks: [accessReviewed] },
    ],
  },
  {
    id: "response",
    title: "When something is wrong",
    owner: "whoever answers incidents",
    criteria: [
      { id: "R1", title: "Contained in time", checks: [containedInTime, responseTimes] },
      { id: "R2", title: "What was ended is proved dead", checks: [deadIsProved] },
      { id: "R3", title: "Approved by somebody else, who had time to look", checks: [approvedByOthers] },
      { id: "R4", title: "Drills show that it would be contained", checks: [drilled] },
    ],
  },
];
