/** What appending events to the ledger takes: read them and their heads, then write both in one transaction. Nobody deletes. */
export const APPEND = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"] as const;

/** The key of a day, with which what is appended is authenticated. */
export const AUTHENTICATE = ["kms:GenerateMac"] as const;

/** What a rotation keeps in the state table: whose turn it is at a target, and which versions have to be ended later. */
export const TURNS = ["dynamodb:PutItem", "dynamodb:UpdateItem"] as const;
export const turnKeys = { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["LOCK#*", "RETIRE#*"] } };

/** Only events and heads of streams (`C#…`): the lock that says what the log is belongs to the sealer. */
export const appendedKeys = { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["C#*"] } };
