import { identifier } from "../identifier.ts";
import type { Identifier } from "../types.ts";

const IAM = /^arn:[\w-]+:iam::(\d{12}):(user|role|instance-profile)\/(?:.*\/)?([^/]+)$/;
const SESSION = /^arn:[\w-]+:sts::(\d{12}):assumed-role\/([^/]+)\/[^/]+$/;

/** One of an ARN's parts, counted from `arn`, which is 0. */
export const part = (arn: string, at: number): string => arn.split(":")[at] ?? "";

/** What Rekey calls the user, role or instance profile of an IAM ARN, or of a session's ARN its role; else nothing. */
export const nameOfArn = (arn: string): Identifier | undefined => {
  const [, owner, role] = SESSION.exec(arn) ?? [];
  if (owner) return identifier("iam-role", owner, role)[0];
  const [, account, type, name] = IAM.exec(arn) ?? [];
  return identifier(type === "instance-profile" ? type : `iam-${type}`, account, name)[0];
};
