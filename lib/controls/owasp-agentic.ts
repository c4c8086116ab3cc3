import { defineFramework } from "../core/review/control.ts";
import { agentsTold, approvedByOthers, containedInTime, deadIsProved, noneLongLived, noneShared } from "./checks.ts";

export default defineFramework({
  id: "owasp-agentic",
  name: "OWASP Top 10 for Agentic Applications",
  version: "2026",
  source: "genai.owasp.org/resource/owasp-top-10-for-agentic-applications-for-2026 (table of contents of the PDF)",
  reviewedOn: "2026-11-23",
  // Of the ten, those about identities and their end; the others are about the agent's inside.
  controls: [
    {
      id: "ASI02",
      title: "Tool misuse and exploitation",
      checks: [agentsTold],
      lacks: "what an agent called elsewhere",
    },
    { id: "ASI03", title: "Identity and privilege abuse", checks: [noneLongLived, noneShared] },
    { id: "ASI08", title: "Cascading failures", checks: [containedInTime] },
    { id: "ASI09", title: "Human-agent trust exploitation", checks: [approvedByOthers] },
    { id: "ASI10", title: "Rogue agents", checks: [containedInTime, deadIsProved] },
  ],
});
