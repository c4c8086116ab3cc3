import { join } from "node:path";
import accessAnalyzer from "../../lib/signals/access-analyzer.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(accessAnalyzer, join(import.meta.dirname, "access-analyzer"));
