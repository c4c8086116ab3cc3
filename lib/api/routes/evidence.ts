import * as z from "zod/mini";
import { known } from "../known.ts";
import { Problem } from "../problem.ts";
import { actorOf } from "../roles.ts";
import { defineRoute } from "../route.ts";
import { AsOf, momentOf, When } from "../words.ts";

/** For how long the URL of a pack reads it, in s: long enough to fetch, too short to hand on. */
export const URL_SECONDS = 900;

const Pack = z.object({
  id: z.string(),
  state: z.enum(["making", "failed", "ready"]),
  of: z.string(),
  asOf: z.string(),
  why: z.optional(z.string()),
  pack: z.optional(
    z.object({
      url: z.string(),
      seconds: z.int(),
      bytes: z.int(),
      sha256: z.string(),
      recorded: z.literal(true),
      asOf: AsOf,
    }),
  ),
});

export const evidenceRoutes = [
  defineRoute({
    id: "orderEvidence",
    method: "post",
    path: "/evidence",
    role: "reviewer",
    title: "Have an evidence pack made for a framework or one control",
    note: "Ordered again on the same day (UTC) for the same `of` and `asOf`, it is the same pack. `Location` says where it will be, for a day.",
    body: z.strictObject({ of: z.string().check(z.maxLength(100)), ...When }),
    answers: z.object({ id: z.string(), of: z.string(), asOf: z.string() }),
    handle: async (world, { body: { of, asOf: given } }) => {
      known(of);
      const now = world.clock.now();
      // Of the newest entry, as all answers are: who asks again because no answer came asks the same.
      const asOf = momentOf(given, now) ?? (await world.store.watermark())?.at ?? now;
      const id = await world.packs.order(of, asOf);
      return { status: 202, location: `/evidence/${id}`, answer: () => ({ id, of, asOf }) };
    },
  }),
  defineRoute({
    id: "takeEvidence",
    method: "get",
    path: "/evidence/{pack}",
    role: "reviewer",
    title: "An evidence pack: whether it is ready, and a URL that reads it; that it is taken is recorded first",
    note: "A zip of what `rekey evidence` writes, with the ledger that proves it. The URL is good for 15 minutes; ask again for another.",
    params: z.object({ pack: z.string().check(z.regex(/^pack-[0-9a-f]{24}$/)) }),
    answers: Pack,
    handle: async (world, { params: { pack: id }, caller }) => {
      const found = await world.packs.look(id);
      if (!found)
        throw new Problem(404, `No pack ${id} is ordered.`, "POST /evidence orders one; it is kept for a day.");
      const { of, asOf } = found.order;
      const told = { id, state: found.state, of, asOf };
      if (found.state === "making") return { answer: () => told };
      if (found.state === "failed") return { answer: () => ({ ...told, why: found.why }) };
      const { bytes, sha256, asOf: seen } = found.made;
      const { size, root } = seen;
      await world.accessed({ id: world.newId(), what: of, size, root, actor: actorOf(caller) });
      const url = await world.packs.url(id, found.made);
      const pack = { url, seconds: URL_SECONDS, bytes, sha256, recorded: true as const, asOf: seen };
      return { isCredential: true, answer: () => ({ ...told, pack }) };
    },
  }),
] as const;
