import { defineFramework } from "../core/review/control.ts";
import {
  accessReviewed,
  adoption,
  approvedByOthers,
  containedInTime,
  coverage,
  deadIsProved,
  excess,
  holdings,
  noneLongLived,
  noneOrphaned,
  noneShared,
  noPeople,
  onSchedule,
  recordIsFresh,
  recordIsWhole,
  responseTimes,
  rotationsSucceed,
  thirdParties,
} from "./checks.ts";

/** Where NIST's own OSCAL catalog sends the 1.1 ids that older texts cite. */
export const FROM_1_1: Readonly<Record<string, readonly string[]>> = {
  "PR.AC-1": ["PR.AA-01", "PR.AA-05"],
  "PR.AC-3": ["PR.AA-03", "PR.AA-05", "PR.IR-01"],
  "PR.AC-4": ["PR.AA-05"],
  "PR.AC-6": ["PR.AA-02"],
  "PR.AC-7": ["PR.AA-03"],
  "DE.CM-1": ["DE.CM-01"],
  "DE.CM-7": ["DE.CM-01", "DE.CM-03", "DE.CM-06", "DE.CM-09"],
  "DE.AE-5": ["DE.AE-08"],
  "RS.CO-4": ["RS.MA-01", "RS.MA-04"],
};

export default defineFramework({
  id: "nist-csf",
  name: "NIST Cybersecurity Framework",
  version: "2.0",
  source: "github.com/usnistgov/oscal-content, CSF v2.0 catalog 1.2.0",
  reviewedOn: "2026-11-23",
  controls: [
    {
      id: "GV.OV-03",
      title: "Performance is evaluated",
      checks: [rotationsSucceed, containedInTime, responseTimes, adoption],
    },
    { id: "PR.AA-01", title: "Identities and credentials are managed", checks: [onSchedule, noneOrphaned, coverage] },
    { id: "PR.AA-02", title: "Identities are bound to credentials", checks: [noneShared, holdings] },
    { id: "PR.AA-03", title: "Users, services and hardware are authenticated", checks: [noneLongLived] },
    {
      id: "PR.AA-05",
      title: "Access is defined, enforced, reviewed and least",
      checks: [accessReviewed, approvedByOthers, excess],
    },
    { id: "PR.PS-04", title: "Log records are generated", checks: [recordIsFresh] },
    { id: "DE.CM-03", title: "Personnel activity and technology use are monitored", checks: [noPeople] },
    { id: "DE.CM-06", title: "External providers are monitored", checks: [thirdParties] },
    { id: "DE.CM-09", title: "Computing environments are monitored", checks: [noneShared] },
    { id: "RS.MA-01", title: "The response plan is executed", checks: [containedInTime] },
    { id: "RS.MA-04", title: "Incidents are escalated as needed", checks: [approvedByOthers] },
    { id: "RS.CO-02", title: "Those concerned are notified of incidents", checks: [responseTimes] },
    { id: "RS.AN-06", title: "Actions during an investigation are recorded", checks: [recordIsWhole] },
    { id: "RS.AN-07", title: "Incident data are collected and kept whole", checks: [recordIsWhole] },
    { id: "RS.MI-01", title: "Incidents are contained", checks: [containedInTime, deadIsProved] },
    { id: "RS.MI-02", title: "Incidents are eradicated", checks: [deadIsProved] },
  ],
});
