import { randomBytes } from "node:crypto";
import type { Command, Network } from "../lib/core/commands.ts";
import { parsePlaybooks } from "../lib/core/playbook.ts";
import { secret } from "../lib/core/secret.ts";
import type { Clock, CredentialId, Deps, Instant, Signal, VersionId } from "../lib/core/types.ts";
import type { RotateWorld } from "../lib/engine/attempt.ts";
import { openRecorder } from "../lib/engine/record.ts";
import { answer, type RespondWorld } from "../lib/engine/respond.ts";
import { revoke } from "../lib/engine/revoke.ts";
import { rotateUrgently } from "../lib/engine/rotate.ts";
import { demoProvider, demoRotator } from "../lib/memory/demo-rotator.ts";
import { memoryLedger } from "../lib/memory/ledger.ts";
import { memoryIncidents, memoryInventory } from "../lib/memory/state.ts";
import { memoryLocks, memoryRetireList } from "../lib/memory/turns.ts";
import { memoryVault } from "../lib/memory/vault.ts";
import { virtualClock } from "../lib/memory/virtual-clock.ts";
import playbooks from "../playbooks/default.json" with { type: "json" };
import { dice } from "./dice.ts";

/** What falls upon it, everything from one seed. */
export type Storm = {
  readonly signals: number;
  /** How many credentials they are about. */
  readonly subjects: number;
  readonly overMs: number;
  /** Of 1,000 invocations, how many die at one of their calls. */
  readonly diesOf1000: number;
  readonly seed: number;
};
export type Weathered = {
  /** Per subject, ms from the arrival of its first signal until its old version was refused. */
  readonly refusedAfter: readonly number[];
  /** Per signal, ms from its arrival until it was answered for good. */
  readonly answeredAfter: readonly number[];
  readonly lost: number;
  /** How often each subject's containment took effect, as the ledger has it. */
  readonly effective: readonly number[];
  readonly stillIn: number;
  readonly died: number;
  readonly most: number;
};

const ACCOUNT = "111122223333";
const START = "2027-01-04T03:00:00.000Z" as Instant;
const MINUTE_MS = 60_000;
/** Rounded up from what docs/benchmarks.md has of a warm function: a table's answer, a ledger's, a call of a function's. */
const LATENCY: Readonly<Record<string, number>> = {
  inventory: 5,
  incidents: 5,
  ledger: 8,
  network: 6,
  target: 6,
  vault: 5,
};
/** docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: five batches, 300 more a minute, 1,000 at most. */
const batchesAt = (ms: number) => Math.min(1_000, 5 + Math.floor((300 * ms) / MINUTE_MS));
const BATCH = 10;
/** As cdk/constructs/queues.ts and functions/respond.ts have it. */
const VISIBILITY_MS = 130_000;
const MOST_DELIVERIES = 20;
const againAfterMs = (deliveries: number) => Math.min(3_000 * 2 ** (deliveries - 1), 300_000);

const idOf = (n: number) => `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:estate/${n}-AbCdEf` as CredentialId;
const FIRST = "first-version" as VersionId;

class Died extends Error {
  override readonly name = "Died";
}

/** An invocation's life: after so many calls it is over, in the midst of all that it does, and answers nobody any more. */
const lifeOf = (lastCall: number) => {
  let calls = 0;
  let die: (reason: Died) => void = () => undefined;
  const death = new Promise<never>((_, reject) => {
    die = reject;
  });
  death.catch(() => undefined);
  return {
    death,
    isOver: () => {
      calls += 1;
      if (calls >= lastCall) die(new Died());
      return calls >= lastCall;
    },
    hasDied: () => calls >= lastCall,
  };
};
type Life = ReturnType<typeof lifeOf>;

/** Everything that an invocation calls, each call taking its time. */
const called = (clock: Clock, life: Life) => {
  const through = <P extends object>(name: string, port: P): P =>
    new Proxy(port, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          await clock.sleep(LATENCY[name] ?? 0);
          if (life.isOver()) return new Promise(() => undefined);
          return method.apply(target, args);
        };
      },
    });
  return through;
};

