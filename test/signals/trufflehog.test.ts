import { join } from "node:path";
import trufflehog from "../../lib/signals/trufflehog.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(trufflehog, join(import.meta.dirname, "trufflehog"));
