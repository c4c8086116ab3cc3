import { FROM_1_1 } from "../controls/nist-csf.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Control, Framework } from "../core/review/control.ts";
import { frameworks } from "./controls.ts";

export type Meant = { readonly framework: Framework; readonly controls: readonly Control[] };

/** A framework by its id, or `framework:control`. Ids of CSF 1.1 are told where they went. */
export const meant = (given: string): Meant => {
  const at = given.indexOf(":");
  const [id, control] = at < 0 ? [given, undefined] : [given.slice(0, at), given.slice(at + 1)];
  const framework = frameworks.find((one) => one.id === id);
  if (!framework) {
    throw new Misconfigured(`there is no framework ${id}; there are ${frameworks.map((one) => one.id).join(", ")}`);
  }
  if (control === undefined) return { framework, controls: framework.controls };
  const found = framework.controls.find((one) => one.id === control);
  if (found) return { framework, controls: [found] };
  const moved = framework.id === "nist-csf" ? FROM_1_1[control] : undefined;
  throw new Misconfigured(
    moved
      ? `${control} is of version 1.1; in ${framework.version} it is ${moved.join(" and ")}`
      : `${framework.name} ${framework.version} has no control ${control} that evidence is mapped to`,
  );
};