/** The estate: that many credentials of one account, each with one version in force. */
const estate = async (storm: Storm, clock: Clock) => {
  const provider = demoProvider();
  const memory = memoryVault();
  const inventory = memoryInventory();
  for (let n = 0; n < storm.subjects; n += 1) {
    const [id, user] = [idOf(n), `user-${n}`];
    memory.declare(id, { "rekey:kind": "demo", "rekey:user": user }, secret({ userName: user, key: `first-key-${n}` }));
    provider.users.set(user, new Map([[`first-key-${n}`, { active: true, madeBy: "rekey" }]]));
    const identifiers = [`secret:${id}`, `iam-user:${ACCOUNT}/${user}`] as const;
    await inventory.put({
      id,
      name: `estate/${n}`,
      kind: "demo",
      workload: user as never,
      network: "default",
      protected: false,
      identifiers,
    });
  }
  const ledger = memoryLedger({ clock });
  const shared = { memory, provider, inventory, ledger, incidents: memoryIncidents(), locks: memoryLocks() };
  const isIn = (n: number) => provider.users.get(`user-${n}`)?.get(`first-key-${n}`)?.active === true;
  return { ...shared, retiring: memoryRetireList(), isIn };
};
type Estate = Awaited<ReturnType<typeof estate>>;

const invocation = (all: Estate, clock: Clock, life: Life): RespondWorld => {
  const through = called(clock, life);
  const deps: Deps = {
    aws: () => {
      throw new Error("no AWS in a storm in memory");
    },
    clock,
    random: (bytes) => randomBytes(bytes),
    readAdmin: async () => secret({}),
  };
  const rotator = demoRotator(all.provider);
  const rotate: RotateWorld = {
    vault: through("vault", all.memory.vault),
    ledger: through("ledger", all.ledger),
    clock,
    rotators: [{ ...rotator, connect: (given) => through("target", rotator.connect(given)) }],
    deps,
    locks: all.locks,
    retiring: all.retiring,
    announce: async () => undefined,
  };
  const { signal } = new AbortController();
  const call = async (_: string, command: Command): Promise<unknown> => {
    if (command.verb === "revoke") return revoke(rotate, command, signal);
    if (command.verb !== "rotate") throw new Error(`a storm asks for no ${command.verb}`);
    const { credential, attempt: version, actor } = command;
    return rotateUrgently(rotate, { credential, version, actor, signal });
  };
  return {
    sources: [],
    playbooks: parsePlaybooks(playbooks),
    inventory: through("inventory", all.inventory),
    incidents: through("incidents", all.incidents),
    network: through("network", { call }) as Network,
    clock,
    recorder: openRecorder({
      ledger: rotate.ledger,
      spool: { put: async (event) => void (await all.ledger.append(event)) },
      clock,
      complain: () => undefined,
    }),
    reject: async () => undefined,
    holdLater: async () => undefined,
  };
};

const signalOf = (n: number, subject: number): Signal => ({
  id: `guardduty:${ACCOUNT}:finding-${n}`,
  source: "guardduty",
  type: "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
  scenario: "exfiltrated",
  severity: 80,
  // All of it before the first answer: one containment is enough for each subject.
  activityAt: START,
  account: ACCOUNT,
  subjects: [`iam-user:${ACCOUNT}/user-${subject}`],
  untrusted: "",
});

type Message = {
  readonly signal: Signal;
  readonly subject: number;
  readonly sentAt: number;
  visibleAt: number;
  deliveries: number;
};

/** A queue as SQS keeps it: what was taken comes again unless it is deleted. */
const queueOf = () => {
  const waiting: Message[] = [];
  const lost: Message[] = [];
  const take = (now: number): readonly Message[] => {
    const batch: Message[] = [];
    for (let at = 0; at < waiting.length && batch.length < BATCH; ) {
      const one = waiting[at];
      if (!one || one.visibleAt > now) at += 1;
      else batch.push(...waiting.splice(at, 1));
    }
    return batch.filter((one) => {
      one.deliveries += 1;
      if (one.deliveries <= MOST_DELIVERIES) return true;
      lost.push(one);
      return false;
    });
  };
  const back = (one: Message, visibleAt: number) => {
    one.visibleAt = visibleAt;
    waiting.push(one);
  };
  return { waiting, lost, take, back };
};

