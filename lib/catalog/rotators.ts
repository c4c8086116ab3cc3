import type { Rotator } from "../core/types.ts";
import cognitoClientSecret from "../rotators/cognito-client-secret.ts";
import http from "../rotators/http.ts";
import iamAccessKey from "../rotators/iam-access-key.ts";
import iamServiceCredential from "../rotators/iam-service-credential.ts";
import kmsSigningKey from "../rotators/kms-signing-key.ts";
import lambda from "../rotators/lambda.ts";
import manual from "../rotators/manual.ts";
import mysql from "../rotators/mysql.ts";
import opaque from "../rotators/opaque.ts";
import postgres from "../rotators/postgres.ts";
import rdsIamLogin from "../rotators/rds-iam-login.ts";
import redis from "../rotators/redis.ts";
import sshKey from "../rotators/ssh-key.ts";
import tlsKeyPair from "../rotators/tls-key-pair.ts";

export const rotators = [
  postgres,
  rdsIamLogin,
  mysql,
  redis,
  iamAccessKey,
  iamServiceCredential,
  cognitoClientSecret,
  lambda,
  opaque,
  manual,
  kmsSigningKey,
  tlsKeyPair,
  sshKey,
  http,
] as const satisfies readonly Rotator[];

export type RotatorKind = (typeof rotators)[number]["kind"];
