import { join } from "node:path";
import health from "../../lib/signals/health.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(health, join(import.meta.dirname, "health"));
