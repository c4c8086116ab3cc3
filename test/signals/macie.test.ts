import { join } from "node:path";
import macie from "../../lib/signals/macie.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(macie, join(import.meta.dirname, "macie"));
