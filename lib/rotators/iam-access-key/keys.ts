import {
  type AccessKeyMetadata,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  type IAMClient,
  ListAccessKeysCommand,
  type StatusType,
  UpdateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import { isProbe } from "../../core/access-key.ts";
import { Misconfigured } from "../../core/errors.ts";
import { isNamed } from "../shared/aws-fault.ts";
import type { Ownership } from "../shared/iam-user.ts";

/** IAM keeps at most two keys a user: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const SLOTS = 2;

export type Key = {
  readonly id: string;
  readonly status: StatusType | undefined;
  readonly createdAt: Date | undefined;
};
export type At = { readonly iam: IAMClient; readonly user: string; readonly signal: AbortSignal };

const asKey = ({ AccessKeyId, Status, CreateDate }: AccessKeyMetadata): readonly Key[] =>
  AccessKeyId ? [{ id: AccessKeyId, status: Status, createdAt: CreateDate }] : [];

/** The user's keys. */
export const listKeys = async ({ iam, user, signal }: At): Promise<readonly Key[]> => {
  const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName: user }), { abortSignal: signal });
  return (AccessKeyMetadata ?? []).flatMap(asKey);
};

/** Deletes one key; one that is gone is deleted. */
const deleteKey = async ({ iam, user, signal }: At, id: string): Promise<void> => {
  try {
    await iam.send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: id }), { abortSignal: signal });
  } catch (error) {
    if (!isNamed(error, "NoSuchEntity")) throw error;
  }
};

/** Sets one key's status; false when there is no such key. */
export const setStatus = async ({ iam, user, signal }: At, id: string, status: StatusType): Promise<boolean> => {
  try {
    await iam.send(new UpdateAccessKeyCommand({ UserName: user, AccessKeyId: id, Status: status }), {
      abortSignal: signal,
    });
    return true;
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) return false;
    throw error;
  }
};

const foreign = (user: string, current: string | undefined, others: readonly Key[]) =>
  new Misconfigured(
    `IAM user ${user} has no free key slot: ${current ? `${current} is in use as AWSCURRENT, and ` : ""}${others
      .map(({ id, status }) => `${id} (${status})`)
      .join(
        " and ",
      )} is not in this secret, so Rekey leaves it alone. If nothing uses it, delete it with \`aws iam delete-access-key --user-name ${user} --access-key-id ${others[0]?.id}\`, then rotate again.`,
  );

type Room = { readonly current: string | undefined; readonly previous: string | undefined; readonly by: Ownership };

/**
 * Frees a slot if both are taken. Never touches the current key. The other goes only if it is this secret's previous
 * one, or if nothing can be using it (Inactive) and the path makes it Rekey's. Throws Misconfigured otherwise.
 */
export const makeRoom = async (at: At, { current, previous, by }: Room): Promise<void> => {
  const keys = await listKeys(at);
  if (keys.length < SLOTS) return;
  const others = keys.filter(({ id }) => id !== current);
  const ours =
    others.find(({ id }) => id === previous) ?? others.find(({ status }) => by === "path" && status === "Inactive");
  if (!ours) throw foreign(at.user, current, others);
  await deleteKey(at, ours.id);
};

type LastUse = { readonly at: Date; readonly service: string; readonly region: string };

/** When, for which service and where a key last signed a request; undefined when it never did. */
const lastUse = async ({ iam, signal }: Pick<At, "iam" | "signal">, id: string): Promise<LastUse | undefined> => {
  const { AccessKeyLastUsed: last } = await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: id }), {
    abortSignal: signal,
  });
  if (!last?.LastUsedDate) return undefined;
  return { at: last.LastUsedDate, service: last.ServiceName ?? "N/A", region: last.Region ?? "N/A" };
};

/** The last use of a key by anybody but our own probe, which is the only use that an orphan can have seen. */
export const otherUse = async (at: Pick<At, "iam" | "signal">, id: string, createdAt: Date | undefined) => {
  const last = await lastUse(at, id);
  return last && !isProbe({ ms: last.at.getTime(), service: last.service }, createdAt?.getTime()) ? last : undefined;
};

/**
 * Deletes keys that a crash lost between CreateAccessKey and storing: active, in no labelled version, and used by
 * nobody but our own probe (the secret half was never stored, so nobody else has it).
 */
export const deleteOrphans = async (at: At, keep: readonly string[]): Promise<void> => {
  const strays = (await listKeys(at)).filter(({ id, status }) => status === "Active" && !keep.includes(id));
  for (const key of strays) {
    if (!(await otherUse(at, key.id, key.createdAt))) await deleteKey(at, key.id);
  }
};
