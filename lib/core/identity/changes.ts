import * as z from "zod/mini";
import { identifier, isIdentifier } from "../identifier.ts";
import type { Identifier } from "../types.ts";
import { nameOfArn } from "./arn.ts";
import type { Holds, Part, Runs } from "./facts.ts";
import { givenTo, taskNames } from "./tasks.ts";

/** What changes who reaches what, as CloudTrail names it, by the service that says so. */
export const CHANGES = {
  "iam.amazonaws.com": [
    "CreateRole",
    "DeleteRole",
    "UpdateAssumeRolePolicy",
    "TagRole",
    "UntagRole",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "CreateUser",
    "DeleteUser",
    "PutUserPolicy",
    "DeleteUserPolicy",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "PutUserPermissionsBoundary",
    "DeleteUserPermissionsBoundary",
    "CreateAccessKey",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "PutGroupPolicy",
    "DeleteGroupPolicy",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
    "CreatePolicyVersion",
    "SetDefaultPolicyVersion",
    "AddRoleToInstanceProfile",
    "RemoveRoleFromInstanceProfile",
  ],
  "lambda.amazonaws.com": ["CreateFunction20150331", "UpdateFunctionConfiguration20150331v2", "DeleteFunction20150331"],
  "ecs.amazonaws.com": ["RegisterTaskDefinition", "DeregisterTaskDefinition"],
  "eks.amazonaws.com": ["CreatePodIdentityAssociation", "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation"],
  "secretsmanager.amazonaws.com": ["PutResourcePolicy", "DeleteResourcePolicy", "TagResource", "UntagResource"],
  "kms.amazonaws.com": ["PutKeyPolicy"],
} as const;

const text = z.optional(z.string());
const Role = z.optional(z.object({ roleId: text, arn: text }));
const Secrets = z.optional(z.array(z.object({ valueFrom: text })));

/** The parts of CloudTrail records that name who runs as what; everything else in them is left where it is. */
const Response = z.object({
  functionArn: text,
  role: z.optional(z.union([z.string(), z.object({ roleId: text, arn: text })])),
  accessKey: z.optional(z.object({ accessKeyId: text, userName: text })),
  association: z.optional(z.object({ clusterName: text, namespace: text, serviceAccount: text, roleArn: text })),
  taskDefinition: z.optional(
    z.object({
      taskDefinitionArn: text,
      taskRoleArn: text,
      containerDefinitions: z.optional(z.array(z.object({ secrets: Secrets }))),
    }),
  ),
});

/** An event of EventBridge's that CloudTrail made of such a call. */
export const Change = z.object({
  "detail-type": z.literal("AWS API Call via CloudTrail"),
  detail: z.object({
    eventSource: z.string(),
    eventName: z.string(),
    errorCode: text,
    recipientAccountId: text,
    requestParameters: z.nullish(z.object({ instanceProfileName: text, roleName: text })),
    responseElements: z.nullish(Response),
  }),
});
export type Change = z.infer<typeof Change>;
type Told = z.infer<typeof Response>;

const runs = (names: readonly Identifier[], arn: string | undefined): readonly Runs[] => {
  const principal = nameOfArn(arn ?? "");
  return principal ? names.map((name) => ({ name, principal })) : [];
};

const ofFunction = ({ functionArn, role }: Told) =>
  runs(identifier("function", functionArn), typeof role === "string" ? role : undefined);

const ofRole = ({ role }: { readonly role?: z.infer<typeof Role> | string | undefined }) =>
  typeof role === "object" ? runs(identifier("role-id", role.roleId), role.arn) : [];

const ofAssociation = ({ association: of }: Told) =>
  runs(identifier("k8s-sa", of?.clusterName, of?.namespace, of?.serviceAccount), of?.roleArn);

const ofTask = ({ taskDefinition: of }: Told): readonly (Runs | Holds)[] => {
  const names = taskNames(of?.taskDefinitionArn);
  const values = (of?.containerDefinitions ?? []).flatMap(({ secrets = [] }) => secrets);
  const given = values.flatMap(({ valueFrom }) => givenTo(valueFrom));
  return [...runs(names, of?.taskRoleArn), ...names.flatMap((name) => given.map((secret) => ({ name, secret })))];
};

const ofKey = ({ accessKey }: Told, account: string): readonly Runs[] => {
  const user: Identifier = `iam-user:${account}/${accessKey?.userName ?? ""}`;
  const names = identifier("aws-key", accessKey?.accessKeyId);
  return isIdentifier(user) ? names.map((name) => ({ name, principal: user })) : [];
};

const ofProfile = ({ detail }: Change, account: string): readonly Runs[] => {
  const { instanceProfileName, roleName } = detail.requestParameters ?? {};
  const role: Identifier = `iam-role:${account}/${roleName ?? ""}`;
  const names = identifier("instance-profile", account, instanceProfileName);
  return isIdentifier(role) ? names.map((name) => ({ name, principal: role })) : [];
};

const NAMES: Readonly<
  Record<string, readonly [Part, (told: Told, account: string, change: Change) => readonly (Runs | Holds)[]]>
> = {
  CreateFunction20150331: ["functions", ofFunction],
  UpdateFunctionConfiguration20150331v2: ["functions", ofFunction],
  CreateRole: ["entities", ofRole],
  CreatePodIdentityAssociation: ["clusters", ofAssociation],
  UpdatePodIdentityAssociation: ["clusters", ofAssociation],
  RegisterTaskDefinition: ["tasks", ofTask],
  CreateAccessKey: ["keys", ofKey],
  AddRoleToInstanceProfile: ["entities", (_told, account, change) => ofProfile(change, account)],
};

/** Which names a change tells at once; what policies allow is only known when the account is looked at again. */
export const toldBy = (
  change: Change,
  account: string,
): { readonly part: Part; readonly found: readonly (Runs | Holds)[] } | undefined => {
  const [part, of] = NAMES[change.detail.eventName] ?? [];
  if (!part || !of || change.detail.errorCode) return undefined;
  const found = of(change.detail.responseElements ?? {}, account, change);
  return found.length > 0 ? { part, found } : undefined;
};
