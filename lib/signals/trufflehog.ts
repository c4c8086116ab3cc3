import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "trufflehog",
  title: "TruffleHog: leaked credentials, of which only a key's id or a digest is kept",
  shape: ["DetectorName", "Verified", "SourceMetadata.Data"],
  load: async () => (await import("./trufflehog/source.ts")).default,
});
