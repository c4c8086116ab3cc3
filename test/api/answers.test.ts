import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { openApi } from "../../lib/api/openapi.ts";
import { routes } from "../../lib/api/routes.ts";
import { openCheckpoint } from "../../lib/core/ledger/checkpoint.ts";
import { parseVkey } from "../../lib/core/ledger/note.ts";
import { checkProof, parseProof } from "../../lib/core/ledger/proof.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { faults } from "../../lib/memory/faults.ts";
import { memoryReview } from "../../lib/memory/review.ts";
import { arn } from "../review/logs.ts";
import { many, whole } from "../review/projected.ts";
import { by } from "../review/sealed.ts";
import { requests } from "./requests.ts";
import { CANARY, caller, HOSTILE, INCIDENT, jsonOf, post, type Review, type Stage, secretArn, stage } from "./world.ts";

type Page = { readonly events: readonly { readonly index: number }[]; readonly next?: string };
type Pack = {
  readonly pack: { readonly url: string; readonly asOf: { readonly size: number; readonly root: string } };
};
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
type Operation = {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
};
const document = openApi() as unknown as Document;
const ajv = new Ajv2020({ strict: false });

/** What the document says of an operation's answer with this status. */
const schemaOf = (id: string, status: number): object | undefined => {
  const all = Object.values(document.paths).flatMap((path) => Object.values(path));
  const found = all.find(({ operationId }) => operationId === id);
  return found?.responses[String(status)]?.content?.["application/json"]?.schema;
};

let world: Stage;
beforeEach(async () => {
  world = await stage();
});
const roleOf = (id: string) => routes.find((route) => route.id === id)?.role ?? "reader";

describe("the document", () => {
  it("is OpenAPI 3.1 to a validator that is not ours", async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(new Set(routes.map(({ id }) => id)).size).toBe(routes.length);
  });

  it.each(routes.map(({ id }) => id))("describes what %s answers", async (id) => {
    const [path, init] = requests[id] ?? [""];
    if (/\/reviews\/q4/.test(path)) await world.as(caller("reviewer"))("/reviews", requests["openReview"]?.[1]);
    if (id === "signReview") {
      const { items: held } = await jsonOf<Review>(world.as(caller("reader"))("/reviews/q4"));
      for (const { credential } of held)
        await world.as(caller("reviewer"))("/reviews/q4/decisions", post({ credential, decision: "keep" }));
    }
    const answer = await world.as(caller(roleOf(id)))(path, init);
    const text = await answer.text();
    expect(answer.status, text).toBeLessThan(300);
    expect(text).not.toContain(CANARY);
    const schema = schemaOf(id, answer.status);
    if (!schema) return expect(answer.headers.get("content-type")).not.toContain("json");
    expect(answer.headers.get("content-type")).toBe("application/json");
    const check = ajv.compile(schema);
    check(JSON.parse(text));
    expect(check.errors).toBeNull();
  });
});

describe("a page", () => {
  it("always gets further, also past events that are larger than it, and together they are the list", async () => {
    const entries = many(200, 14_000);
    // DynamoDB would answer in pages that no single event fits into.
    const store = memoryReview(await whole(entries), faults(), 5_000);
    const big = await stage(entries, { store });
    const wanted = entries.filter(({ stream }) => stream === arn("c0")).map(({ index }) => index);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 500 }), async (limit) => {
        const seen: number[] = [];
        let next: string | undefined;
        do {
          const query = `limit=${limit}${next ? `&cursor=${next}` : ""}`;
          const answer = await big.as(caller("reader"))(`/history/${arn("c0")}?${query}`);
          const page = (await answer.json()) as Page;
          expect(page.events.length).toBeGreaterThan(0);
          seen.push(...page.events.map(({ index }) => index));
          next = page.next;
        } while (next !== undefined);
        expect(seen).toEqual(wanted);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    ["/credentials", "credentials", 3],
    ["/incidents", "incidents", 3],
    ["/proposals", "proposals", 3],
    ["/queries/Q23", "rows", 3],
  ])("of %s goes on where the one before ended", async (path, field, count) => {
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const answer = await world.as(caller("reader"))(`${path}?limit=1${next ? `&cursor=${next}` : ""}`);
      const page = (await answer.json()) as Record<string, readonly object[]> & { readonly next?: string };
      keys.push(...(page[field] ?? []).map((one) => JSON.stringify(one)));
      next = page.next;
    } while (next !== undefined);
    expect([keys.length, new Set(keys).size]).toEqual([count, count]);
  });

  it("is none of a foreign cursor's", async () => {
    const answer = await world.as(caller("reader"))("/credentials?cursor=Zm9v");
    expect([answer.status, (await jsonOf<{ mend: string }>(answer)).mend]).toEqual([
      400,
      "Take `next` of the page before, as it is.",
    ]);
  });

  it("of a history ends where its moment does", async () => {
    const all = world.entries.filter(({ stream }) => stream === arn("c0"));
    const middle = all[Math.floor(all.length / 2)];
    const answer = await world.as(caller("reader"))(`/history/${arn("c0")}?asOf=${middle?.receivedAt}`);
    const { events } = (await answer.json()) as Page;
    expect(events.map(({ index }) => index)).toEqual(
      all.slice(0, Math.floor(all.length / 2) + 1).map(({ index }) => index),
    );
  });
});

