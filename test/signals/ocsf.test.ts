import { join } from "node:path";
import ocsf from "../../lib/signals/ocsf.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(ocsf, join(import.meta.dirname, "ocsf"));
