import { join } from "node:path";
import cloudtrail from "../../lib/signals/cloudtrail.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(cloudtrail, join(import.meta.dirname, "cloudtrail"));
