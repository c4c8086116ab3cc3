import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { settle } from "./config.ts";
import { WitnessStack } from "./witness-stack.ts";

const app = new App();
const given = (key: string): string => {
  const value: unknown = app.node.tryGetContext(key);
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`Say ${key}: npx cdk deploy -a "node cdk/witness-app.ts" -c name=NAME -c logs="VKEY…"`);
};
const prefix = String(app.node.tryGetContext("prefix") ?? "rekey");
new WitnessStack(app, `${prefix}-witness`, {
  config: settle({ prefix }, "-c prefix"),
  name: given("name"),
  logs: given("logs").split(/\s+/),
});
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
