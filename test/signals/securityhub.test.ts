import { join } from "node:path";
import securityhub from "../../lib/signals/securityhub.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(securityhub, join(import.meta.dirname, "securityhub"));