describe("an answer that the caller has", () => {
  it.each(
    routes
      .filter(({ method, id, role }) => method === "get" && role === "reader" && id !== "getReview")
      .map(({ id }) => id),
  )("%s is not given again", async (id) => {
    const [path] = requests[id] ?? [""];
    const tag = (await world.as(caller("reader"))(path)).headers.get("etag") ?? "";
    expect(tag).toMatch(/^"/);
    const again = await world.as(caller("reader"))(path, { headers: { "if-none-match": tag } });
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", tag]);
    const other = await world.as(caller("reader"))(path, { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
  });

  it("is given anew once the log has grown", async () => {
    const grown = await stage(many(61));
    const path = "/queries/Q23";
    const tag = (await world.as(caller("reader"))(path)).headers.get("etag") ?? "";
    const answer = await grown.as(caller("reader"))(path, { headers: { "if-none-match": tag } });
    expect(answer.status).toBe(200);
  });
});

describe("what is wrong", () => {
  const problem = async (answer: Response) => {
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    const body = await answer.json();
    expect(body).toMatchObject({ type: expect.stringMatching(/^urn:rekey:problem:/), status: answer.status });
    return body as { readonly status: number; readonly detail: string; readonly mend?: string };
  };
  const reader = (path: string, init?: RequestInit) => world.as(caller("reader"))(path, init).then(problem);

  it("is named, with what mends it", async () => {
    expect(await reader("/nothing")).toMatchObject({ status: 404, mend: "GET /openapi.json lists them." });
    const gone = secretArn("db/gone-AbCdEf");
    expect(await reader(`/credentials/${gone}`)).toMatchObject({
      status: 404,
      detail: `There is no credential ${gone}.`,
    });
    expect(await reader("/queries/Q99")).toMatchObject({
      status: 404,
      detail: expect.stringContaining("Q99"),
    });
    expect(await reader("/queries/Q9?max_age_days=x")).toMatchObject({ status: 400 });
    expect(await reader("/queries/Q23?asOf=2999-01-01")).toMatchObject({
      status: 400,
      detail: expect.stringContaining("not come"),
    });
    expect(await reader("/controls/nist-csf:PR.AC-1")).toMatchObject({
      status: 404,
      detail: expect.stringContaining("PR.AA-01"),
    });
    expect(await reader("/credentials?limit=501")).toMatchObject({
      status: 400,
      detail: expect.stringContaining("query.limit"),
    });
    expect(await reader("/ledger/proofs/62")).toMatchObject({
      status: 404,
      detail: expect.stringContaining("62 entries"),
    });
    expect(await reader("/ledger/tile/entries%2F..%2F..%2Fcheckpoint")).toMatchObject({ status: 400 });
    expect(await reader("/reviews/none")).toMatchObject({ status: 404 });
    expect(await reader("/containments", post({}))).toMatchObject({
      status: 403,
      mend: expect.stringContaining("api.roles"),
    });
  });

  it("of a body is told by its place and not by its value", async () => {
    const answer = await world.as(caller("operator"))("/containments", post({ credential: CANARY }));
    const told = await problem(answer);
    expect(told.detail).toContain("body.credential");
    expect(told.detail).not.toContain(CANARY);
    const large = await world.as(caller("operator"))("/containments", {
      method: "POST",
      headers: { "content-length": "70000", "content-type": "application/json" },
      body: "x".repeat(70_000),
    });
    expect(await problem(large)).toMatchObject({ status: 413 });
    const none = await world.as(caller("operator"))("/containments", { method: "POST", body: "{" });
    expect(await problem(none)).toMatchObject({ status: 400, detail: "The body is no JSON." });
  });

  it("says nothing of a failure that nobody foresaw, and of one that another function named says that", async () => {
    const failing = (error: Error) =>
      stage(many(10), {
        order: () => Promise.reject(error),
        store: { ...world.world.store, watermark: () => Promise.reject(error) },
      });
    const broken = await failing(new Error(`connect to ${CANARY}`));
    const told = await problem(await broken.as(caller("reader"))("/overdue"));
    expect([told.status, JSON.stringify(told).includes(CANARY)]).toEqual([500, false]);
    expect(broken.complaints).toHaveLength(1);
    const conflict = await failing(Object.assign(new Error("it is restored already"), { name: "Conflict" }));
    expect(
      await problem(await conflict.as(caller("operator"))(`/incidents/${INCIDENT}/restore`, post({}))),
    ).toMatchObject({
      status: 409,
      detail: "it is restored already",
    });
  });

  it("is text of others only as JSON", async () => {
    const answer = await world.as(caller("reader"))(`/incidents/${INCIDENT}`);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await jsonOf<{ reason: string }>(answer)).reason).toBe(HOSTILE);
  });
});

it("what a run has written beyond its mark is in no answer", async () => {
  const ahead = await stage(many(10));
  const { store } = ahead.world;
  const [state] = [...(await store.states([arn("c0")])).values()];
  const late = {
    ...(state ?? expect.fail()),
    index: 10_000,
    overdue: { owed: "2026-01-01", schedule: "s", keeper: "k", why: "w" },
  };
  const answer = await stage(many(10), { store: { ...store, overdue: async () => [late as never] } });
  expect(await jsonOf(answer.as(caller("reader"))("/overdue"))).toMatchObject({ overdue: [] });
});

describe("evidence", () => {
  const order = (of: Stage, body: object = {}) =>
    of.as(caller("reviewer", "jwt"))("/evidence", post({ of: "nist-csf:RS.MI-01", ...body }));
  const take = async (of: Stage, ordered: Response) =>
    of.as(caller("reviewer", "jwt"))(ordered.headers.get("location") ?? "");

  it("is ordered, made, recorded with who took it and of which log, and then given", async () => {
    const fresh = await stage(many(10));
    const ordered = await order(fresh);
    expect([ordered.status, fresh.accessed]).toEqual([202, []]);
    const given = await take(fresh, ordered);
    expect(given.headers.get("cache-control"), "its URL is a credential").toBe("no-store");
    expect(ordered.headers.get("cache-control")).toBe("private, no-cache");
    const told = await jsonOf<Pack>(given);
    expect(told).toMatchObject({ state: "ready", pack: { url: expect.stringContaining("https://"), seconds: 900 } });
    const { size, root } = told.pack.asOf;
    expect(fresh.accessed).toEqual([
      {
        id: "id-1",
        what: "nist-csf:RS.MI-01",
        size,
        root,
        actor: { kind: "human", principal: "https://idp.example#reviewer-1" },
      },
    ]);
  });

  it("is the same pack for the same question", async () => {
    const fresh = await stage(many(10));
    const asOf = "2026-03-01T00:00:00.000Z";
    const ids = [await order(fresh, { asOf }), await order(fresh, { asOf }), await order(fresh)];
    const [one, two, three] = ids.map((answer) => answer.headers.get("location"));
    expect([one, three === one]).toEqual([two, false]);
    const clock = memoryClock(fresh.world.clock.now());
    const later = await stage(many(10), { clock });
    const first = (await order(later)).headers.get("location");
    clock.advance(60_000);
    expect((await order(later)).headers.get("location"), "asked again, of the same log").toBe(first);
  });

  it("is not given when that was not recorded, nor where nobody ordered it", async () => {
    const deaf = await stage(many(10), { accessed: () => Promise.reject(new Error("no ledger")) });
    const answer = await take(deaf, await order(deaf));
    expect([answer.status, (await answer.text()).includes("packs.example")]).toEqual([500, false]);
    const none = await deaf.as(caller("reviewer"))(`/evidence/pack-${"0".repeat(24)}`);
    expect(none.status).toBe(404);
  });
});

describe("the ledger", () => {
  it("gives each of its years by itself, and tells of the closed ones", async () => {
    const reader = world.as(caller("reader"));
    const head = await jsonOf<{ origin: string; vkey: string; earlier: { size: number }[] }>(await reader("/ledger"));
    expect(head).toMatchObject({ origin: `${by.name}/2027`, size: 1, earlier: [{ origin: by.name, size: 61 }] });
    const note = await (await reader("/ledger/shard/2027/checkpoint")).text();
    expect(openCheckpoint(note, parseVkey(head.vkey)).size).toBe(1);
    const { checkpoint } = checkProof(parseProof(await (await reader("/ledger/proofs/61")).text()), by);
    expect(checkpoint.origin).toBe(head.origin);
    expect((await reader("/ledger/shard/2031/checkpoint")).status).toBe(404);
  });
  it("gives a checkpoint and proofs that verify", async () => {
    const reader = world.as(caller("reader"));
    const checkpoint = openCheckpoint(await (await reader("/ledger/checkpoint")).text(), by);
    const proof = checkProof(parseProof(await (await reader("/ledger/proofs/7")).text()), by);
    expect([checkpoint.size, proof.index, proof.event.id]).toEqual([61, 7, world.entries[7]?.id]);
  });
});

it("an order that goes on is told as going on, with where to look", async () => {
  const slow = await stage(many(10), { order: async () => "late" });
  const answer = await slow.as(caller("operator"))(...(requests["contain"] as [string, RequestInit]));
  expect([answer.status, answer.headers.get("location")]).toEqual([
    202,
    expect.stringMatching(/^\/incidents\/inc-[0-9a-f]{16}$/),
  ]);
});
