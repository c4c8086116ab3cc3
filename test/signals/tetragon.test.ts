import { join } from "node:path";
import tetragon from "../../lib/signals/tetragon.ts";
import { sourceContract } from "../contract/source.ts";

sourceContract(tetragon, join(import.meta.dirname, "tetragon"));
