import { Misconfigured } from "../../core/errors.ts";
import { secretsIn } from "../../core/sanitize.ts";
import { type Call, Description } from "./description.ts";
import { namesIn } from "./template.ts";

/** A name that is no secret by the rules of the sanitizer, so that a URL may hold it. */
const mayStandInUrl = (name: string): boolean => {
  const [from, field = ""] = name.split(".");
  return (from !== "admin" && from !== "material") || secretsIn({ [field]: "some value" }).length === 0;
};

const callsOf = ({ create, verify, revoke, remove, restore, list }: Description): readonly Call[] =>
  [create, verify, revoke, remove, restore, list?.call].filter((call) => call !== undefined);

const urlTexts = ({ path, query = {} }: Call) => [path, ...Object.values(query)];

type Law = (it: Description, calls: readonly Call[]) => string | false | undefined;

const bodyOf = (call: Call | undefined) => JSON.stringify([call?.json, call?.form]);

/** What the schema cannot say. */
const LAWS: readonly Law[] = [
  ({ servers }) => Object.keys(servers).length === 0 && "servers is empty",
  (_, calls) => {
    const name = calls
      .flatMap(urlTexts)
      .flatMap(namesIn)
      .find((one) => !mayStandInUrl(one));
    return name && `{${name}} may be secret and stands in a URL`;
  },
  ({ servers }, calls) => {
    const call = calls.find(({ server }) => server !== undefined && !Object.hasOwn(servers, server));
    return call && `server ${call.server} is not among servers`;
  },
  ({ madeBy, create }) => (madeBy === "person") === (create !== undefined) && "`create` is for keys that an API makes",
  ({ madeBy, list, orphansEndAfterSeconds }) =>
    madeBy === "provider" &&
    !list &&
    !orphansEndAfterSeconds &&
    "a key that the provider makes needs `list` or `orphansEndAfterSeconds`: else a crash leaves it for ever",
  ({ list, create }) => list?.marker && !bodyOf(create).includes("{marker}") && "`create` does not set the {marker}",
  ({ list, madeBy }) =>
    list && madeBy === "provider" && !list.marker && "list.marker is missing, by which debris is known",
  ({ list, fields }) => list && !fields["keyId"] && "fields lacks keyId, by which the list is searched",
  ({ keepsOneActive, list, slots, remove }) =>
    keepsOneActive && !(list?.active && slots && remove) && "keepsOneActive needs slots, remove and list.active",
  ({ madeBy, list }) => madeBy === "rsa-2048" && !list?.slot && "a key made here needs list.slot",
  ({ verify, auth }) => verify.as === "workload" && !auth.workload && "auth.workload is missing",
  ({ verify }) =>
    !verify.answers?.some(({ means }) => means === "refused") && "`verify` has no answer that means refused",
  ({ verify }) =>
    verify.answers?.some(({ means, at }) => means === "refused" && at === undefined) &&
    "an answer that means refused needs `at`: a status alone may be a proxy's",
];

/** Reads a description. Throws Misconfigured with the path of the first thing that is wrong. */
export const parseDescription = (name: string, json: unknown): Description => {
  const result = Description.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    const what = issue?.code === "unrecognized_keys" ? `unknown key ${issue.keys.join(", ")}` : issue?.message;
    throw new Misconfigured(
      `Description of provider ${name}, ${issue?.path.join(".") || "the whole"}: ${what}. See docs/reference/provider.schema.json.`,
    );
  }
  const calls = callsOf(result.data);
  const first = LAWS.map((law) => law(result.data, calls)).find(Boolean);
  if (first) throw new Misconfigured(`Description of provider ${name}: ${first}.`);
  if (result.data.name !== name) {
    throw new Misconfigured(`Description of provider ${name} calls itself ${result.data.name}. Give it one name.`);
  }
  return result.data;
};
