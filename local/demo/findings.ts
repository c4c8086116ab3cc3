import { randomBytes } from "node:crypto";

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

type Where = { readonly account: string; readonly region: string };

const finding = ({ account, region }: Where, type: string, resource: object, action: object): object => {
  const now = new Date().toISOString();
  const id = hex(16);
  return {
    schemaVersion: "2.0",
    accountId: account,
    region,
    partition: "aws",
    id,
    arn: `arn:aws:guardduty:${region}:${account}:detector/${hex(16)}/finding/${id}`,
    type,
    severity: 8,
    title: "demo",
    description: "demo",
    createdAt: now,
    updatedAt: now,
    resource,
    service: {
      serviceName: "guardduty",
      archived: false,
      count: 1,
      eventFirstSeen: now,
      eventLastSeen: now,
      resourceRole: "TARGET",
      action,
    },
  };
};

const FROM = { ipAddressV4: "198.51.100.7" };

/**
 * A database login used by somebody else, as GuardDuty RDS Protection reports it
 * (docs.aws.amazon.com/guardduty/latest/APIReference, RdsDbUserDetails, RdsDbInstanceDetails).
 */
export const strangeLogin = (where: Where, instance: string, user: string): object =>
  finding(
    where,
    "CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin",
    {
      resourceType: "RDSDBInstance",
      rdsDbInstanceDetails: { dbInstanceIdentifier: instance, engine: "postgres", tags: [] },
      rdsDbUserDetails: { user, application: "psql", database: "app", ssl: "TLSv1.3", authMethod: "SCRAM" },
    },
    { actionType: "RDS_LOGIN_ATTEMPT", rdsLoginAttemptAction: { remoteIpDetails: FROM, LoginAttributes: [{ user }] } },
  );

/** An IAM user's key used from a place that its workload does not call from (AccessKeyDetails). */
export const strangeKeyUse = (where: Where, userName: string, accessKeyId: string): object =>
  finding(
    where,
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
    {
      resourceType: "AccessKey",
      accessKeyDetails: { accessKeyId, principalId: "AIDAEXAMPLE", userName, userType: "IAMUser" },
    },
    {
      actionType: "AWS_API_CALL",
      awsApiCallAction: {
        api: "GetCallerIdentity",
        serviceName: "sts.amazonaws.com",
        callerType: "Remote IP",
        remoteIpDetails: FROM,
      },
    },
  );
