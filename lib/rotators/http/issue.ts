import { Misconfigured } from "../../core/errors.ts";
import { type Secret, secret } from "../../core/secret.ts";
import { at } from "./answer.ts";
import { endKey, keyIdOf, makeRoom } from "./end.ts";
import { markerOf, publicOf, rsaKey } from "./keys.ts";
import { createOf, type Provider } from "./provider.ts";
import { Material } from "./schema.ts";
import { fill, type Scope, scoped } from "./template.ts";

type Versions = {
  readonly current: Secret<Material> | undefined;
  readonly previous: Secret<Material> | undefined;
};

/** Fields of the material: pointers into the answer, or texts. */
const fieldsOf = ({ description }: Provider, json: unknown, scope: Scope): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(description.fields).map(([field, from]) => {
      const value = from.startsWith("/") ? at(json, from) : fill(from, scope);
      if (value !== undefined && value !== null) return [field, value];
      throw new Misconfigured(
        `Provider ${description.name} made a key and its answer has nothing at ${from}. The next rotation removes that key.`,
      );
    }),
  );

const create = async (provider: Provider, current: Secret<Material> | undefined) => {
  const { description, ask, adminScope, fresh } = provider;
  const scope = { marker: markerOf(current ? keyIdOf(provider, current) : ""), ...fresh() };
  const known = { ...(await adminScope()), ...scoped("material", current?.reveal()) };
  // Before the key is made: afterwards a field that the secret lacks would cost the key.
  for (const text of Object.values(description.fields)) if (!text.startsWith("/")) fill(text, known);
  const { json } = await ask({ call: createOf(description), what: "create a key", scope });
  return fieldsOf(provider, json, known);
};

const generate = async (provider: Provider) => {
  const privateKey = await rsaKey();
  const { fingerprint } = publicOf(privateKey, "the new key");
  return fieldsOf(provider, undefined, { ...(await provider.adminScope()), privateKey, fingerprint });
};

/** The next material. The previous key goes first, so that at most two versions of a credential are ever alive. */
export const issue = async (provider: Provider, { current, previous }: Versions): Promise<Secret<Material>> => {
  const { description } = provider;
  // First of all: nothing may end where nothing can begin.
  createOf(description);
  if (description.list) {
    await makeRoom(provider, {
      current: current && keyIdOf(provider, current),
      previous: previous?.reveal().keyId,
    });
  } else if (previous) {
    await endKey(provider, { id: "" }, previous);
  }
  const fields = description.madeBy === "rsa-2048" ? await generate(provider) : await create(provider, current);
  return secret(Material.parse({ ...current?.reveal(), ...fields }));
};
