import type { Pattern, SignalSource } from "../core/types.ts";
import accessAnalyzer from "../signals/access-analyzer.ts";
import aqua from "../signals/aqua.ts";
import cloudtrail from "../signals/cloudtrail.ts";
import cloudtrailSecrets from "../signals/cloudtrail-secrets.ts";
import custom from "../signals/custom.ts";
import falco from "../signals/falco.ts";
import gitguardian from "../signals/gitguardian.ts";
import githubSecretScanning from "../signals/github-secret-scanning.ts";
import guardduty from "../signals/guardduty.ts";
import health from "../signals/health.ts";
import macie from "../signals/macie.ts";
import ocsf from "../signals/ocsf.ts";
import securityhub from "../signals/securityhub.ts";
import securityhubV2 from "../signals/securityhub-v2.ts";
import ssf from "../signals/ssf.ts";
import tetragon from "../signals/tetragon.ts";
import tracee from "../signals/tracee.ts";
import trufflehog from "../signals/trufflehog.ts";

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
/** Those whose events EventBridge brings: each becomes a rule, those of calls that only read where they are wanted. */
export const ruled = ({ secretReads }: { readonly secretReads: boolean }) =>
  sources
    .filter((source): source is Ruled => "pattern" in source)
    .filter((source) => secretReads || !("readOnly" in source));
/** Those that can be asked themselves. */
export const polled = () => sources.filter((source): source is Polled => "poll" in source);
type Polled = Extract<(typeof sources)[number], { readonly poll: object }>;
type Ruled = Extract<(typeof sources)[number], { readonly pattern: Pattern }>;
