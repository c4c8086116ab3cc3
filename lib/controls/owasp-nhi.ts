import { defineFramework } from "../core/review/control.ts";
import {
  deadIsProved,
  excess,
  leaks,
  noneDormant,
  noneLongLived,
  noneOffboarded,
  noneOrphaned,
  noneShared,
  noPeople,
  noStrangers,
  onSchedule,
  thirdParties,
} from "./checks.ts";

export default defineFramework({
  id: "owasp-nhi",
  name: "OWASP Non-Human Identities Top 10",
  version: "2025",
  source: "owasp.org/www-project-non-human-identities-top-10/2025, each risk's page",
  reviewedOn: "2026-11-23",
  controls: [
    {
      id: "NHI1:2025",
      title: "Improper offboarding",
      checks: [noneOrphaned, noneOffboarded, noneDormant, deadIsProved],
    },
    { id: "NHI2:2025", title: "Secret leakage", checks: [leaks] },
    { id: "NHI3:2025", title: "Vulnerable third-party NHI", checks: [thirdParties] },
    { id: "NHI4:2025", title: "Insecure authentication", checks: [noneLongLived] },
    { id: "NHI5:2025", title: "Overprivileged NHI", checks: [excess] },
    {
      id: "NHI6:2025",
      title: "Insecure cloud deployment configurations",
      checks: [],
      lacks: "trust policies and pipelines",
    },
    { id: "NHI7:2025", title: "Long-lived secrets", checks: [onSchedule, noneLongLived] },
    { id: "NHI8:2025", title: "Environment isolation", checks: [noStrangers] },
    { id: "NHI9:2025", title: "NHI reuse", checks: [noneShared] },
    { id: "NHI10:2025", title: "Human use of NHI", checks: [noPeople] },
  ],
});
