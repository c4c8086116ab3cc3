import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "github-secret-scanning",
  title: "GitHub secret scanning: alerts and their locations",
  shape: ["action", "alert.number", "alert.secret_type", "repository.full_name"],
  load: async () => (await import("./github-secret-scanning/source.ts")).default,
});
