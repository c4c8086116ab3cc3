import type { Actor } from "../core/events.ts";
import type { Incidents, Inventory } from "../core/incident.ts";
import type { Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import type { Proposals } from "../core/proposal.ts";
import type { ReviewStore } from "../core/review/store.ts";
import type { Clock, Instant, Ledger } from "../core/types.ts";
import type { PackMade, PackState } from "../engine/pack-orders.ts";
import type { ReadLog } from "../engine/record-of.ts";

/** An evidence pack that is about to be given. */
export type Access = {
  readonly id: string;
  readonly what: string;
  readonly size: number;
  readonly root: string;
  readonly actor: Actor;
};

/** What the routes work with. Reads; whatever changes anything goes to the function whose work that is. */
export type ApiWorld = {
  readonly store: Pick<ReviewStore, "watermark" | "page" | "overdue" | "states">;
  readonly inventory: Pick<Inventory, "get" | "list">;
  readonly incidents: Pick<Incidents, "get" | "since">;
  readonly proposals: Pick<Proposals, "get" | "list">;
  readonly ledger: Pick<Ledger, "history">;
  readonly clock: Clock;
  readonly read: ReadFile;
  readonly by: () => Promise<Verifier>;
  /** The whole log, checked against its checkpoint. Throws Problem where it is too long for this function. */
  readonly log: () => Promise<ReadLog>;
  readonly packs: {
    /** Orders a pack, or finds it ordered. Answers its id. */
    readonly order: (of: string, asOf: Instant) => Promise<string>;
    readonly look: (id: string) => Promise<PackState | undefined>;
    /** Reads that pack and nothing else, for a while. */
    readonly url: (id: string, made: PackMade) => Promise<string>;
  };
  readonly newId: () => string;
  /** Records that evidence is taken. Throws when it was not recorded: then none is given. */
  readonly accessed: (access: Access) => Promise<unknown>;
  /** A person's part in an access review, as `rekey-project` takes it. */
  readonly review: (order: object) => Promise<unknown>;
  /** An order as `rekey-respond` takes it. `late`: it goes on and has not answered yet. */
  readonly order: (order: object) => Promise<{ readonly answer: unknown } | "late">;
};
