/** What appending an event to the ledger takes: read the head, then one transaction of two writes. Nobody deletes. */
export const APPEND = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"] as const;

/** Only events and heads of streams (`C#…`): the lock that says what the log is belongs to the sealer. */
export const appendedKeys = { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["C#*"] } };