/** A few subjects are spoken of far more than others, each at least once. Every fifth message is a second copy. */
const messages = ({ signals, subjects, seed }: Storm): readonly Pick<Message, "signal" | "subject">[] => {
  const roll = dice(seed);
  const first = Array.from({ length: signals }, (_, n) => {
    const subject = n < subjects ? n : Math.floor(subjects * roll() ** 3);
    return { subject, signal: signalOf(n, subject) };
  });
  return first.map((message, n) => (n >= subjects && n % 5 === 4 ? (first[n - 4] ?? message) : message));
};

const watch = (all: Estate, clock: Clock) => {
  const firstAt = new Map<number, number>();
  const refusedAt = new Map<number, number>();
  const answeredAfter: number[] = [];
  return {
    answeredAfter,
    sent: (subject: number) => void firstAt.set(subject, firstAt.get(subject) ?? clock.ticks()),
    answered: (one: Message) => void answeredAfter.push(clock.ticks() - one.sentAt),
    look: (subject: number) => {
      if (!all.isIn(subject) && !refusedAt.has(subject)) refusedAt.set(subject, clock.ticks());
    },
    refusedAfter: () => [...refusedAt].map(([subject, at]) => at - (firstAt.get(subject) ?? 0)),
  };
};
type Watch = ReturnType<typeof watch>;
type Queue = ReturnType<typeof queueOf>;
type Parts = { readonly queue: Queue; readonly seen: Watch };

/** As `functions/respond.ts` does: what was not finished comes again, sooner where the function lives to say so. */
const handle = async (world: RespondWorld, life: Life, one: Message, { queue, seen }: Parts) => {
  try {
    await Promise.race([answer(world, one.signal, { by: "playbook" }, world.clock.now()), life.death]);
    seen.answered(one);
  } catch (error) {
    const after = error instanceof Died ? VISIBILITY_MS : againAfterMs(one.deliveries);
    queue.back(one, world.clock.ticks() + after);
  }
  seen.look(one.subject);
};

/** Lambda's side: so many batches at a time, each in an invocation that may die at one of its calls. */
const invoking = (storm: Storm, all: Estate, clock: Clock, parts: Parts) => {
  const roll = dice(storm.seed + 1);
  const began = clock.ticks();
  const counts = { running: 0, most: 0, died: 0 };
  const invoke = async (batch: readonly Message[]) => {
    counts.running += 1;
    counts.most = Math.max(counts.most, counts.running);
    const isDoomed = roll() * 1_000 < storm.diesOf1000;
    const life = lifeOf(isDoomed ? 1 + Math.floor(roll() * 40) : Number.POSITIVE_INFINITY);
    const world = invocation(all, clock, life);
    await Promise.all(batch.map((one) => handle(world, life, one, parts)));
    if (life.hasDied()) counts.died += 1;
    counts.running -= 1;
  };
  const poll = () => {
    while (counts.running < batchesAt(clock.ticks() - began)) {
      const batch = parts.queue.take(clock.ticks());
      if (batch.length === 0) return;
      void invoke(batch);
    }
  };
  return { counts, poll };
};

/** One storm, weathered by as many invocations as Lambda would run. */
export const weather = async (storm: Storm): Promise<Weathered> => {
  const { clock, run } = virtualClock(START);
  const all = await estate(storm, clock);
  const [queue, seen] = [queueOf(), watch(all, clock)];
  const { counts, poll } = invoking(storm, all, clock, { queue, seen });
  let left = storm.signals;
  const arriving = async () => {
    for (const message of messages(storm)) {
      const sentAt = clock.ticks();
      seen.sent(message.subject);
      queue.waiting.push({ ...message, sentAt, visibleAt: sentAt, deliveries: 0 });
      left -= 1;
      await clock.sleep(storm.overMs / storm.signals);
    }
  };
  const polling = async () => {
    while (left > 0 || counts.running > 0 || queue.waiting.length > 0) {
      poll();
      await clock.sleep(10);
    }
  };
  await run(Promise.all([arriving(), polling()]));
  const numbers = Array.from({ length: storm.subjects }, (_, n) => n);
  const told = await Promise.all(numbers.map((n) => all.ledger.history(idOf(n))));
  return {
    refusedAfter: seen.refusedAfter(),
    answeredAfter: seen.answeredAfter,
    lost: queue.lost.length,
    effective: told.map((events) => events.filter(({ type }) => type === "containment.effective").length),
    stillIn: numbers.filter((n) => all.isIn(n) || all.memory.labels(idOf(n)).current === FIRST).length,
    died: counts.died,
    most: counts.most,
  };
};
