import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Secret } from "../../lib/core/secret.ts";
import type { Aws } from "../../lib/core/types.ts";
import type { Material } from "../../lib/rotators/tls-key-pair/schema.ts";
import tlsKeyPair from "../../lib/rotators/tls-key-pair.ts";
import { clientsAs, depsWith } from "./granted.ts";
import { startNodeServer, type TestAuthority } from "./tls.ts";

type Place = { readonly endpoint: string; readonly granted: Aws; readonly authority: TestAuthority };
export type TlsOptions = { readonly tags?: object; readonly admin?: unknown; readonly over?: object };
/** A bucket for the list, a server that asks it, and the rotator. */
export const tlsWorld = async (
  { endpoint, granted, authority }: Place,
  { tags = {}, admin = authority.admin, over = {} }: TlsOptions = {},
) => {
  const signal = AbortSignal.timeout(240_000);
  const s3 = clientsAs(endpoint)(S3Client);
  const at = { Bucket: `rekey-crl-${crypto.randomUUID()}`, Key: "authority.crl" };
  await s3.send(new CreateBucketCommand({ Bucket: at.Bucket }));
  const list = async () => (await (await s3.send(new GetObjectCommand(at))).Body?.transformToString()) ?? "";
  const server = await startNodeServer(authority, list);
  const parsed = tlsKeyPair.target.safeParse({
    admin: "authority",
    subject: "orders",
    crl: `${at.Bucket}/${at.Key}`,
    endpoint: server.endpoint,
    reload: "0",
    ...tags,
  });
  if (!parsed.success) throw new Error("tags");
  const deps = { ...depsWith(granted, admin), ...over };
  const [target, verbs] = [parsed.data, tlsKeyPair.connect(deps)];
  return {
    deps,
    target,
    verbs,
    at: { target, signal },
    list,
    put: (Body: string) => s3.send(new PutObjectCommand({ ...at, Body })),
    server,
    rotate: async (current?: Secret<Material>) => {
      const next = await verbs.issue({ target, current, previous: undefined, signal });
      await verbs.install({ target, next, current, signal });
      return next;
    },
  };
};
