import { CreateAccessKeyCommand, CreateUserCommand, DeleteAccessKeyCommand, IAMClient } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { byHand } from "./by-hand.ts";
import type { Engine } from "./engine.ts";
import type { Stage } from "./stage.ts";

type Key = { readonly userName: string; readonly accessKeyId: string; readonly secretAccessKey: string };

/** Access keys of IAM users, at the local AWS with IAM enforced. */
export const iamEngine = ({ aws, clients, secrets, secret }: Stage): Engine => {
  const iam = clients(IAMClient);
  const newKey = async (userName: string): Promise<Key> => {
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: userName }));
    const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
    return { userName, accessKeyId, secretAccessKey };
  };
  const identify = async ({ accessKeyId, secretAccessKey }: Key): Promise<void> => {
    const { endpoint, region } = aws;
    const sts = new STSClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
    await sts.send(new GetCallerIdentityCommand({}));
    sts.destroy();
  };
  return {
    name: "iam-access-key",
    services: ["iam", "sts"],
    byHand: "three calls of IAM and STS",
    asks: "GetCallerIdentity on a new connection",
    subject: async (name) => {
      const user = `bench-${name}`;
      await iam.send(new CreateUserCommand({ UserName: user, Path: "/rekey/" }));
      const first = await newKey(user);
      const tags = { kind: "iam-access-key", network: "default", workload: `bench-${name}`, user };
      const id = await secret(`bench/iam-${name}`, first, tags);
      let [older, latest]: [Key | undefined, Key] = [undefined, first];
      return {
        id,
        ask: () => identify(first),
        rotateByHand: async () => {
          if (older) await iam.send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: older.accessKeyId }));
          const next = await newKey(user);
          await byHand({ secrets }, id, next, () => identify(next));
          [older, latest] = [latest, next];
        },
      };
    },
    stop: async () => undefined,
  };
};
