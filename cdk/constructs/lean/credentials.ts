/**
 * Lambda gives a function its role's credentials in the environment
 * (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). The SDK's default asks there first as well, and
 * brings six other ways, whose clients a cold start would parse in part.
 */
export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";
