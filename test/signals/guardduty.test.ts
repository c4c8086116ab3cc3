import { join } from "node:path";
import guardduty from "../../lib/signals/guardduty.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(guardduty, join(import.meta.dirname, "guardduty"));
