export const CREATE = [
  "CreateAccessKey",
  "CreateLoginProfile",
  "UpdateLoginProfile",
  "UpdateAccessKey",
  "CreateServiceSpecificCredential",
] as const;
export const LOOSEN = [
  "DeleteUserPolicy",
  "DetachUserPolicy",
  "DeleteRolePolicy",
  "DetachRolePolicy",
  "UpdateAssumeRolePolicy",
];
export const ATTACH = ["AttachUserPolicy", "PutUserPolicy"] as const;
export const BLIND = [
  "StopLogging",
  "DeleteTrail",
  "DeleteDetector",
  "UpdateDetector",
  "StopMonitoringMembers",
  "DisassociateMembers",
  "DeleteMembers",
  "DisassociateFromAdministratorAccount",
  "DisassociateFromMasterAccount",
  "DisableSecurityHub",
  "DisableSecurityHubV2",
  "StopConfigurationRecorder",
  "DeleteConfigurationRecorder",
  "DeleteDeliveryChannel",
  "DisableMacie",
  "DeleteAnalyzer",
] as const;

/** What the rule lets through: all of these but loosened policies, which Rekey's own restores make every day. */
export const RULED = {
  $or: [
    { eventName: CREATE.filter((name) => name !== "UpdateAccessKey") },
    { eventName: ["UpdateAccessKey"], requestParameters: { status: ["Active"] } },
    { eventName: BLIND.filter((name) => name !== "UpdateDetector") },
    { eventName: ["UpdateDetector"], requestParameters: { enable: [false] } },
    {
      eventName: ["AttachUserPolicy"],
      requestParameters: { policyArn: [{ wildcard: "*/AWSCompromisedKeyQuarantine*" }] },
    },
    { eventName: ["PutUserPolicy"], requestParameters: { policyName: [{ prefix: "AWSCompromisedKeyQuarantine" }] } },
  ],
} as const;
