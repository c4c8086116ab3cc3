import {
  GetAccessKeyLastUsedCommand,
  GetAccountAuthorizationDetailsCommand,
  type GroupDetail,
  IAMClient,
  ListAccessKeysCommand,
  type ManagedPolicyDetail,
  type RoleDetail,
  type UserDetail,
} from "@aws-sdk/client-iam";
import { isProbe } from "../core/access-key.ts";
import { identifier } from "../core/identifier.ts";
import { nameOfArn } from "../core/identity/arn.ts";
import type { Entity, KeyUse, Runs } from "../core/identity/facts.ts";
import { type Policy, parsePolicy, UNREADABLE } from "../core/policy/document.ts";
import type { Aws, Identifier, Instant } from "../core/types.ts";
import { chunks } from "./batch.ts";

/** All of an account's identities (docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html). */
type Details = {
  readonly users: UserDetail[];
  readonly roles: RoleDetail[];
  readonly groups: GroupDetail[];
  readonly policies: ManagedPolicyDetail[];
};

const details = async (aws: Aws): Promise<Details> => {
  const all: Details = { users: [], roles: [], groups: [], policies: [] };
  let Marker: string | undefined;
  do {
    const page = await aws(IAMClient).send(new GetAccountAuthorizationDetailsCommand({ MaxItems: 1000, Marker }));
    all.users.push(...(page.UserDetailList ?? []));
    all.roles.push(...(page.RoleDetailList ?? []));
    all.groups.push(...(page.GroupDetailList ?? []));
    all.policies.push(...(page.Policies ?? []));
    Marker = page.IsTruncated ? page.Marker : undefined;
  } while (Marker);
  return all;
};

const inForce = ({ PolicyVersionList = [] }: ManagedPolicyDetail): Policy => {
  const text = PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion)?.Document;
  return text ? parsePolicy(text) : UNREADABLE;
};

const tagsOf = (tags: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(tags.map(({ Key = "", Value = "" }) => [Key, Value]));

const inline = (list: readonly { PolicyDocument?: string | undefined }[] = []): readonly Policy[] =>
  list.map(({ PolicyDocument }) => (PolicyDocument ? parsePolicy(PolicyDocument) : UNREADABLE));

const readDetails = ({ users, roles, groups, policies }: Details): readonly Entity[] => {
  const managed = new Map(policies.map((policy) => [policy.Arn ?? "", inForce(policy)]));
  const named = (arn: string | undefined) => managed.get(arn ?? "") ?? UNREADABLE;
  const attached = (list: readonly { PolicyArn?: string | undefined }[] = []) =>
    list.map(({ PolicyArn }) => named(PolicyArn));
  const ofGroup = new Map(
    groups.map((group) => [
      group.GroupName ?? "",
      [...inline(group.GroupPolicyList), ...attached(group.AttachedManagedPolicies)],
    ]),
  );
  const boundary = (given: { PermissionsBoundaryArn?: string | undefined } | undefined) =>
    given?.PermissionsBoundaryArn ? { boundary: named(given.PermissionsBoundaryArn) } : {};
  const asUser = (user: UserDetail): readonly Entity[] => {
    const arn = user.Arn ?? "";
    const id = nameOfArn(arn);
    if (!id) return [];
    const policies = [
      ...inline(user.UserPolicyList),
      ...attached(user.AttachedManagedPolicies),
      ...(user.GroupList ?? []).flatMap((group) => ofGroup.get(group) ?? [UNREADABLE]),
    ];
    const { UserName: name = "", UserId: uniqueId = "", Path: path = "/" } = user;
    const tags = tagsOf(user.Tags);
    const bound = boundary(user.PermissionsBoundary);
    return [{ id, kind: "user", arn, name, path, account: account(arn), uniqueId, tags, policies, ...bound }];
  };
  const asRole = (role: RoleDetail): readonly Entity[] => {
    const arn = role.Arn ?? "";
    const id = nameOfArn(arn);
    if (!id) return [];
    const policies = [...inline(role.RolePolicyList), ...attached(role.AttachedManagedPolicies)];
    const { RoleName: name = "", RoleId: uniqueId = "", Path: path = "/" } = role;
    const tags = tagsOf(role.Tags);
    const trust = role.AssumeRolePolicyDocument ? parsePolicy(role.AssumeRolePolicyDocument) : UNREADABLE;
    const bound = boundary(role.PermissionsBoundary);
    return [{ id, kind: "role", arn, name, path, account: account(arn), uniqueId, tags, policies, trust, ...bound }];
  };
  return [...users.flatMap(asUser), ...roles.flatMap(asRole)];
};

const account = (arn: string): string => arn.split(":")[4] ?? "";

const profilesOf = (roles: readonly RoleDetail[]): readonly Runs[] =>
  roles.flatMap(({ Arn = "", InstanceProfileList = [] }) => {
    const principal = nameOfArn(Arn);
    return InstanceProfileList.flatMap((profile) => {
      const name = nameOfArn(profile.Arn ?? "");
      return principal && name ? [{ name, principal }] : [];
    });
  });

/** Users and roles with every policy that speaks for them, and the instance profiles. One paged call. */
export const readIdentities = async (
  aws: Aws,
): Promise<{ readonly entities: readonly Entity[]; readonly profiles: readonly Runs[] }> => {
  const all = await details(aws);
  return { entities: readDetails(all), profiles: profilesOf(all.roles) };
};

const keysOf = async (aws: Aws, { name }: Entity) => {
  const { AccessKeyMetadata = [] } = await aws(IAMClient).send(new ListAccessKeysCommand({ UserName: name }));
  return AccessKeyMetadata.flatMap(({ AccessKeyId, CreateDate }) =>
    identifier("aws-key", AccessKeyId).map((key) => ({ name: key, id: AccessKeyId ?? "", createdAt: CreateDate })),
  );
};

/** Several at a time; IAM's own limits are not published, and its throttling is retried by the client. */
const AT_ONCE = 5;

const ofEach = async <T>(
  users: readonly Entity[],
  work: (user: Entity) => Promise<readonly T[]>,
): Promise<readonly T[]> => {
  const found: T[] = [];
  for (const some of chunks(users, AT_ONCE)) found.push(...(await Promise.all(some.map(work))).flat());
  return found;
};

/** The access keys of every user: two at the most, one call a user. */
export const readKeys = (aws: Aws, users: readonly Entity[]): Promise<readonly Runs[]> =>
  ofEach(users, async (user) => (await keysOf(aws, user)).map(({ name }) => ({ name, principal: user.id })));

const useOf = async (aws: Aws, { name, id, createdAt }: Awaited<ReturnType<typeof keysOf>>[number]) => {
  const { AccessKeyLastUsed } = await aws(IAMClient).send(new GetAccessKeyLastUsedCommand({ AccessKeyId: id }));
  const { LastUsedDate: at, ServiceName: service = "" } = AccessKeyLastUsed ?? {};
  if (!at || isProbe({ ms: at.getTime(), service }, createdAt?.getTime())) return [];
  return [{ name, at: at.toISOString() as Instant }];
};

/** When the named keys of these users were last used; one call a key. */
export const readKeyUses = (
  aws: Aws,
  users: readonly Entity[],
  names: ReadonlySet<Identifier>,
): Promise<readonly KeyUse[]> =>
  ofEach(users, async (user) => {
    const keys = (await keysOf(aws, user)).filter(({ name }) => names.has(name));
    return (await Promise.all(keys.map((key) => useOf(aws, key)))).flat();
  });
