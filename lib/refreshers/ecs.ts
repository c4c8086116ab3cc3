import { defineRefresher } from "../core/refresher.ts";

/** An ECS service: its tasks read secrets when they start, so it is deployed anew. */
export default defineRefresher({
  kind: "ecs",
  title: "an ECS service, deployed anew as it is",
  form: /^[\w-]{1,255}\/[\w-]{1,255}$/,
  example: "prod/orders",
  notes: [
    "Cluster and service. A deployment that began after the rotation, whoever began it, is enough.",
    "It is done when ECS calls the deployment completed. Turn the deployment circuit breaker on: without it a deployment whose tasks do not start is never called failed, and it is waited for half an hour.",
    "Services that CodeDeploy or another controller deploys cannot be refreshed so.",
  ],
  grants: [
    {
      actions: ["ecs:DescribeServices", "ecs:UpdateService"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
      resources: ["arn:${partition}:ecs:${region}:${account}:service/${name}"],
    },
  ],
  connect: async (deps) => (await import("./ecs/verbs.ts")).verbs(deps),
});
