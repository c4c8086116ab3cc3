import { DescribeServicesCommand, ECSClient, type Service, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { Misconfigured } from "../../core/errors.ts";
import type { Progressed, RefresherVerbs } from "../../core/refresher.ts";
import type { Deps } from "../../core/types.ts";

const partsOf = (name: string) => {
  const [cluster = "", service = ""] = name.split("/");
  return { cluster, service };
};

/** docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html: the most recent one is PRIMARY. */
const progressOf = ({ deployments = [] }: Service, name: string, since: number): Progressed => {
  const primary = deployments.find(({ status }) => status === "PRIMARY");
  if (!primary?.createdAt) {
    throw new Misconfigured(
      `ECS service ${name} has no deployment of ECS's own: another controller deploys it. Take it out of rekey:consumers and refresh it there.`,
    );
  }
  if (primary.createdAt.getTime() < since) return { state: "not begun" };
  if (primary.rolloutState === "COMPLETED") return { state: "done" };
  if (primary.rolloutState !== "FAILED") return { state: "under way" };
  return { state: "failed", why: `ECS gave its deployment up: ${primary.rolloutStateReason ?? "no reason told"}` };
};

export const verbs = ({ aws }: Pick<Deps, "aws">): RefresherVerbs => ({
  async look(name, since, abortSignal) {
    const { cluster, service } = partsOf(name);
    const asked = new DescribeServicesCommand({ cluster, services: [service] });
    const { services = [] } = await aws(ECSClient).send(asked, { abortSignal });
    const [found] = services;
    if (!found || found.status === "INACTIVE") {
      throw new Misconfigured(`There is no ECS service ${name} here. Correct rekey:consumers, or take it out.`);
    }
    return progressOf(found, name, Date.parse(since));
  },
  async begin(name, abortSignal) {
    const asked = new UpdateServiceCommand({ ...partsOf(name), forceNewDeployment: true });
    await aws(ECSClient).send(asked, { abortSignal });
  },
});
