import * as z from "zod/mini";
import { Misconfigured } from "../../core/errors.ts";
import type { Progressed, RefresherVerbs } from "../../core/refresher.ts";
import type { Deps } from "../../core/types.ts";
import { type Answer, askCluster } from "./cluster.ts";

/** external-secrets.io/latest/api/externalsecret: status. */
const Status = z.object({
  metadata: z.object({ annotations: z.optional(z.record(z.string(), z.string())) }),
  status: z.optional(
    z.object({
      refreshTime: z.nullish(z.string()),
      conditions: z.optional(
        z.array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.optional(z.string()),
            lastTransitionTime: z.optional(z.string()),
          }),
        ),
      ),
    }),
  ),
});
type Status = z.infer<typeof Status>;

const ANNOTATION = "force-sync";

const pathOf = (name: string): { readonly cluster: string; readonly path: string } => {
  const [cluster = "", namespace = "", secret = ""] = name.split("/");
  return { cluster, path: `/apis/external-secrets.io/v1/namespaces/${namespace}/externalsecrets/${secret}` };
};

const WHY: Readonly<Record<number, string>> = {
  401: "the cluster does not know the function's role: give it an access entry",
  403: "the function's role may not do that there: let it get and patch externalsecrets in that namespace",
  404: "there is no such ExternalSecret, or the cluster has no External Secrets Operator of API version v1",
};

const answered = ({ status, body }: Answer, name: string): Status => {
  const parsed = status === 200 ? Status.safeParse(body) : undefined;
  if (parsed?.success) return parsed.data;
  const why = WHY[status];
  if (why) throw new Misconfigured(`external-secret:${name}: ${why}.`);
  throw new Error(`external-secret:${name}: the cluster's API answered ${status}.`);
};

const SECOND_MS = 1_000;

/** Kubernetes tells whole seconds. */
const progressOf = ({ metadata, status }: Status, moment: number): Progressed => {
  const since = Math.floor(moment / SECOND_MS) * SECOND_MS;
  const told = Date.parse(metadata.annotations?.[ANNOTATION] ?? "");
  const refreshed = Date.parse(status?.refreshTime ?? "");
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  // Whoever had it synchronise after the rotation: it has read the new version.
  if (refreshed >= since && ready?.status === "True") return { state: "done" };
  if (!(told >= since)) return { state: "not begun" };
  // One that has failed since long before may still be about to try.
  const failedAt = Date.parse(ready?.lastTransitionTime ?? "");
  if (ready?.status !== "False" || !(failedAt >= since)) return { state: "under way" };
  return { state: "failed", why: `the operator could not synchronise it: ${ready.reason ?? "no reason told"}` };
};

export const verbs = ({ aws, clock }: Pick<Deps, "aws" | "clock">): RefresherVerbs => ({
  async look(name, since, signal) {
    const { cluster, path } = pathOf(name);
    return progressOf(
      answered(await askCluster(aws, cluster, { method: "GET", path }, signal), name),
      Date.parse(since),
    );
  },
  async begin(name, signal) {
    const { cluster, path } = pathOf(name);
    const patch = { metadata: { annotations: { [ANNOTATION]: clock.now() } } };
    answered(await askCluster(aws, cluster, { method: "PATCH", path, patch }, signal), name);
  },
});
