import { defineFramework } from "../core/review/control.ts";
import {
  approvedByOthers,
  containedInTime,
  coverage,
  drilled,
  leaks,
  noneLongLived,
  noneOrphaned,
  noneShared,
  onSchedule,
  recordIsFresh,
  recordIsWhole,
  signingKeys,
} from "./checks.ts";

export default defineFramework({
  id: "nist-800-53",
  name: "NIST SP 800-53",
  version: "r5",
  source: "csrc.nist.gov SP 800-53 r5, by the OSCAL catalog's titles; AWS Security Hub's mapping for AC-2(1), AC-3(15)",
  reviewedOn: "2026-11-23",
  controls: [
    { id: "AC-2(1)", title: "Automated account management", checks: [coverage, onSchedule] },
    { id: "AC-2(3)", title: "Disable accounts", checks: [noneOrphaned] },
    { id: "AC-2(4)", title: "Automated audit actions", checks: [recordIsWhole] },
    { id: "AC-2(13)", title: "Disable accounts for high-risk individuals", checks: [containedInTime] },
    { id: "AC-3(15)", title: "Discretionary and mandatory access control", checks: [onSchedule] },
    { id: "AU-9", title: "Protection of audit information", checks: [recordIsWhole] },
    { id: "AU-10", title: "Non-repudiation", checks: [recordIsWhole, approvedByOthers] },
    { id: "AU-12", title: "Audit record generation", checks: [recordIsFresh] },
    { id: "IA-5", title: "Authenticator management", checks: [onSchedule, noneLongLived] },
    { id: "IA-5(7)", title: "No embedded unencrypted static authenticators", checks: [leaks] },
    { id: "IA-9", title: "Service identification and authentication", checks: [noneShared] },
    { id: "IR-3", title: "Incident response testing", checks: [drilled] },
    { id: "IR-4(1)", title: "Automated incident handling processes", checks: [containedInTime] },
    { id: "SC-12", title: "Cryptographic key establishment and management", checks: [signingKeys] },
  ],
});
