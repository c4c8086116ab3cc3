import { join } from "node:path";

/** The set that lets people decide over whatever breaks much. */
export const strictFile = join(import.meta.dirname, "../../playbooks/strict.yaml");
