import { Misconfigured } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps } from "../../core/types.ts";
import { addressOf } from "./address.ts";
import { errorOf, type Meaning, meaningOf } from "./answer.ts";
import { headersOf } from "./auth.ts";
import type { Auth, Call, Description } from "./description.ts";
import { patiently } from "./retry.ts";
import type { Material, Target } from "./schema.ts";
import { type Outgoing, type Reply, send } from "./send.ts";
import { fill, fillAll, fillEach, type Scope, scoped } from "./template.ts";

export type Asking = {
  readonly call: Call;
  /** What is tried, for errors: "create a key". */
  readonly what: string;
  readonly scope?: Scope;
  readonly material?: Secret<Material>;
  /** Whether asking twice is asking once. */
  readonly isRepeatable?: boolean;
};
export type Told = { readonly json: unknown; readonly meaning: Meaning };
/** One provider, asked for one target. */
export type Provider = {
  readonly description: Description;
  /** Throws what the answer amounts to, unless it is `done` or `gone`. */
  readonly ask: (asking: Asking) => Promise<Told>;
  /** Fields of the admin secret, as a scope. */
  readonly adminScope: () => Promise<Scope>;
  /** What `create` may want: random text of 192 bits, and when the key is to end. */
  readonly fresh: () => Scope;
};
type Attempt = { readonly target: Target; readonly signal: AbortSignal };
type Context = Attempt & {
  readonly deps: Deps;
  readonly description: Description;
  readonly admin: () => Promise<unknown>;
};

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

const bodyOf = ({ json, form }: Pick<Call, "json" | "form">, scope: Scope): Pick<Outgoing, "body" | "headers"> => {
  if (form) {
    const body = new URLSearchParams(fillEach(form, scope)).toString();
    return { body, headers: { "content-type": "application/x-www-form-urlencoded" } };
  }
  if (json === undefined) return { headers: {} };
  return { body: JSON.stringify(fillAll(json, scope)), headers: { "content-type": "application/json" } };
};

const urlOf = async ({ description, target, admin }: Context, call: Call, scope: Scope): Promise<URL> => {
  const base = await addressOf(description, call.server, target, admin);
  const url = new URL(`${base.origin}${base.pathname.replace(/\/$/, "")}${fill(call.path, scope, encodeURIComponent)}`);
  for (const [name, value] of Object.entries(fillEach(call.query ?? {}, scope))) url.searchParams.append(name, value);
  return url;
};

type Trying = {
  readonly call: Call;
  readonly what: string;
  readonly scope: Scope;
  readonly headers: Outgoing["headers"];
};

const trying = async (context: Context, { call, what, scope, headers }: Trying): Promise<Told & { reply: Reply }> => {
  const { deps, description, target, signal } = context;
  const body = bodyOf(call, scope);
  const reply = await send({
    url: await urlOf(context, call, scope),
    method: call.method,
    ...body,
    headers: { ...body.headers, ...fillEach(call.headers ?? {}, scope), ...headers },
    signal,
  });
  const meaning = meaningOf(call, reply);
  const now = Date.parse(deps.clock.now());
  const { subject, admin } = target;
  const sent = Object.entries(scope).flatMap(([name, value]) =>
    value && value.length >= 4 && /^(admin|material)\./.test(name) ? [value] : [],
  );
  const error = errorOf(meaning, { description, call, reply, what, subject, admin, now, sent });
  if (error) throw error;
  return { json: reply.json, meaning, reply };
};

/** The token that an OAuth 2.0 endpoint gives for the admin's client credentials. */
const tokenOf =
  (context: Context, scope: Scope) =>
  async (server: string, path: string, form: Readonly<Record<string, string>>): Promise<string> => {
    const call: Call = { server, method: "POST", path, form, as: "admin" };
    const run = () => trying(context, { call, what: "get an admin token", scope, headers: {} });
    const { json } = await patiently(run, { clock: context.deps.clock, signal: context.signal, isRepeatable: true });
    const token: unknown = typeof json === "object" && json !== null ? Reflect.get(json, "access_token") : undefined;
    if (typeof token === "string") return token;
    throw new Misconfigured(
      `Provider ${context.description.name} gave no access_token to admin secret ${context.target.admin}.`,
    );
  };

const proofs = (context: Context, auth: Auth | undefined, whose: string, scope: Scope) =>
  headersOf(auth, {
    scope,
    whose,
    nowMs: Date.parse(context.deps.clock.now()),
    token: tokenOf(context, scope),
  });

/** Opens a provider for one attempt; nothing is sent yet. Throws Misconfigured when the subject cannot be one of its. */
export const open = (deps: Deps, description: Description, { target, signal }: Attempt): Provider => {
  const subject = new RegExp(`^(?:${description.subject.pattern})$`).exec(target.subject);
  if (!subject) {
    throw new Misconfigured(
      `Tag rekey:subject is ${target.subject}; for provider ${description.name} it has to be: ${description.subject.title}.`,
    );
  }
  const subjectScope = { subject: target.subject, ...scoped("subject", subject.groups) };
  const admin = once(async () => (await deps.readAdmin(target.admin)).reveal());
  const context: Context = { deps, description, target, signal, admin };
  const adminScope = once(async () => ({ ...subjectScope, ...scoped("admin", await admin()) }));
  const adminHeaders = once(async () =>
    proofs(context, description.auth.admin, `admin secret ${target.admin}`, await adminScope()),
  );
  const headersFor = async ({ as }: Call, scope: Scope) => {
    if (as === "nobody") return {};
    return as === "admin" ? adminHeaders() : proofs(context, description.auth.workload, "the secret", scope);
  };
  const ask = async ({ call, what, material, isRepeatable = false, ...rest }: Asking): Promise<Told> => {
    const own = call.as === "admin" ? await adminScope() : subjectScope;
    const scope = { ...own, ...scoped("material", material?.reveal()), ...rest.scope };
    const headers = await headersFor(call, scope);
    const run = () => trying(context, { call, what, scope, headers });
    // A try of the key itself is not repeated here: who asks wants to know how it is now.
    if (call === description.verify) return run();
    return patiently(run, { clock: deps.clock, signal, isRepeatable });
  };
  return { description, ask, adminScope, fresh: () => freshly(deps, description) };
};

/** The call that puts a key in force. Throws Misconfigured where a person has to make it. */
export const createOf = ({ create, title, name }: Description): Call => {
  if (create) return create;
  throw new Misconfigured(
    `${title}: no API of provider ${name} makes one. Make it by hand there and put it as the secret's new version; Rekey can try it and revoke it.`,
  );
};

const DAY_MS = 86_400_000;

const freshly = ({ random, clock }: Deps, { lifetimeDays }: Description): Scope => ({
  random: Buffer.from(random(24)).toString("hex"),
  expiresAt: lifetimeDays === undefined ? undefined : clock.after(clock.now(), lifetimeDays * DAY_MS),
});
