import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "custom",
  title: "Your own detectors: put an event on the bus in the documented form",
  pattern: { source: ["rekey.signal"], "detail-type": ["Rekey Signal"] },
  load: async () => (await import("./custom/source.ts")).default,
});
