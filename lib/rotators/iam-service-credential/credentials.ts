import {
  CreateServiceSpecificCredentialCommand,
  DeleteServiceSpecificCredentialCommand,
  type IAMClient,
  ListServiceSpecificCredentialsCommand,
  type ServiceSpecificCredential,
  type StatusType,
  UpdateServiceSpecificCredentialCommand,
} from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { isNamed } from "../shared/aws-fault.ts";
import type { Ownership } from "../shared/iam-user.ts";
import type { Material, Target } from "./schema.ts";

/** A user holds at most two sets a service: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html */
export const SLOTS = 2;
/** What is not made after this was never asked for, so that an orphan's age is bounded (see intent.ts). */
const CREATE_WITHIN_MS = 30_000;

export type Listed = {
  readonly id: string;
  readonly status: StatusType | undefined;
  readonly createdAt: Date | undefined;
  readonly expiresAt: Date | undefined;
};
export type At = { readonly iam: IAMClient; readonly target: Target; readonly signal: AbortSignal };

/** The user's credentials for the service. */
export const list = async ({ iam, target: { user, service }, signal }: At): Promise<readonly Listed[]> => {
  const command = new ListServiceSpecificCredentialsCommand({ UserName: user, ServiceName: service });
  const { ServiceSpecificCredentials = [] } = await iam.send(command, { abortSignal: signal });
  return ServiceSpecificCredentials.map((one) => ({
    id: one.ServiceSpecificCredentialId ?? "",
    status: one.Status,
    createdAt: one.CreateDate,
    expiresAt: one.ExpirationDate,
  }));
};

/** Deletes one; one that is gone is deleted. */
export const remove = async ({ iam, target, signal }: At, id: string): Promise<void> => {
  const command = new DeleteServiceSpecificCredentialCommand({
    UserName: target.user,
    ServiceSpecificCredentialId: id,
  });
  try {
    await iam.send(command, { abortSignal: signal });
  } catch (error) {
    if (!isNamed(error, "NoSuchEntity")) throw error;
  }
};

/** Sets one's status; false when there is no such credential. */
export const setStatus = async ({ iam, target, signal }: At, id: string, status: StatusType): Promise<boolean> => {
  const named = { UserName: target.user, ServiceSpecificCredentialId: id };
  try {
    await iam.send(new UpdateServiceSpecificCredentialCommand({ ...named, Status: status }), { abortSignal: signal });
    return true;
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) return false;
    throw error;
  }
};

const shown = (listed: readonly Listed[]) => listed.map(({ id, status }) => `${id} (${status})`).join(" and ");
const deletion = ({ user }: Target, id: string | undefined) =>
  `\`aws iam delete-service-specific-credential --user-name ${user} --service-specific-credential-id ${id}\``;

type Room = { readonly current: string | undefined; readonly previous: string | undefined; readonly by: Ownership };

/**
 * Frees a slot if both are taken, and returns who is left. Never touches the current one. The other goes only if it is
 * this secret's previous one, or if nothing can be using it and the path makes it Rekey's. Throws Misconfigured otherwise.
 */
export const makeRoom = async (at: At, { current, previous, by }: Room): Promise<readonly Listed[]> => {
  const all = await list(at);
  if (all.length < SLOTS) return all;
  const others = all.filter(({ id }) => id !== current);
  const ours =
    others.find(({ id }) => id === previous) ?? others.find(({ status }) => by === "path" && status !== "Active");
  if (!ours) {
    throw new Misconfigured(
      `IAM user ${at.target.user} has no free slot for ${at.target.service}: ${current ? `${current} is in use as AWSCURRENT, and ` : ""}${shown(others)} is not in this secret, so Rekey leaves it alone. If nothing uses it, delete it with ${deletion(at.target, others[0]?.id)}, then rotate again.`,
    );
  }
  await remove(at, ours.id);
  return all.filter(({ id }) => id !== ours.id);
};

const fields = (made: ServiceSpecificCredential | undefined): Partial<Material> =>
  Object.fromEntries(
    Object.entries({
      userName: made?.UserName,
      serviceSpecificCredentialId: made?.ServiceSpecificCredentialId,
      serviceCredentialAlias: made?.ServiceCredentialAlias,
      serviceCredentialSecret: made?.ServiceCredentialSecret,
      serviceUserName: made?.ServiceUserName,
      servicePassword: made?.ServicePassword,
    }).filter(([, value]) => value !== undefined),
  );

/** Makes one. Its secret half is in this answer and nowhere else, ever. */
export const create = async ({ iam, target, signal }: At): Promise<Partial<Material>> => {
  const { user, service, ageDays } = target;
  const command = new CreateServiceSpecificCredentialCommand({
    UserName: user,
    ServiceName: service,
    ...(ageDays !== undefined && { CredentialAgeDays: Number(ageDays) }),
  });
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(CREATE_WITHIN_MS)]);
  try {
    return fields((await iam.send(command, { abortSignal })).ServiceSpecificCredential);
  } catch (error) {
    if (!isNamed(error, "LimitExceeded")) throw error;
    throw new Misconfigured(
      `IAM user ${user} has no free slot for ${service}: someone made a credential meanwhile. Run \`aws iam list-service-specific-credentials --user-name ${user} --service-name ${service}\`, delete the one that nothing uses, then rotate again.`,
    );
  }
};
