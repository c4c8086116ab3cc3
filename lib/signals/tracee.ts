import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "tracee",
  title: "Tracee: events and signatures, in the v1beta1 form and the older one",
  shape: ["timestamp", ["name", "eventName"], ["workload", "threat", "processName", "kubernetes", "eventId"]],
  load: async () => (await import("./tracee/source.ts")).default,
});
