import { join } from "node:path";
import cloudtrailSecrets from "../../lib/signals/cloudtrail-secrets.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(cloudtrailSecrets, join(import.meta.dirname, "cloudtrail-secrets"));
