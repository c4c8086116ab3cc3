import { join } from "node:path";
import gitguardian from "../../lib/signals/gitguardian.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(gitguardian, join(import.meta.dirname, "gitguardian"));
