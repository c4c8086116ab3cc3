import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CredentialId, Rotator, VersionId } from "../../lib/core/types.ts";
import type { RotateWorld } from "../../lib/engine/attempt.ts";
import { rotateNow, rotationSteps } from "../../lib/engine/rotate.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryLocks, memoryRetireList } from "../../lib/memory/turns.ts";
import { memoryVault } from "../../lib/memory/vault.ts";
import { faults, type Mode } from "../support/faults.ts";
import { type Arranged, arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5697, settings: { max_connections: "60" } });
});
afterAll(() => server.stop());

const ID = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf" as CredentialId;
const FIRST = "first-version" as VersionId;
const NEXT = `attempt-1-${"0".repeat(24)}` as VersionId;
const actor = { kind: "schedule", principal: "test" } as const;

type Strategy = "alternating" | "single";

/** One credential on the real server; vault, ledger and state in Maps, which can be cut at any call. */
const arrange = async (strategy: Strategy) => {
  const logins = await arrangeLogins(server, { strategy });
  const { names, deps } = logins;
  const memory = memoryVault();
  const target = { admin: logins.target.admin ?? "", strategy, tls: "disable" };
  const pair = { logins: `${names.a} ${names.b}`, owner: names.owner ?? "" };
  const tags = Object.entries({ kind: "postgres", ...target, ...(strategy === "alternating" && pair) });
  memory.declare(ID, Object.fromEntries(tags.map(([key, value]) => [`rekey:${key}`, value])), logins.current);
  const ledger = memoryLedger({ clock: deps.clock });
  const [locks, retiring] = [memoryLocks(), memoryRetireList()];
  const wired = (f = faults()): RotateWorld => {
    const rotator = logins.rotator as unknown as Rotator;
    return {
      vault: f.through("vault", memory.vault),
      ledger: f.through("ledger", ledger),
      locks: f.through("locks", locks),
      retiring: f.through("retiring", retiring),
      clock: deps.clock,
      rotators: [{ ...rotator, connect: (given) => f.through("rotator", rotator.connect(given)) }],
      deps,
      announce: async () => undefined,
    };
  };
  return { ...logins, memory, ledger, wired };
};
type World = Awaited<ReturnType<typeof arrange>>;

const signal = AbortSignal.timeout(600_000);
const attempt = { credential: ID, version: NEXT, actor, signal };

/** As Secrets Manager does: the four steps in order. */
const native = async (world: World, f = faults()) => {
  const run = rotationSteps(world.wired(f));
  world.memory.begin(ID, NEXT);
  for (const step of ["createSecret", "setSecret", "testSecret", "finishSecret"] as const) await run(step, attempt);
};
const oneShot = async (world: World, f = faults()) => void (await rotateNow(world.wired(f), attempt));

const logsIn = async ({ rotator, deps, target, memory }: World, version: VersionId | undefined): Promise<boolean> => {
  const material = version && memory.value(ID, version);
  if (!material) return false;
  const verbs = rotator.connect(deps);
  return verbs.verify({ target, material: material as Arranged["current"], signal }).then(
    () => true,
    () => false,
  );
};

const judge = async (world: World, strategy: Strategy, where: string) => {
  expect(world.memory.labels(ID), where).toEqual({ current: NEXT, previous: FIRST, pending: NEXT });
  expect(await logsIn(world, NEXT), where).toBe(true);
  expect(await logsIn(world, FIRST), where).toBe(strategy === "alternating");
  const told = (await world.ledger.history(ID)).map(({ type }) => type).filter((type) => type !== "rotation.failed");
  expect(told, where).toEqual(["rotation.started", "rotation.succeeded"]);
};

describe.each([
  ["native", native],
  ["one-shot", oneShot],
] as const)("%s rotation on a real server, cut at every call", (_, rotate) => {
  it.each(["alternating", "single"] as const)("%s: a retry repairs it", { timeout: 120_000 }, async (strategy) => {
    const probe = faults();
    await rotate(await arrange(strategy), probe);
    const logins = await server.root.query("SELECT count(*)::int AS n FROM pg_roles WHERE rolname LIKE 'orders_%'");
    expect(probe.calls.length).toBeGreaterThan(9);
    let arranged = 0;
    for (const mode of ["lost", "done"] satisfies Mode[]) {
      for (let at = 1; at <= probe.calls.length; at++) {
        const where = `${mode} at call ${at}, ${probe.calls[at - 1]}`;
        const world = await arrange(strategy);
        arranged++;
        await rotate(world, faults(at, mode)).catch((error) => {
          if (error.name !== "Crash") throw error;
        });
        // Of one login the next version is in force before it is current; of two never one without the other.
        const works = await logsIn(world, world.memory.labels(ID).current);
        expect(works || (strategy === "single" && (await logsIn(world, NEXT))), `locked out, ${where}`).toBe(true);
        await rotate(world);
        await judge(world, strategy, where);
      }
    }
    const after = await server.root.query("SELECT count(*)::int AS n FROM pg_roles WHERE rolname LIKE 'orders_%'");
    const each = strategy === "alternating" ? 2 : 1;
    expect(after.rows[0].n - logins.rows[0].n, "an orphan login").toBe(arranged * each);
  });
});
