import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "gitguardian",
  title: "GitGuardian: incidents of its custom webhook",
  shape: ["incident.id", "incident.detector", "incident.date"],
  load: async () => (await import("./gitguardian/source.ts")).default,
});
