import type { Clock, Signal } from "../lib/core/types.ts";
import { answer, type RespondWorld } from "../lib/engine/respond.ts";
import { virtualClock } from "../lib/memory/virtual-clock.ts";
import { dice } from "./dice.ts";
import {
  ACCOUNT,
  Died,
  type Estate,
  estate,
  FIRST,
  idOf,
  invocation,
  type Life,
  lifeOf,
  START,
} from "./storm-world.ts";

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

const MINUTE_MS = 60_000;
/** docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: five batches, 300 more a minute, 1,000 at most. */
const batchesAt = (ms: number) => Math.min(1_000, 5 + Math.floor((300 * ms) / MINUTE_MS));
const BATCH = 10;
/** As cdk/constructs/queues.ts and functions/respond.ts have it. */
const VISIBILITY_MS = 130_000;
const MOST_DELIVERIES = 20;
const againAfterMs = (deliveries: number) => Math.min(3_000 * 2 ** (deliveries - 1), 300_000);

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
  const all = await estate(storm.subjects, clock);
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
