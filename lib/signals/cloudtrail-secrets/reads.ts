/** The calls that hand out values. */
export const READS: readonly string[] = ["GetSecretValue", "BatchGetSecretValue"];
