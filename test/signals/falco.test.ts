import { join } from "node:path";
import falco from "../../lib/signals/falco.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(falco, join(import.meta.dirname, "falco"));
