import middy from "@middy/core";
import * as z from "zod/mini";
import { kmsAppendKeys } from "../lib/aws/append-keys.ts";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { systemClock as clock } from "../lib/aws/clock.ts";
import { dynamoLedger } from "../lib/aws/ledger.ts";
import { logFiles } from "../lib/aws/log-files.ts";
import { dynamoReview } from "../lib/aws/projection.ts";
import { kmsSigner } from "../lib/aws/signer.ts";
import { ActorOfCommand } from "../lib/core/commands.ts";
import { Conflict, Misconfigured } from "../lib/core/errors.ts";
import { REVIEW } from "../lib/core/events.ts";
import { verifier } from "../lib/core/ledger/note.ts";
import type { CredentialId, Instant } from "../lib/core/types.ts";
import { decideItem, openCampaign, signCampaign } from "../lib/engine/campaign.ts";
import { excepted } from "../lib/engine/except.ts";
import { projectUntilIdle } from "../lib/engine/project.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** No further step starts with less time left, in ms: one of 2,048 events takes a few seconds. */
const LAST_START_MS = 30_000;

/** Everything that is there is forgotten and read again from the log. */
const Rebuild = z.object({ rebuild: z.literal(true) });
/** Somebody takes evidence out. */
const Accessed = z.object({
  accessed: z.object({
    id: z.string().check(z.regex(/^[\w-]{1,64}$/)),
    what: z.string().check(z.regex(/^[\w.:() -]{1,200}$/)),
    size: z.int().check(z.gte(0)),
    root: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    actor: ActorOfCommand,
  }),
});

const credential = z.string().check(z.startsWith("arn:"), z.maxLength(2000)) as unknown as z.ZodMiniType<CredentialId>;
const campaign = z.string().check(z.regex(/^[\w.-]{1,64}$/));
const instant = z
  .string()
  .check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)) as unknown as z.ZodMiniType<Instant>;
/** A person's part in an access review. */
const Review = z.object({
  review: z.discriminatedUnion("order", [
    z.object({
      order: z.literal("open"),
      campaign,
      size: z.int().check(z.gte(1)),
      root: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
      scope: z.string().check(z.maxLength(200)),
      credentials: z.array(credential),
      deadline: instant,
      byDefault: z.enum(["revoke", "escalate"]),
      actor: ActorOfCommand,
    }),
    z.object({
      order: z.literal("decide"),
      campaign,
      credential,
      decision: z.enum(["keep", "rescope", "revoke", "transfer"]),
      to: z.nullable(z.string().check(z.maxLength(500))),
      actor: ActorOfCommand,
    }),
    z.object({ order: z.literal("sign"), campaign, actor: ActorOfCommand }),
  ]),
});

/** A person's word that a finding does not count for a while, or counts again. */
const Excepted = z.object({
  except: z.discriminatedUnion("order", [
    z.object({
      order: z.literal("grant"),
      exception: z.string().check(z.regex(/^x-[0-9a-f]{12}$/)),
      credential,
      query: z.string().check(z.regex(/^Q\d{1,2}$/)),
      until: instant,
      ticket: z.nullable(z.string().check(z.maxLength(100))),
      reason: z.string().check(z.minLength(1), z.maxLength(280)),
      actor: ActorOfCommand,
    }),
    z.object({
      order: z.literal("revoke"),
      exception: z.string().check(z.regex(/^x-[0-9a-f]{12}$/)),
      credential,
      reason: z.optional(z.string().check(z.maxLength(280))),
      actor: ActorOfCommand,
    }),
  ]),
});

const { names, account, region } = environment();
const aws = makeAws();
const store = dynamoReview(aws, names.reviewTable);
const ledger = dynamoLedger({ aws, table: names.ledgerTable, keys: kmsAppendKeys(aws, names.appendKeyAlias) });
const archive = s3Objects({ aws, bucket: names.archiveBucket(account, region) });
const work = s3Objects({ aws, bucket: names.workBucket(account, region) });

const project = async (mayStart: () => boolean, signal: AbortSignal) => {
  const key = await kmsSigner(aws, names.ledgerKeyAlias).publicKey(signal);
  const by = verifier(names.origin(account, region), key);
  const steps = await projectUntilIdle({ read: logFiles({ archive, work }, () => signal), by, store }, mayStart);
  const { size = 0, signed = 0 } = (await store.watermark()) ?? {};
  await log("info", "projected", { steps, size, signed });
  return { steps, size, signed };
};

const recordRead = async ({ id, what, size, root, actor }: z.infer<typeof Accessed>["accessed"]) => {
  const { seq } = await ledger.append({
    id: `evidence.taken:${id}`,
    stream: REVIEW,
    type: "evidence.taken",
    at: clock.now(),
    actor,
    data: { what, size, root },
  });
  return { recorded: seq };
};

/** Whoever asks hears why not, in words and not as a failure of the function. */
const refused = (error: unknown) => {
  if (error instanceof Conflict || error instanceof Misconfigured) return { refused: error.message };
  throw error;
};

const review = async (order: z.infer<typeof Review>["review"]) => {
  const world = { ledger, clock };
  switch (order.order) {
    case "open":
      return { campaign: await openCampaign(world, order) };
    case "decide":
      return { item: await decideItem(world, order) };
    case "sign":
      return { campaign: await signCampaign(world, order.campaign, order.actor) };
  }
};

const except = async (order: z.infer<typeof Excepted>["except"]) => ({
  except: await excepted({ ledger, clock }, order),
});

type Remaining = { readonly getRemainingTimeInMillis: () => number };

/** Carries the projection on; rung by the sealer's commits and each few minutes. Also records what reviewers do. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (event: unknown, context: Remaining, { signal }: { readonly signal: AbortSignal }) => {
    const accessed = Accessed.safeParse(event);
    if (accessed.success) return recordRead(accessed.data.accessed);
    const ordered = Review.safeParse(event);
    if (ordered.success) return review(ordered.data.review).catch(refused);
    const exception = Excepted.safeParse(event);
    if (exception.success) return except(exception.data.except).catch(refused);
    if (Rebuild.safeParse(event).success) await store.clear();
    return project(() => context.getRemainingTimeInMillis() > LAST_START_MS, signal);
  },
);
