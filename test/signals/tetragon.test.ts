import { join } from "node:path";
import tetragon from "../../lib/signals/tetragon.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(tetragon, join(import.meta.dirname, "tetragon"));
