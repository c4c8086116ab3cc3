import { Stack, Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";
import type { rotators } from "../lib/catalog.ts";
import type { NetworkConfig } from "./config.ts";
import { filled, type Setting } from "./grants.ts";

/** What cdk-nag finds and we accept: each with the reason, at the narrowest construct, never a whole stack's. */
const accept = (at: IConstruct, id: string, reason: string) =>
  Validations.of(at).acknowledge({ id: `AwsSolutions-${id}`, reason });

/** cdk-nag writes a token as `<AWS::Region>`. */
const written = (at: IConstruct, text: string): string => {
  const flat = (node: unknown): string => {
    if (typeof node === "string") return node;
    const { Ref, "Fn::Join": join } = node as { readonly Ref?: string; readonly "Fn::Join"?: [string, unknown[]] };
    return Ref ? `<${Ref}>` : (join?.[1] ?? []).map(flat).join(join?.[0]);
  };
  return flat(Stack.of(at).resolve(text));
};

/** A wildcard in the resource of one role. */
export const acceptResource = (role: IConstruct, resource: string, reason: string) =>
  accept(role, `IAM5[Resource::${written(role, resource)}]`, reason);

export const acceptNoRotation = (secret: IConstruct, reason: string) => accept(secret, "SMG4", reason);

export const acceptNoRedrive = (queue: IConstruct, reason: string) => accept(queue, "SQS3", reason);

/** An authorizer sees no body, and it is the body that a detector signs. */
export const acceptNoAuthorizer = (route: IConstruct) =>
  accept(route, "APIG4", "The function authenticates each body by its channel's key before it does anything with it.");

/** C2SP tlog-witness: whoever holds a checkpoint that the log has signed may ask. */
export const acceptOpenWitness = (route: IConstruct) =>
  accept(route, "APIG4", "What authenticates a request is the log's signature on its checkpoint.");

export const acceptNoAccessLog = (bucket: IConstruct) =>
  accept(
    bucket,
    "S1",
    "One role writes here, and what it writes proves itself. CloudTrail data events show who reads, if wanted.",
  );

/** For roles that may read any secret which carries our tag: secrets are made after the role and named by others. */
export const acceptTaggedSecrets = (role: IConstruct, secrets: string) =>
  acceptResource(role, secrets, "Held to secrets with our tags by the statement's condition on aws:ResourceTag.");

/** What the catalog's rotators ask for: held to a path, a name or a condition. */
export const acceptRotators = (role: IConstruct, setting: Setting, own: readonly (typeof rotators)[number][]) => {
  for (const { kind, grants } of own) {
    for (const { resources, conditions } of grants.map((grant) => filled(grant, setting))) {
      // `*` alone stays a finding, unless a condition narrows what has no resource to name.
      const wild = resources.filter((resource) => resource.includes("*") && (resource !== "*" || conditions));
      for (const resource of wild) {
        acceptResource(role, resource, `Rotator ${kind} acts on what its path, name or condition says.`);
      }
    }
  }
};

export const acceptNetworkInterfaces = (role: IConstruct, vpc: NetworkConfig["vpc"]) => {
  if (vpc) acceptResource(role, "*", "Lambda makes a network interface per subnet; AWS takes no narrower resource.");
};

export const acceptUnknownRoutes = (network: IConstruct) =>
  Validations.of(network).acknowledge({
    id: "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId",
    reason: "Nothing is routed here: the function only stands in the subnets.",
  });
