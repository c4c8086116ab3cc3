import restore from "./actions/restore.ts";
import revoke from "./actions/revoke.ts";
import rotate from "./actions/rotate.ts";
import type { Action } from "./core/action.ts";
import type { Pattern, Rotator, SignalSource } from "./core/types.ts";
import cognitoClientSecret from "./rotators/cognito-client-secret.ts";
import http from "./rotators/http.ts";
import iamAccessKey from "./rotators/iam-access-key.ts";
import iamServiceCredential from "./rotators/iam-service-credential.ts";
import kmsSigningKey from "./rotators/kms-signing-key.ts";
import lambda from "./rotators/lambda.ts";
import mysql from "./rotators/mysql.ts";
import opaque from "./rotators/opaque.ts";
import postgres from "./rotators/postgres.ts";
import redis from "./rotators/redis.ts";
import sshKey from "./rotators/ssh-key.ts";
import tlsKeyPair from "./rotators/tls-key-pair.ts";
import accessAnalyzer from "./signals/access-analyzer.ts";
import aqua from "./signals/aqua.ts";
import cloudtrail from "./signals/cloudtrail.ts";
import cloudtrailSecrets from "./signals/cloudtrail-secrets.ts";
import custom from "./signals/custom.ts";
import falco from "./signals/falco.ts";
import gitguardian from "./signals/gitguardian.ts";
import githubSecretScanning from "./signals/github-secret-scanning.ts";
import guardduty from "./signals/guardduty.ts";
import health from "./signals/health.ts";
import macie from "./signals/macie.ts";
import ocsf from "./signals/ocsf.ts";
import securityhub from "./signals/securityhub.ts";
import securityhubV2 from "./signals/securityhub-v2.ts";
import ssf from "./signals/ssf.ts";
import tetragon from "./signals/tetragon.ts";
import tracee from "./signals/tracee.ts";
import trufflehog from "./signals/trufflehog.ts";

export { names, tagPrefix } from "./core/names.ts";
export { parseSchedule, shortestGapMs } from "./core/schedule.ts";
export { scheduleToTag } from "./core/schedule-timing.ts";

export const rotators = [
  postgres,
  mysql,
  redis,
  iamAccessKey,
  iamServiceCredential,
  cognitoClientSecret,
  lambda,
  opaque,
  kmsSigningKey,
  tlsKeyPair,
  sshKey,
  http,
] as const satisfies readonly Rotator[];
export const sources = [
  guardduty,
  securityhub,
  securityhubV2,
  health,
  cloudtrail,
  cloudtrailSecrets,
  accessAnalyzer,
  macie,
  falco,
  tracee,
  tetragon,
  aqua,
  githubSecretScanning,
  gitguardian,
  trufflehog,
  ssf,
  ocsf,
  custom,
] as const satisfies readonly SignalSource[];
/** Those whose events EventBridge brings: each becomes a rule. A call, so that a bundle which needs no source holds none. */
export const ruled = () => sources.filter((source): source is Ruled => "pattern" in source);
type Ruled = Extract<(typeof sources)[number], { readonly pattern: Pattern }>;
export const actions = [rotate, revoke, restore] as const satisfies readonly Action[];

export type RotatorKind = (typeof rotators)[number]["kind"];
