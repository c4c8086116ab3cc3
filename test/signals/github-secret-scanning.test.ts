import { join } from "node:path";
import githubSecretScanning from "../../lib/signals/github-secret-scanning.ts";
import { sourceContract } from "../contract/source.ts";

await sourceContract(githubSecretScanning, join(import.meta.dirname, "github-secret-scanning"));
