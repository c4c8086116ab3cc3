import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { CredentialId, VersionId } from "./types.ts";

const digest = (text: string) => bytesToHex(sha256(utf8ToBytes(text)));

/** The incident that answers a signal: the same for every delivery of it. */
export const incidentOf = (signal: string): string => `inc-${digest(signal).slice(0, 16)}`;

/** The version that an incident issues for a credential: 64 characters, Secrets Manager's longest token. */
export const replacementOf = (incident: string, credential: CredentialId): VersionId =>
  digest(`${incident} ${credential}`) as VersionId;
