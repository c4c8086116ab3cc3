import {
  CreateServiceSpecificCredentialCommand,
  ListServiceSpecificCredentialsCommand,
  UpdateServiceSpecificCredentialCommand,
} from "@aws-sdk/client-iam";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import type { Material, Target } from "../../lib/rotators/iam-service-credential/schema.ts";
import { connect } from "../../lib/rotators/iam-service-credential/verbs.ts";
import rotator from "../../lib/rotators/iam-service-credential.ts";
import { enforcedWorld, newUser } from "./iam-world.ts";

export const BEDROCK = "bedrock.amazonaws.com";
const WORK = ["bedrock:CallWithBearerToken", "bedrock:ListFoundationModels", "codecommit:GitPull"];

type Options = {
  readonly service?: Target["service"];
  readonly path?: string;
  readonly tags?: Record<string, string>;
  readonly allowed?: readonly string[];
  readonly ageDays?: string;
};

/** AWS with a user of Rekey's, and the rotator under a role that has its own grants and nothing else. */
export const serviceCredentialWorld = async (endpoint: string, options: Options = {}) => {
  const { root, deps, aimedAt } = await enforcedWorld(endpoint, rotator.grants);
  const { service = BEDROCK, allowed = WORK, ageDays, ...place } = options;
  const user = await newUser(root, allowed, place);
  const target: Target = {
    user,
    service,
    ...(ageDays !== undefined && { ageDays }),
    ...(service !== BEDROCK && { repository: "orders" }),
  };
  const make = async (): Promise<Secret<Material>> => {
    const command = new CreateServiceSpecificCredentialCommand({ UserName: user, ServiceName: service });
    const { ServiceSpecificCredential: made } = await root.send(command);
    const lowered = Object.entries(made ?? {}).map(([name, value]) => [
      name.charAt(0).toLowerCase() + name.slice(1),
      value,
    ]);
    const { createDate: _, status: __, serviceName: ___, ...fields } = Object.fromEntries(lowered);
    return secret(rotator.material.parse(fields));
  };
  const at = { target, signal: AbortSignal.timeout(60_000) };
  return {
    user,
    root,
    deps,
    target,
    at,
    make,
    endpoint,
    verbs: connect(deps),
    verbsAt: (elsewhere: string, change: Partial<Deps> = {}) => connect({ ...aimedAt(elsewhere), ...change }),
    aimedAt,
    /** Status by id, as IAM lists them. */
    statuses: async () => {
      const { ServiceSpecificCredentials = [] } = await root.send(
        new ListServiceSpecificCredentialsCommand({ UserName: user, ServiceName: service }),
      );
      return Object.fromEntries(
        ServiceSpecificCredentials.map((one) => [one.ServiceSpecificCredentialId ?? "", one.Status]),
      );
    },
    setStatus: (held: Secret<Material>, Status: "Active" | "Inactive") =>
      root.send(
        new UpdateServiceSpecificCredentialCommand({ UserName: user, ServiceSpecificCredentialId: idOf(held), Status }),
      ),
    rotated: async (current: Secret<Material>, previous?: Secret<Material>) => {
      const { issue, install } = connect(deps);
      const next = await issue({ ...at, current, previous });
      await install({ ...at, next, current });
      return next;
    },
  };
};
export type ServiceCredentialWorld = Awaited<ReturnType<typeof serviceCredentialWorld>>;

export const idOf = (held: Secret<Material>): string => held.reveal().serviceSpecificCredentialId;
