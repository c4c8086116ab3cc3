import { cis5, cis6, cis7, fsbp } from "../controls/aws.ts";
import nist80053 from "../controls/nist-800-53.ts";
import nistCsf from "../controls/nist-csf.ts";
import { aiRmf, iso27001, pciDss, soc2, zeroTrust } from "../controls/others.ts";
import owaspAgentic from "../controls/owasp-agentic.ts";
import owaspNhi from "../controls/owasp-nhi.ts";
import type { Framework } from "../core/review/control.ts";

/** Every framework that evidence is mapped to. */
export const frameworks: readonly Framework[] = [
  owaspNhi,
  owaspAgentic,
  nistCsf,
  nist80053,
  zeroTrust,
  aiRmf,
  pciDss,
  soc2,
  iso27001,
  cis5,
  cis6,
  cis7,
  fsbp,
];
