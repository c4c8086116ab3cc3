import type { VerifyRequest } from "../../core/types.ts";
import { session } from "./connect.ts";
import { explained, isElsewhere, isRefusal, refusal } from "./failure.ts";
import { type Login, loginOf, type Material, type Node, nameOf, type Target } from "./target.ts";

type Request = VerifyRequest<Target, Material>;
type Verdict = { readonly node: Node; readonly said: "in" | "refused" | "doubt"; readonly error?: unknown };

/** AUTH answers the question; the probe, where there is one, whether the user may do its work. */
const tryAt = async (login: Login, node: Node, { target, signal }: Request): Promise<Verdict> => {
  try {
    await session(login, node, signal, async ({ ask }) => {
      if (target.probe === undefined) return;
      await ask(...target.probe.trim().split(/\s+/)).catch((error) => {
        if (!isElsewhere(error)) throw error;
      });
    });
    return { node, said: "in" };
  } catch (error) {
    return { node, said: isRefusal(error) ? "refused" : "doubt", error };
  }
};

const divided = (verdicts: readonly Verdict[], { username }: Login): Error => {
  const where = (said: Verdict["said"]) => verdicts.filter((one) => one.said === said).map(({ node }) => nameOf(node));
  const text = `Redis takes this version of user ${username} at ${where("in").join(", ")} and refuses it at ${where("refused").join(", ")}: its servers disagree. Rotate or revoke again; every server is then made alike.`;
  return Object.assign(new Error(text), { name: "Divided" });
};

/**
 * Logs in at every server as the material would. Throws Unusable only when all of them refused; one that is away, or
 * says something else than the others, is doubt.
 */
export const verify = async (request: Request): Promise<void> => {
  const login = loginOf(request.target, request.material.reveal());
  const verdicts = await Promise.all(login.nodes.map((node) => tryAt(login, node, request)));
  const doubt = verdicts.find(({ said }) => said === "doubt");
  if (doubt) throw explained(doubt.error, login, doubt.node);
  const refused = verdicts.filter(({ said }) => said === "refused").length;
  if (refused === verdicts.length) throw refusal(login);
  if (refused > 0) throw divided(verdicts, login);
};
