import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import { describer } from "../../lib/rotators/http/describe.ts";
import { parseDescription } from "../../lib/rotators/http/parse.ts";
import { Material, Target } from "../../lib/rotators/http/schema.ts";
import { shipped } from "../../lib/rotators/http/shipped.ts";
import { httpRotator } from "../../lib/rotators/http.ts";
import { descriptions, providerFiles } from "../../scripts/reference/providers.ts";
import { blocksOf, readPages, root } from "../docs/pages.ts";
import { acme } from "../support/providers/acme.ts";
import { failure } from "../support/providers/all.ts";
import { depsFor } from "../support/providers/world.ts";

const guide = async (): Promise<Record<string, unknown>> => {
  const blocks = (await readPages()).flatMap(blocksOf);
  const block = blocks.find(({ language, note }) => language === "json" && note === "provider");
  return JSON.parse(block?.code ?? "{}");
};

describe("descriptions", () => {
  it("are shipped as they lie in the folder, each under its own name, from sources of the provider's", async () => {
    const files = readdirSync(join(root, "providers")).map((file) => file.replace(/\.json$/, ""));
    expect(Object.keys(shipped).toSorted()).toEqual(files.toSorted());
    for (const name of files) expect((await describer()(name)).name).toBe(name);
  });

  it("have examples that look as a rotation leaves them", () => {
    for (const { name, subject, example, fields } of descriptions()) {
      const tags = { provider: name, subject: example.subject, admin: "a" };
      expect(Target.safeParse(tags).success).toBe(true);
      expect(example.subject).toMatch(new RegExp(`^(?:${subject.pattern})$`));
      expect(Object.keys(example.material).toSorted()).toEqual(Object.keys(fields).toSorted());
    }
  });

  it("are closed to unknown keys, in the published schema too", async () => {
    expect(JSON.parse(providerFiles()["docs/reference/provider.schema.json"] ?? "")).toMatchObject({
      additionalProperties: false,
    });
    const json = await guide();
    expect(() => parseDescription("acme-api-key", { ...json, script: "curl" })).toThrow(
      /unknown key script.*provider\.schema\.json/,
    );
  });

  it("are refused when they would leak, be fooled or leave debris", async () => {
    const json = (await guide()) as Record<string, Record<string, unknown>>;
    const verify = { ...json["verify"] };
    const wrong: readonly (readonly [RegExp, object])[] = [
      [
        /\{admin\.token\} may be secret and stands in a URL/,
        { revoke: { ...json["revoke"], path: "/{admin.token}/{id}" } },
      ],
      [/\{material\.apiKey\} may be secret/, { verify: { ...verify, query: { key: "{material.apiKey}" } } }],
      [/needs `at`/, { verify: { ...verify, answers: [{ status: [401], means: "refused" }] } }],
      [/no answer that means refused/, { verify: { ...verify, answers: [] } }],
      [/does not set the \{marker\}/, { create: { ...json["create"], json: {} } }],
      [/`list` or `orphansEndAfterSeconds`/, { list: undefined }],
      [/fields lacks keyId/, { fields: { apiKey: "/secret" } }],
      [/server eu is not among servers/, { verify: { ...verify, server: "eu" } }],
      [/keepsOneActive needs/, { keepsOneActive: true }],
      [/auth\.workload is missing/, { auth: { admin: (json["auth"] as { admin: object }).admin } }],
      [/calls itself other/, { name: "other" }],
    ];
    for (const [says, change] of wrong) {
      expect(() => parseDescription("acme-api-key", JSON.parse(JSON.stringify({ ...json, ...change })))).toThrow(says);
    }
    expect(parseDescription("acme-api-key", json).name).toBe("acme-api-key");
  });

  it("that are not there are said to be missing, with those that are", async () => {
    for (const name of ["acme", "constructor", "__proto__"]) {
      expect((await failure(describer()(name))).message).toMatch(/no description.*datadog-api-key/);
    }
  });

  it("want a subject that can be one", async () => {
    const verbs = httpRotator().connect(depsFor({}));
    const target = Target.parse({ provider: "snowflake-key-pair", subject: "orders", admin: "a" });
    const at = { target, signal: AbortSignal.timeout(1_000) };
    const error = await failure(verbs.issue({ ...at, current: undefined, previous: undefined }));
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toMatch(/in capitals/);
  });
});

describe("the description of the how-to page", () => {
  it("rotates, revokes and sweeps, given to the rotator under its name", async () => {
    const served = await acme();
    onTestFinished(served.stop);
    const { keys } = served;
    const json = await guide();
    const verbs = httpRotator({ "acme-api-key": async () => json }).connect(
      depsFor({ token: "the-admin-token", baseUrl: served.url }),
    );
    const tags = { provider: "acme-api-key", subject: "orders", admin: "acme", baseUrl: served.url };
    const at = { target: Target.parse(tags), signal: AbortSignal.timeout(10_000) };
    keys.set("k_0", { secret: "made-by-hand", label: "ours" });
    const current = secret(Material.parse({ keyId: "k_0", apiKey: "made-by-hand", note: "kept" }));
    const orphan = await verbs.issue({ ...at, current, previous: undefined });
    await verbs.sweep?.({ ...at, keep: [current] });
    await expect(verbs.verify({ ...at, material: orphan })).rejects.toBeInstanceOf(Unusable);
    const next = await verbs.issue({ ...at, current, previous: undefined });
    await verbs.install({ ...at, next, current });
    expect(next.reveal()).toMatchObject({ note: "kept" });
    await verbs.revoke({ ...at, material: current, keep: [next] });
    await verbs.revoke({ ...at, material: current, keep: [next] });
    await expect(verbs.verify({ ...at, material: current })).rejects.toBeInstanceOf(Unusable);
    await verbs.verify({ ...at, material: next });
    keys.set("k_8", { secret: "theirs", label: "a stranger's" }).set("k_9", { secret: "theirs too", label: "" });
    const full = await failure(verbs.issue({ ...at, current: next, previous: undefined }));
    expect(full.message).toMatch(/no room for another key/);
  });
});
