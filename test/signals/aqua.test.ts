import { join } from "node:path";
import aqua from "../../lib/signals/aqua.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(aqua, join(import.meta.dirname, "aqua"));
