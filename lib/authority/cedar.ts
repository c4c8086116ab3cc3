import type { Authority, AuthorityAction, Policies, Question, Ruling, Target } from "../core/authority/ruling.ts";
import { Misconfigured } from "../core/errors.ts";

const ACTIONS: readonly AuthorityAction[] = ["execute", "propose"];
const named = (type: string, id: string) => ({ type: `Rekey::${type}`, id });

/** The entities and the request of one question about one target; a test checks that the schema takes them. */
export const requestOf = ({ principal, context }: Question, { id, ...attrs }: Target, action: AuthorityAction) => {
  const [who, what] = [named(principal.type, principal.id), named("Target", id)];
  return {
    principal: who,
    action: named("Action", action),
    resource: what,
    context: { ...context, actions: [...context.actions] },
    entities: [
      { uid: who, attrs: principal.name === undefined ? {} : { name: principal.name }, parents: [] },
      { uid: what, attrs, parents: [] },
    ],
  };
};

/** Cedar keeps parsed policies by a name, for the whole process. */
let made = 0;

/** Megabytes of WebAssembly, which no signal that is only recorded needs. */
const loadCedar = async (policies: () => Promise<Policies>, set: string) => {
  const [module, staticPolicies] = await Promise.all([import("@cedar-policy/cedar-wasm/nodejs"), policies()]);
  // Bundled, what was CommonJS has a default export and no other.
  const cedar = ("default" in module ? module.default : module) as typeof module;
  const parsed = cedar.preparsePolicySet(set, { staticPolicies: { ...staticPolicies } });
  if (parsed.type === "success") return cedar;
  throw new Misconfigured(
    `The authority policies cannot be read: ${parsed.errors[0]?.message}. The synth checks them.`,
  );
};

/** Authority by Cedar policies, loaded when they are first asked or when `warm` is called. */
export const cedarAuthority = (policies: () => Promise<Policies>): Authority => {
  made += 1;
  const set = `rekey-${made}`;
  let loading: ReturnType<typeof loadCedar> | undefined;
  const load = () => {
    loading ??= loadCedar(policies, set).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const asked = (cedar: Awaited<ReturnType<typeof load>>, question: Question, target: Target) =>
    ACTIONS.map((action): Ruling => {
      const told = cedar.statefulIsAuthorized({
        ...requestOf(question, target, action),
        preparsedPolicySetId: set,
      });
      if (told.type === "failure") throw new Misconfigured(`Authority cannot be asked: ${told.errors[0]?.message}.`);
      const { decision, diagnostics } = told.response;
      const errors = diagnostics.errors.map(({ policyId }) => policyId);
      return { action, allowed: decision === "allow", policies: diagnostics.reason, errors };
    });
  return {
    warm() {
      load().catch(() => undefined);
    },
    async rule(question) {
      const cedar = await load();
      return question.targets.flatMap((target) => asked(cedar, question, target));
    },
  };
};
