import { beforeEach, expect, test } from "vitest";
import type { Role } from "../../lib/api/roles.ts";
import { routes } from "../../lib/api/routes.ts";
import { requests } from "./requests.ts";
import { caller, jsonOf, post, type Review, type Stage, stage } from "./world.ts";

/** Who may do what, in the order reader, reviewer, approver, operator: `x` may. Written by hand, not from the routes. */
const TABLE = `
getMe             xxxx
listCredentials   xxxx
getCredential     xxxx
getHistory        xxxx
getTrail          xxxx
getIncidentEvents xxxx
listOverdue       xxxx
listIncidents     xxxx
getIncident       xxxx
contain           ---x
restore           ---x
getApprovals      xxxx
listQueries       xxxx
answerQuery       xxxx
getHoldings       xxxx
listFrameworks    xxxx
assessFramework   xxxx
reportPhases      xxxx
getLedgerHead     xxxx
getCheckpoint     xxxx
getCheckpointOfYear xxxx
proveEntry        xxxx
getTile           xxxx
getTileOfYear     xxxx
orderEvidence     -x--
takeEvidence      -x--
listProposals     xxxx
getProposal       xxxx
approveProposal   --x-
denyProposal      --x-
listReviews       xxxx
openReview        -x--
getReview         xxxx
decideItem        -x--
signReview        -x--
`;
const COLUMNS = ["reader", "reviewer", "approver", "operator"] as const;
const rows = TABLE.trim()
  .split("\n")
  .map((line) => line.split(/\s+/) as [string, string]);
const ONLY_IAM = ["approveProposal", "denyProposal"];

let world: Stage;
const anew = async () => {
  world = await stage();
};
beforeEach(anew);

test("the table and the requests name every route, and no other", () => {
  const ids = routes.map(({ id }) => id).toSorted();
  expect(rows.map(([id]) => id).toSorted()).toEqual(ids);
  expect(Object.keys(requests).toSorted()).toEqual(ids);
});

const cases = rows.flatMap(([id, may]) => COLUMNS.map((role, n) => [id, role, may[n] === "x"] as const));
const ask = async (id: string, role: Role | "nobody", by: "iam" | "jwt") => {
  const [path, init] = requests[id] ?? [""];
  if (/\/reviews\/q4/.test(path)) await world.as(caller("reviewer"))("/reviews", requests["openReview"]?.[1]);
  const before = world.orders.length;
  return { answer: await world.as(caller(role, by))(path, init), ordered: world.orders.length - before };
};

test.each(cases)("%s as %s: %s", async (id, role, may) => {
  for (const by of ["iam", "jwt"] as const) {
    await anew();
    const { answer, ordered } = await ask(id, role, by);
    const isProven = by === "iam" || !ONLY_IAM.includes(id);
    if (may && isProven && id !== "signReview") expect(answer.status, await answer.clone().text()).toBeLessThan(300);
    // Nobody has decided anything: the role is right and the moment is not.
    else if (may && id === "signReview") expect(answer.status).toBe(409);
    else {
      expect(answer.status).toBe(403);
      expect(ordered).toBe(0);
    }
  }
});

test.each(rows.map(([id]) => id))("%s as somebody whom no role names: refused", async (id) => {
  expect((await ask(id, "nobody", "iam")).answer.status).toBe(403);
  expect((await ask(id, "nobody", "jwt")).answer.status).toBe(403);
  expect(world.accessed).toEqual([]);
});

test("who acts is the caller, whatever the body says", async () => {
  const body = JSON.parse(String(requests["contain"]?.[1]?.body)) as object;
  const forged = post({ ...body, actor: { kind: "human", principal: "somebody else" } });
  expect((await world.as(caller("operator"))("/containments", forged)).status).toBe(400);
  await world.as(caller("operator", "jwt"))("/containments", post(body));
  expect(world.orders).toMatchObject([
    { order: "contain", dryRun: false, actor: { kind: "human", principal: "https://idp.example#operator-1" } },
  ]);
});

test("a reviewer who decides to end something needs the role that ends things", async () => {
  await world.as(caller("reviewer"))("/reviews", requests["openReview"]?.[1]);
  const reader = world.as(caller("reader"));
  const [held] = (await jsonOf<Review>(reader("/reviews/q4"))).items;
  const answer = await world.as(caller("reviewer"))(
    "/reviews/q4/decisions",
    post({ credential: held?.credential, decision: "revoke" }),
  );
  expect([answer.status, world.orders]).toEqual([403, []]);
  expect((await jsonOf<Review>(reader("/reviews/q4"))).undecided).toContain(held?.credential);
});
