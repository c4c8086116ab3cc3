import { join } from "node:path";
import ssf from "../../lib/signals/ssf.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(ssf, join(import.meta.dirname, "ssf"));
