import { defineFramework } from "../core/review/control.ts";
import {
  accessReviewed,
  containedInTime,
  coverage,
  deadIsProved,
  holdings,
  leaks,
  noneDormant,
  noneLongLived,
  noneOrphaned,
  onSchedule,
  recordIsFresh,
  recordIsWhole,
  rotationsSucceed,
  signingKeys,
} from "./checks.ts";

const reviewedOn = "2026-11-23";

export const zeroTrust = defineFramework({
  id: "nist-800-207",
  name: "NIST SP 800-207, tenets of zero trust",
  version: "2020",
  source: "NIST SP 800-207, section 2.1",
  reviewedOn,
  controls: [
    { id: "Tenet 3", title: "Access is granted per session", checks: [noneLongLived] },
    { id: "Tenet 6", title: "Authentication is dynamic and strictly enforced", checks: [onSchedule, containedInTime] },
    { id: "Tenet 7", title: "Information is collected and used", checks: [coverage, recordIsWhole] },
  ],
});

export const aiRmf = defineFramework({
  id: "nist-ai-rmf",
  name: "NIST AI Risk Management Framework",
  version: "1.0",
  source: "NIST AI 100-1 and its Playbook",
  reviewedOn,
  controls: [
    { id: "GOVERN 1.6", title: "AI systems are inventoried", checks: [holdings] },
    { id: "MANAGE 2.4", title: "Systems can be superseded, disengaged, deactivated", checks: [containedInTime] },
    { id: "MANAGE 4.1", title: "Systems are monitored after deployment", checks: [deadIsProved] },
  ],
});

export const pciDss = defineFramework({
  id: "pci-dss",
  name: "PCI DSS",
  version: "4.0.1",
  source: "PCI DSS v4.0 requirements, paraphrased; AWS Security Hub's mapping for 8.3.9 and 8.6.3",
  reviewedOn,
  controls: [
    { id: "7.2.5.1", title: "Access of system accounts is reviewed", checks: [accessReviewed] },
    { id: "8.2.6", title: "Inactive accounts are removed", checks: [noneDormant] },
    { id: "8.3.9", title: "Passwords as the only factor are changed within 90 days", checks: [noneLongLived] },
    { id: "8.6.2", title: "Passwords of system accounts are not hard-coded", checks: [leaks] },
    {
      id: "8.6.3",
      title: "Passwords of system accounts change at a set frequency and on suspicion",
      checks: [onSchedule, containedInTime],
    },
    { id: "10.2.1.5", title: "Changes to credentials are logged", checks: [recordIsWhole] },
    { id: "10.3.2", title: "Log files are protected from modification", checks: [recordIsWhole] },
    { id: "10.3.4", title: "Changes to log files are detected", checks: [recordIsWhole] },
  ],
});

export const soc2 = defineFramework({
  id: "soc2",
  name: "SOC 2 trust services criteria",
  version: "2017",
  source: "AICPA trust services criteria, paraphrased",
  reviewedOn,
  controls: [
    { id: "CC6.1", title: "Logical access is protected", checks: [coverage, onSchedule] },
    { id: "CC6.3", title: "Access is changed and removed", checks: [noneOrphaned, deadIsProved] },
    { id: "CC7.2", title: "Anomalies are monitored", checks: [leaks] },
    { id: "CC7.4", title: "Incidents are answered", checks: [containedInTime] },
    { id: "CC7.5", title: "Recovery from incidents", checks: [rotationsSucceed] },
  ],
});

export const iso27001 = defineFramework({
  id: "iso-27001",
  name: "ISO/IEC 27001, Annex A",
  version: "2022",
  source: "ISO/IEC 27001:2022, Annex A; titles paraphrased",
  reviewedOn,
  controls: [
    { id: "A.5.16", title: "Life cycle of identities", checks: [noneOrphaned, coverage] },
    { id: "A.5.17", title: "Handling of authentication information", checks: [onSchedule, noneLongLived] },
    { id: "A.5.18", title: "Rights of access, their review and removal", checks: [deadIsProved, accessReviewed] },
    { id: "A.5.28", title: "Collection of evidence", checks: [recordIsWhole] },
    { id: "A.8.15", title: "Logs", checks: [recordIsFresh] },
    { id: "A.8.24", title: "Use of cryptography", checks: [signingKeys] },
  ],
});
