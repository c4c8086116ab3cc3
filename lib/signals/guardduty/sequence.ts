import { identifier } from "../../core/identifier.ts";
import type { Identifier } from "../../core/types.ts";
import { accountIn, ofArn, ofPrincipal } from "../shared/aws.ts";
import { ofPod } from "../shared/kubernetes.ts";
import type { Finding, Sequence } from "./schema.ts";

type Actor = NonNullable<Sequence["actors"]>[number];
type Resource = NonNullable<Sequence["resources"]>[number];

export const sequenceIn = ({ service }: Finding): Sequence | undefined => service.detection?.sequence ?? undefined;

const isArn = (uid: string | null | undefined) => uid?.startsWith("arn:") === true;

/** An actor's `uid` may be an ARN or a bare id; an issuer too. */
export const actorOf = ({ user, session }: Actor, account: string) => {
  const uid = user?.uid;
  const issuer = session?.issuer;
  const type = user?.type ?? (/AROA|:assumed-role\//.test(uid ?? "") ? "AssumedRole" : undefined);
  return {
    account: user?.account?.uid ?? accountIn(uid) ?? account,
    who: {
      type,
      accessKeyId: user?.credentialUid,
      ...(isArn(uid) ? { arn: uid } : { principalId: uid }),
      ...(isArn(issuer) ? { issuerArn: issuer } : {}),
      userName: user?.name ?? (isArn(issuer) ? undefined : issuer),
    },
  };
};

const bare = (uid: string | null | undefined): readonly Identifier[] => [
  ...identifier("aws-key", uid),
  ...identifier("instance", uid),
  ...identifier("role-id", uid),
];

/** The cluster is a resource of its own in a sequence; with two, nobody tells which one a workload runs in. */
const clusterIn = (resources: readonly Resource[]): string | undefined => {
  const clusters = resources.filter(({ resourceType, data }) => /eks/i.test(resourceType ?? "") || data?.eksCluster);
  const arn = clusters[0]?.data?.eksCluster?.arn ?? clusters[0]?.uid;
  return clusters.length === 1 ? (arn?.split("/")[1] ?? clusters[0]?.name ?? undefined) : undefined;
};

const ofWorkload = ({ name, data, uid }: Resource, cluster: string | undefined) => {
  const workload = data?.kubernetesWorkload;
  if (!workload) return [];
  const isPod = /^pods?$/i.test(workload.type ?? "");
  return ofPod({
    cluster,
    namespace: workload.namespace,
    ...(isPod ? { pod: name, podUid: isArn(uid) ? undefined : uid } : { workload: name }),
  });
};

const ofResource = (of: Resource, account: string, cluster: string | undefined): readonly Identifier[] => {
  const { uid, data, resourceType } = of;
  const key = data?.accessKey;
  return [
    ...(key
      ? ofPrincipal(
          { type: key.userType, accessKeyId: uid, principalId: key.principalId, userName: key.userName },
          of.accountId ?? account,
        )
      : []),
    ...ofWorkload(of, cluster),
    ...(/container/i.test(resourceType ?? "") && !isArn(uid) ? identifier("container", uid) : []),
    ...ofArn(uid),
    ...bare(uid),
    ...ofArn(data?.ecsTask?.taskDefinitionArn),
    ...ofArn(data?.ec2Instance?.iamInstanceProfile?.arn),
  ];
};

/** What the actors of an attack sequence used, then what it touched. */
export const ofSequence = (finding: Finding): readonly Identifier[] => {
  const sequence = sequenceIn(finding);
  const resources = sequence?.resources ?? [];
  const cluster = clusterIn(resources);
  return [
    ...(sequence?.actors ?? []).flatMap((actor) => {
      const { who, account } = actorOf(actor, finding.accountId);
      return ofPrincipal(who, account);
    }),
    ...resources.flatMap((resource) => ofResource(resource, finding.accountId, cluster)),
  ];
};
