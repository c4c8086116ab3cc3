import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { loadConfig } from "./config.ts";
import { addRekey } from "./rekey.ts";

const app = new App();
const file: unknown = app.node.tryGetContext("config") ?? "rekey.config.ts";
addRekey(app, await loadConfig(String(file)));
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
