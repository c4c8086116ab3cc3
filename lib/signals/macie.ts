import { defineSource } from "../core/types.ts";

export default defineSource({
  name: "macie",
  title: "Amazon Macie: credentials in S3 objects",
  pattern: {
    source: ["aws.macie"],
    "detail-type": ["Macie Finding"],
    detail: { type: ["SensitiveData:S3Object/Credentials", "SensitiveData:S3Object/Multiple"] },
  },
  load: async () => (await import("./macie/source.ts")).default,
});
