import { Misconfigured } from "../../core/errors.ts";
import type { Connection } from "./connect.ts";
import { told } from "./failure.ts";
import { type Node, nameOf, type Target } from "./target.ts";

type Way = Exclude<Target["persist"], "auto" | "none">;
const COMMANDS: Readonly<Record<Way, readonly string[]>> = { aclfile: ["ACL", "SAVE"], rewrite: ["CONFIG", "REWRITE"] };

const failed = (node: Node, reason: string) =>
  new Misconfigured(
    `Redis at ${nameOf(node)} has the change in memory and could not keep it (${reason}): a restart brings the old passwords back. Give it an aclfile or a configuration file that it may write, or set rekey:persist=none where its users are set by others at every start.`,
  );

const keep = async ({ ask }: Connection, node: Node, way: Way): Promise<void> => {
  try {
    await ask(...COMMANDS[way]);
  } catch (error) {
    const { code, message } = told(error);
    // Any other answer is the server's about this very file; a right that is missing is explained elsewhere.
    throw code === "ERR" ? failed(node, message) : error;
  }
};

const hasNoAclFile = (error: unknown) => told(error).message.includes("not configured to use an ACL file");

/**
 * Has the server write its users where it reads them at its next start: the ACL file if it has one, else its own
 * configuration file (with whatever CONFIG SET has changed). Throws Misconfigured when neither can be written.
 */
export const persist = async (connection: Connection, node: Node, how: Target["persist"]): Promise<void> => {
  if (how === "none") return;
  if (how !== "auto") return keep(connection, node, how);
  try {
    await keep(connection, node, "aclfile");
  } catch (error) {
    if (!hasNoAclFile(error)) throw error;
    await keep(connection, node, "rewrite");
  }
};
