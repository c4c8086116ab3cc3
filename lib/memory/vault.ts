import { Misconfigured } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import type { CredentialId, Stage, VersionId } from "../core/types.ts";
import type { At, Replica, Vault, VaultEntry } from "../core/vault.ts";

type Stored = {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly values: Map<VersionId, Secret<unknown>>;
  readonly labels: Map<Stage, VersionId>;
  replicas?: (() => readonly Replica[]) | undefined;
};

/** A vault in a Map that keeps Secrets Manager's rules: a label is on one version, a token has one value for good. */
export const memoryVault = () => {
  const secrets = new Map<CredentialId, Stored>();
  const get = (id: CredentialId): Stored => {
    const found = secrets.get(id);
    if (!found) throw new Misconfigured(`There is no secret ${id}.`);
    return found;
  };
  const versionAt = (stored: Stored, at: At): VersionId | undefined => {
    if (!("version" in at)) return stored.labels.get(at.stage);
    return at.stage && stored.labels.get(at.stage) !== at.version ? undefined : at.version;
  };

  const vault: Vault = {
    async describe(id): Promise<VaultEntry> {
      const { name, tags, labels, replicas } = get(id);
      return { id, name, tags, labels: Object.fromEntries(labels), ...(replicas && { replicas: replicas() }) };
    },
    async read(id, at) {
      const stored = get(id);
      const version = versionAt(stored, at);
      const value = version && stored.values.get(version);
      return value ? { version, value } : undefined;
    },
    async stage(id, version, value) {
      const { values, labels } = get(id);
      if (!values.has(version)) values.set(version, value);
      labels.set("pending", version);
    },
    async promote(id, version, from) {
      const { labels } = get(id);
      const current = labels.get("current");
      if (current === version) return;
      if (current !== from) throw new Error(`AWSCURRENT of ${id} is on ${current}, not on ${from}`);
      if (current) labels.set("previous", current);
      labels.set("current", version);
    },
    async unstage(id, version) {
      const { labels } = get(id);
      if (labels.get("pending") === version) labels.delete("pending");
    },
  };

  return {
    vault,
    /** Declares a secret with its first value, as a deploy does. */
    declare: (id: CredentialId, tags: Readonly<Record<string, string>>, first: Secret<unknown>) => {
      const version = "first-version" as VersionId;
      secrets.set(id, {
        name: id,
        tags,
        values: new Map([[version, first]]),
        labels: new Map([["current", version]]),
      });
    },
    /** Gives the secret replica regions: what each look at them tells. */
    replicate: (id: CredentialId, look: () => readonly Replica[]) => {
      get(id).replicas = look;
    },
    /** Begins a rotation as Secrets Manager does: AWSPENDING on a version that has no value yet. */
    begin: (id: CredentialId, version: VersionId) => get(id).labels.set("pending", version),
    /** What one would find who looked at the labels. */
    labels: (id: CredentialId): VaultEntry["labels"] => Object.fromEntries(get(id).labels),
    value: (id: CredentialId, version: VersionId) => get(id).values.get(version),
  };
};
