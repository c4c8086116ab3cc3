import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretFacts } from "../../lib/core/diagnosis-facts.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import type { CredentialId, Rotator, VersionId } from "../../lib/core/types.ts";
import { rehearse } from "../../lib/engine/rehearse.ts";
import { repair } from "../../lib/engine/repair.ts";
import { rotateNow, rotationSteps, type StepName } from "../../lib/engine/rotate.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryLocks, memoryRetireList } from "../../lib/memory/turns.ts";
import { memoryVault } from "../../lib/memory/vault.ts";
import type { Material } from "../../lib/rotators/postgres/target.ts";
import rotator from "../../lib/rotators/postgres.ts";
import { hastyClock } from "../support/clock.ts";
import { arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

const ID = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db/orders-AbCdEf" as CredentialId;
const NEXT = "attempt-1-000000000000000000000000" as VersionId;
const actor = { kind: "service", principal: "test" } as const;
const { signal } = new AbortController();
const STEPS: readonly StepName[] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5662 });
}, 30_000);
afterAll(() => server.stop());

/** One credential in a vault in memory, its login on the real server. */
const arrange = async (strategy: "alternating" | "single") => {
  const clock = hastyClock();
  const world = await arrangeLogins(server, { strategy, clock });
  const memory = memoryVault();
  const { admin, owner, logins } = world.target;
  const tags = {
    kind: "postgres",
    admin,
    strategy,
    tls: "disable",
    ...(owner && { owner }),
    ...(logins && { logins: logins.join(" ") }),
  };
  const named = Object.fromEntries(Object.entries(tags).map(([name, value]) => [`rekey:${name}`, value ?? ""]));
  memory.declare(
    ID,
    named,
    mapSecret(world.current, (material): unknown => material),
  );
  const hourAgo = () => clock.after(clock.now(), -3_600_000);
  const look = async (id: CredentialId): Promise<SecretFacts> => ({
    ...(await memory.vault.describe(id)),
    replicas: [],
    changedAt: hourAgo(),
  });
  const rotate = {
    vault: memory.vault,
    ledger: memoryLedger({ clock }),
    clock,
    rotators: [rotator as unknown as Rotator],
    deps: world.deps,
    locks: memoryLocks(),
    retiring: memoryRetireList(),
    announce: async () => undefined,
  };
  const mend = () => repair({ ...rotate, look, functionName: "f" }, { verb: "repair", credential: ID, actor }, signal);
  const workload = async () => {
    const { current } = memory.labels(ID);
    const material = current && (memory.value(ID, current)?.reveal() as Material);
    if (material) await (await sessionOf(material)).end();
  };
  return { ...world, memory, rotate, mend, workload };
};

describe.each(["alternating", "single"] as const)("a rotation of a real login that died, %s", (strategy) => {
  it.each([0, 1, 2, 3])("after %i steps is ended by the repair, and the workload logs in", async (died) => {
    const { memory, rotate, mend, workload } = await arrange(strategy);
    const run = rotationSteps(rotate);
    memory.begin(ID, NEXT);
    for (const step of STEPS.slice(0, died)) await run(step, { credential: ID, version: NEXT, actor, signal });
    const { done } = await mend();
    // Once it was put in force the server takes it: forward. Before, the old one works: back.
    expect(done.do).toBe(died < 2 ? "clear" : "promote");
    expect(memory.labels(ID).current).toBe(died < 2 ? "first-version" : NEXT);
    await workload();
    await rotateNow(rotate, { credential: ID, version: `${NEXT}-2` as VersionId, actor, signal });
    await workload();
  });

  it("that somebody changed by hand is refused, and a rotation mends it", async () => {
    const { names, ask, rotate, mend, workload } = await arrange(strategy);
    await ask(`ALTER ROLE ${names.a} PASSWORD NULL`);
    expect((await mend()).done).toMatchObject({ do: "refuse", mend: expect.stringMatching(/rekey rotate/) });
    await rotateNow(rotate, { credential: ID, version: NEXT, actor, signal });
    await workload();
  });

  it("is rehearsed with the name of the login that comes next, and nothing changes", async () => {
    const { names, ask, rotate, memory } = await arrange(strategy);
    const roles = () => ask("SELECT * FROM pg_authid ORDER BY oid");
    const before = [await roles(), memory.labels(ID)];
    const told = await rehearse(rotate, { verb: "rehearse", credential: ID }, signal);
    const next = strategy === "alternating" ? names.b : names.a;
    expect(told.next).toEqual([`db:${server.host}:${server.port}/${next}`]);
    expect(told.findings.filter(({ verdict }) => verdict === "ill")).toEqual([]);
    expect([await roles(), memory.labels(ID)]).toEqual(before);
  });
});
