import { join } from "node:path";
import securityhubV2 from "../../lib/signals/securityhub-v2.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(securityhubV2, join(import.meta.dirname, "securityhub-v2"));
