import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "ssf",
  title: "Shared Signals Framework: security event tokens of CAEP and RISC, by their claims",
  shape: ["iss", "jti", "events"],
  load: async () => (await import("./ssf/source.ts")).default,
});
