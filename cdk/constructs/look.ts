import { ArnPrincipal, PolicyDocument, PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Naming, Place } from "../naming.ts";

type Look = { readonly actions: readonly string[]; readonly resources: readonly string[]; readonly why: string };

/** They list an account: AWS takes no narrower resource (service authorization reference, each service's actions). */
const LISTINGS = [
  "secretsmanager:ListSecrets",
  "iam:GetAccountAuthorizationDetails",
  "lambda:ListFunctions",
  "ecs:ListTaskDefinitionFamilies",
  "ecs:DescribeTaskDefinition",
  "eks:ListClusters",
  "cloudtrail:LookupEvents",
];
const UNKNOWN = "Reads who there is, and by which policies: none of it is known beforehand.";

/** What the inventory and the identity index are built from. Reads only, and no value: neither a secret's nor, past this call, a function's environment. */
export const looks = (naming: Naming, { partition, account, region }: Place): readonly Look[] => {
  const at = (service: string, resource: string) => `arn:${partition}:${service}:${region}:${account}:${resource}`;
  const secrets = naming.secretsArn({ partition, account, region });
  return [
    { actions: LISTINGS, resources: ["*"], why: "They list an account: AWS takes no narrower resource. No values." },
    // Unconditioned: label events come of every secret, and which of them are ours only their tags tell.
    {
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
      resources: [secrets],
      why: "To tell from its tags whether a secret is a credential.",
    },
    {
      actions: ["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"],
      resources: [`arn:${partition}:iam::${account}:user/*`],
      why: UNKNOWN,
    },
    {
      actions: ["eks:DescribeCluster", "eks:ListPodIdentityAssociations"],
      resources: [at("eks", "cluster/*")],
      why: UNKNOWN,
    },
    {
      actions: ["eks:DescribePodIdentityAssociation"],
      resources: [at("eks", "podidentityassociation/*")],
      why: UNKNOWN,
    },
    { actions: ["kms:DescribeKey", "kms:GetKeyPolicy"], resources: [at("kms", "key/*")], why: UNKNOWN },
  ];
};

type Props = { readonly config: Settled; readonly naming: Naming; readonly place: Place; readonly hub: Place };

/**
 * By which the hub looks at an account with workloads. One role of the hub may take it, and with an organisation in the
 * config only from within that (IAM user guide, "The confused deputy problem").
 */
export class LookRole extends Construct {
  constructor(scope: Construct, id: string, { config, naming, place, hub }: Props) {
    super(scope, id);
    const all = looks(naming, place);
    const role = new Role(this, "Role", {
      roleName: naming.role(naming.look, place),
      description: "Rekey: the hub looks at who there is, and reads no value",
      assumedBy: new ArnPrincipal(naming.roleArn(hub, naming.discover)).withConditions(
        config.organization ? { StringEquals: { "aws:PrincipalOrgID": config.organization } } : {},
      ),
      inlinePolicies: {
        Look: new PolicyDocument({
          statements: all.map(
            ({ actions, resources }) => new PolicyStatement({ actions: [...actions], resources: [...resources] }),
          ),
        }),
      },
    });
    for (const { resources, why } of all) for (const resource of resources) acceptResource(role, resource, why);
  }
}
