import { join } from "node:path";
import tracee from "../../lib/signals/tracee.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(tracee, join(import.meta.dirname, "tracee"));
