import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import type { Identifier, SignalFacts } from "../../core/types.ts";
import { actionOf, callerFacts, ofPrincipal, type Principal, tokenSourceOf } from "../shared/aws.ts";
import { Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

// Functions: what is built only for its first event costs no cold start.
const Session = () =>
  z.object({
    sessionIssuer: part(z.object({ arn: text, principalId: text, userName: text, accountId: text })),
    webIdFederationData: part(z.object({ federatedProvider: text })),
    ec2RoleDelivery: text,
  });

/** docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html */
const UserIdentity = () =>
  z.object({
    type: text,
    principalId: text,
    arn: text,
    accountId: text,
    accessKeyId: text,
    userName: text,
    invokedBy: text,
    sessionContext: part(Session()),
  });

/** One record, as EventBridge delivers it; `names` are the calls that the source takes. */
export const recordOf = (
  takes: (record: { readonly eventName: string; readonly requestParameters?: unknown }) => boolean,
) =>
  z.object({
    account: z.string().check(z.regex(/^\d{12}$/)),
    detail: z
      .object({
        eventID: z.string().check(z.regex(/^[\w-]{1,128}$/)),
        eventName: z.string().check(z.regex(/^\w{1,128}$/)),
        eventSource: z.string().check(z.regex(/^[\w.-]{1,128}$/)),
        eventTime: Moment,
        awsRegion: text,
        sourceIPAddress: text,
        userAgent: text,
        vpcEndpointId: text,
        errorCode: text,
        userIdentity: UserIdentity(),
        requestParameters: z.nullish(z.record(z.string(), z.unknown())),
        responseElements: part(z.record(z.string(), z.unknown())),
        recipientAccountId: text,
      })
      .check(z.refine(takes, "is no call that Rekey watches")),
  });
export type Record = z.infer<ReturnType<typeof recordOf>>;
export type Call = Record["detail"];

export const accountOf = ({ account, detail }: Record): string =>
  /^\d{12}$/.exec(detail.recipientAccountId ?? "")?.[0] ?? account;

const callerOf = ({ userIdentity: who }: Call): Principal => {
  const issuer = who.sessionContext?.sessionIssuer;
  return {
    type: who.type,
    accessKeyId: who.accessKeyId,
    principalId: who.principalId,
    arn: who.arn,
    issuerArn: issuer?.arn,
    userName: who.userName ?? issuer?.userName,
  };
};

/** The names of who called, most specific first; a service of AWS has none. */
export const ofCaller = (record: Record): readonly Identifier[] =>
  ofPrincipal(callerOf(record.detail), record.detail.userIdentity.accountId ?? accountOf(record));

/** EKS's web identity and EC2's delivery stand in the session; what they leave open, its name tells. */
const tokenSource = (call: Call): string | undefined => {
  const session = call.userIdentity.sessionContext;
  if (session?.ec2RoleDelivery) return "ec2-instance-metadata";
  if (/oidc\.eks\./.test(session?.webIdFederationData?.federatedProvider ?? "")) return "irsa-web-identity-token";
  return session?.webIdFederationData?.federatedProvider ? "web-identity-token" : tokenSourceOf(callerOf(call));
};

/** A service of AWS stands in the address's place where it called on someone's behalf. */
export const isService = ({ sourceIPAddress, userIdentity }: Call): boolean =>
  userIdentity.type === "AWSService" || /\.amazonaws\.com(?:\.cn)?$/.test(sourceIPAddress ?? "");

export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Facts of a record; `more` come on top. */
export const callFacts = (record: Record, more: Parameters<typeof factsOf>[0]): SignalFacts => {
  const { detail } = record;
  const caller = callerFacts(callerOf(detail));
  const action = actionOf(detail.eventSource, detail.eventName);
  return factsOf({
    finding: detail.eventID,
    lastSeenAt: detail.eventTime,
    region: detail.awsRegion,
    ...caller,
    tokenSource: tokenSource(detail),
    ip: isService(detail) ? [] : [detail.sourceIPAddress],
    vpcEndpoint: detail.vpcEndpointId,
    errorCode: detail.errorCode,
    action,
    privilegeScope: [action, caller.roleArn],
    ...more,
  });
};
