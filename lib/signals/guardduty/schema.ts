import * as z from "zod/mini";
import { Time } from "../shared/time.ts";

const text = z.nullish(z.string());
const texts = z.nullish(z.array(z.nullish(z.string())));
const count = z.nullish(z.union([z.number(), z.string()]));
/** Parts that only add to a signal: one that is not as documented is left out, and the finding counts all the same. */
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);
/** Of a list too: one element that is not as documented takes none of the others with it. */
const list = <S extends z.ZodMiniType>(one: S) =>
  part(
    z.pipe(
      z.array(part(one)),
      z.transform((all) => all.filter((each) => each !== null && each !== undefined)),
    ),
  );

// Functions: what is built only for its first event costs no cold start.
const Remote = () => z.object({ ipAddressV4: text, ipAddressV6: text, organization: part(z.object({ asn: count })) });
const remote = () => part(Remote());

const Container = () => z.object({ id: text, name: text, image: text });
const Workload = () =>
  z.object({
    name: text,
    type: text,
    uid: text,
    namespace: text,
    serviceAccountName: text,
    containers: list(Container()),
  });
const KubernetesUser = () =>
  z.object({
    username: text,
    uid: text,
    groups: texts,
    sessionName: texts,
    impersonatedUser: part(z.object({ username: text, groups: texts })),
  });
const profile = () => part(z.object({ arn: text, id: text }));
const Task = () =>
  z.object({
    arn: text,
    definitionArn: text,
    group: text,
    launchType: text,
    containers: list(Container()),
  });

const Resource = () =>
  z.object({
    resourceType: text,
    accessKeyDetails: part(z.object({ accessKeyId: text, principalId: text, userName: text, userType: text })),
    instanceDetails: part(z.object({ instanceId: text, iamInstanceProfile: profile() })),
    eksClusterDetails: part(z.object({ name: text, arn: text })),
    kubernetesDetails: part(
      z.object({ kubernetesWorkloadDetails: part(Workload()), kubernetesUserDetails: part(KubernetesUser()) }),
    ),
    containerDetails: part(Container()),
    ecsClusterDetails: part(z.object({ name: text, arn: text, taskDetails: part(Task()) })),
    lambdaDetails: part(z.object({ functionArn: text, functionName: text, role: text })),
    rdsDbInstanceDetails: part(
      z.object({ dbInstanceIdentifier: text, dbClusterIdentifier: text, dbiResourceId: text, dbInstanceArn: text }),
    ),
    rdsDbUserDetails: part(z.object({ user: text, authMethod: text, database: text, application: text })),
    s3BucketDetails: list(z.object({ arn: text, name: text })),
  });

/** The API reference writes `LoginAttributes` where every other name begins in lower case: either is taken. */
const LoginAttributes = () => list(z.object({ user: text, application: text }));
const Action = () =>
  z.object({
    actionType: text,
    awsApiCallAction: part(
      z.object({
        api: text,
        serviceName: text,
        userAgent: text,
        errorCode: text,
        remoteIpDetails: remote(),
        affectedResources: part(z.record(z.string(), z.unknown())),
      }),
    ),
    networkConnectionAction: part(z.object({ connectionDirection: text, remoteIpDetails: remote() })),
    dnsRequestAction: part(z.object({ domain: text })),
    kubernetesApiCallAction: part(
      z.object({ verb: text, requestUri: text, sourceIPs: texts, remoteIpDetails: remote() }),
    ),
    rdsLoginAttemptAction: part(
      z.object({ remoteIpDetails: remote(), LoginAttributes: LoginAttributes(), loginAttributes: LoginAttributes() }),
    ),
  });

const Ancestor = () => z.object({ executablePath: text, name: text });
const Process = () =>
  z.object({
    name: text,
    executablePath: text,
    executableSha256: text,
    uuid: text,
    user: text,
    lineage: list(Ancestor()),
  });
const Context = () =>
  z.object({
    scriptPath: text,
    socketPath: text,
    mountSource: text,
    toolName: text,
    commandLineExample: text,
  });

const account = () => part(z.object({ uid: text }));
const Sequence = () =>
  z.object({
    description: text,
    actors: list(
      z.object({
        user: part(z.object({ uid: text, name: text, type: text, credentialUid: text, account: account() })),
        session: part(z.object({ uid: text, issuer: text })),
      }),
    ),
    resources: list(
      z.object({
        uid: text,
        name: text,
        accountId: text,
        resourceType: text,
        data: part(
          z.object({
            accessKey: part(z.object({ principalId: text, userName: text, userType: text })),
            ec2Instance: part(z.object({ iamInstanceProfile: profile() })),
            eksCluster: part(z.object({ arn: text })),
            kubernetesWorkload: part(z.object({ namespace: text, type: text })),
            ecsTask: part(z.object({ taskDefinitionArn: text })),
            container: part(z.object({ image: text, imageUid: text })),
          }),
        ),
      }),
    ),
    endpoints: list(z.object({ ip: text, autonomousSystem: part(z.object({ number: count })) })),
    signals: list(z.object({ type: text, name: text, count, firstSeenAt: count, lastSeenAt: count })),
    sequenceIndicators: list(z.object({ key: text, values: texts })),
  });

/** https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html, as EventBridge delivers it. */
const Finding = () =>
  z.object({
    accountId: z.string().check(z.regex(/^\d{12}$/)),
    region: text,
    id: z.string().check(z.regex(/^[\w-]{1,128}$/)),
    arn: text,
    type: z.string().check(z.regex(/^[\w:./!&+-]{1,200}$/)),
    severity: z.number().check(z.minimum(0), z.maximum(100)),
    title: text,
    description: text,
    updatedAt: Time,
    resource: Resource(),
    service: z.object({
      archived: z.nullish(z.boolean()),
      count,
      resourceRole: text,
      featureName: text,
      eventFirstSeen: z.nullish(Time),
      eventLastSeen: z.nullish(Time),
      action: part(Action()),
      runtimeDetails: part(z.object({ process: part(Process()), context: part(Context()) })),
      detection: part(z.object({ sequence: part(Sequence()) })),
      additionalInfo: part(z.object({ sample: z.nullish(z.union([z.boolean(), z.string()])), value: text })),
    }),
  });
export type Finding = z.infer<ReturnType<typeof Finding>>;
export type Sequence = z.infer<ReturnType<typeof Sequence>>;

export const Event = () => z.object({ detail: Finding() });
