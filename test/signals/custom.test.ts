import { join } from "node:path";
import custom from "../../lib/signals/custom.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(custom, join(import.meta.dirname, "custom"));
