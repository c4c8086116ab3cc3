/** Detail types of its events: docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html */
export const EXTERNAL = "Access Analyzer Finding";
export const INTERNAL = "Internal Access Finding";
export const UNUSED = "Unused Access Finding for IAM entities";
