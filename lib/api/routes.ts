import * as z from "zod/mini";
import { actorOf, ROLES } from "./roles.ts";
import { defineRoute, type Route } from "./route.ts";
import { credentialRoutes } from "./routes/credentials.ts";
import { evidenceRoutes } from "./routes/evidence.ts";
import { incidentRoutes } from "./routes/incidents.ts";
import { ledgerRoutes } from "./routes/ledger.ts";
import { proposalRoutes } from "./routes/proposals.ts";
import { recordRoutes } from "./routes/record.ts";
import { reviewRoutes } from "./routes/reviews.ts";
import { Actor } from "./words.ts";

const me = defineRoute({
  id: "getMe",
  method: "get",
  path: "/me",
  role: "reader",
  title: "Who the caller is to Rekey, and what they may do",
  answers: z.object({ actor: Actor, roles: z.array(z.enum(ROLES)) }),
  handle: async (_, { caller, roles }) => ({ answer: () => ({ actor: actorOf(caller), roles: [...roles] }) }),
});

/** Every route of the API. What is in no other place follows from this. */
export const routes: readonly Route[] = [
  me,
  ...credentialRoutes,
  ...incidentRoutes,
  ...recordRoutes,
  ...ledgerRoutes,
  ...evidenceRoutes,
  ...proposalRoutes,
  ...reviewRoutes,
];
