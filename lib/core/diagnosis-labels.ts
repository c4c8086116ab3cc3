import {
  byPeople,
  type Case,
  containedOnly,
  DEAD_AFTER_MS,
  ill,
  type RepairPlan,
  type Tried,
  type Tries,
  unknown,
  well,
} from "./diagnosis-facts.ts";
import type { Finding } from "./types.ts";

const minutes = (ms: number) => `${Math.floor(ms / 60_000)} min`;

const isStuck = ({ secret: { labels } }: Case) => labels.pending !== undefined && labels.pending !== labels.current;
const isDead = ({ quietMs }: Case) => quietMs !== undefined && quietMs >= DEAD_AFTER_MS;

const ROTATE = "`rekey rotate` puts a fresh version in force by the rotator's own rights.";

/** What to do where the target does not take the current version. */
const lockedOut = ({
  tried,
  incident,
  secret,
  rotators,
}: Case): { readonly because: string; readonly mend: string } => {
  if (incident) {
    return {
      because: `the target refuses it because incident ${incident} revoked it`,
      mend: `If that was a false alarm: rekey restore ${incident}. ${containedOnly({ secret, rotators }) ? "Otherwise restore it once its workload is clean." : "Otherwise rotate it once its workload is clean."}`,
    };
  }
  if (containedOnly({ secret, rotators })) {
    return {
      because: "the target refuses it: it was changed there by hand, or contained",
      mend: "If a containment revoked it, restore that incident; `rekey history` tells. Otherwise let it in again there.",
    };
  }
  if (tried.pending.state === "accepted") {
    return {
      because: "the target takes the pending version, not the current one: a rotation died between the two",
      mend: "`rekey doctor --repair` makes the pending version current.",
    };
  }
  if (tried.previous.state === "accepted") {
    return {
      because:
        "the target takes the previous version, not the current one: it was restored from a backup, or a label was moved by hand",
      mend: `${ROTATE} Until then the workload can read AWSPREVIOUS.`,
    };
  }
  return {
    because:
      "the target takes no version that is stored: it was changed by hand, restored from an old backup, or contained",
    mend: `${ROTATE} If a containment revoked it, restore that incident instead; \`rekey history\` tells.`,
  };
};

const RUNNING = "a rotation may be running";
const DOUBT = "the target gave no answer that says anything about the material";
const MEND_WAY = "Mend the ill findings about the target first, then look again.";

/** A label of a dead attempt: what to do with it depends on what its target takes, and on nothing remembered. */
const stuck = (facts: Case): RepairPlan => {
  const { tried, secret, quietMs } = facts;
  const version = secret.labels.pending;
  if (!version) return { do: "nothing", because: "no rotation is unfinished" };
  if (!isDead(facts)) {
    const left = minutes(DEAD_AFTER_MS - (quietMs ?? 0));
    return { do: "refuse", because: RUNNING, mend: `Look again in ${left}, when it has ended or died.` };
  }
  if (tried.pending.state === "empty") {
    return { do: "clear", version, because: "the attempt died before it stored a value" };
  }
  if (tried.pending.state === "accepted") {
    return {
      do: "promote",
      version,
      because: "the target takes the pending version: the attempt died just before its end",
    };
  }
  if (tried.pending.state === "doubt") return { do: "refuse", because: DOUBT, mend: MEND_WAY };
  if (tried.current.state === "accepted") {
    return { do: "clear", version, because: "the target takes the current version and not the pending one" };
  }
  if (tried.current.state === "doubt") return { do: "refuse", because: DOUBT, mend: MEND_WAY };
  return { do: "refuse", ...lockedOut(facts) };
};

/** The mend that needs no person, or why there is none. Pure: the same facts give the same plan. */
export const planRepair = (facts: Case): RepairPlan => {
  if (facts.secret.deletedAt) {
    return { do: "refuse", because: "the secret is marked for deletion", mend: "Restore the secret first." };
  }
  if (facts.incident && isStuck(facts)) return { do: "refuse", ...lockedOut(facts) };
  if (isStuck(facts)) return stuck(facts);
  if (facts.tried.current.state === "refused") return { do: "refuse", ...lockedOut(facts) };
  return { do: "nothing", because: "no rotation is unfinished" };
};

const pendingOf = (facts: Case): Finding => {
  const { secret, tried, quietMs = 0 } = facts;
  const { pending, current } = secret.labels;
  const check = "pending label";
  if (!pending) return well(check, "on no version");
  if (pending === current) return well(check, "left on the current version, where it harms nothing");
  if (byPeople(facts)) {
    return unknown(
      check,
      `on version ${pending}: a person has staged it`,
      "If its provider takes it: rekey attest --replaced.",
    );
  }
  if (!isDead(facts)) return unknown(check, `on version ${pending}, changed ${minutes(quietMs)} ago: ${RUNNING}`);
  const what = tried.pending.state === "empty" ? "empty version" : "version";
  const plan = planRepair(facts);
  const mend = plan.do === "refuse" ? plan.mend : "rekey doctor --repair mends it.";
  return ill(
    check,
    `on ${what} ${pending}, untouched for ${minutes(quietMs)}: its attempt is dead, and RotateSecret goes on with it or refuses`,
    mend,
  );
};

const versionsOf = ({ secret }: Case): readonly Finding[] => {
  const { current, previous } = secret.labels;
  if (!current) {
    return [ill("current version", "none", "Put a first value that says where the credential lives, then rotate.")];
  }
  if (previous || !secret.rotatedAt) return [well("current version", current)];
  return [
    well("current version", current),
    unknown(
      "previous version",
      "none, though it was rotated: its label was removed, so that nothing can go back to it",
    ),
  ];
};

const said = ({ pending, current, previous }: Tries) =>
  `current ${current.state}, pending ${pending.state}, previous ${previous.state}`;

const acceptsOf = (facts: Case): Finding => {
  const { tried } = facts;
  const check = "target accepts";
  if (tried.current.state === "accepted") return well(check, said(tried));
  if (tried.current.state !== "refused") return unknown(check, said(tried));
  const { because, mend } = lockedOut(facts);
  return ill(check, `${said(tried)}: ${because}`, mend);
};

type Doubted = Extract<Tried, { state: "doubt" | "unreadable" }>;
const doubted = (tried: Tried): readonly Doubted[] =>
  tried.state === "doubt" || tried.state === "unreadable" ? [tried] : [];

/** Codes: nodejs.org/api/errors.html#common-system-errors, and those of its name resolution. */
const LAYERS: readonly (readonly [pattern: RegExp, layer: string])[] = [
  [/ENOTFOUND|EAI_/, "its name does not resolve"],
  [/ECONNREFUSED/, "its port refuses connections"],
  [/EHOSTUNREACH|ENETUNREACH/, "there is no route to it"],
  [/ECONNRESET|EPIPE/, "it closes the connection"],
];
const layer = (code: string) =>
  LAYERS.find(([pattern]) => pattern.test(code))?.[1] ?? "it is silent, as behind a firewall";

const CHECKS: Readonly<Partial<Record<string, string>>> = {
  unreachable: "network",
  tls: "tls",
  permission: "rights",
  settings: "settings",
};

const doubtOf = ({ fault, told, code = "", state }: Doubted, network: string): Finding => {
  const mend = "As told; nothing was changed.";
  if (state === "unreadable") return ill("value", told, mend);
  const check = CHECKS[fault];
  if (!check) return unknown("target", told);
  if (check !== "network") return ill(check, told, mend);
  return ill(
    check,
    `${layer(code)}, seen from network ${network}: ${told}`,
    "Correct host and port, or let that network's function reach it (routes, security groups, name resolution).",
  );
};

const isFirst = (one: Finding, i: number, all: readonly Finding[]) =>
  all.findIndex(({ check }) => check === one.check) === i;

/** Labels, and what the target takes: the diagnosis of drift and of lockouts. */
export const aboutVersions = (facts: Case): readonly Finding[] => {
  const { tried, network, secret } = facts;
  const doubts = [tried.current, tried.pending, tried.previous].flatMap(doubted).map((one) => doubtOf(one, network));
  // That a value cannot be had at all was found before, by what was answered.
  const further = doubts.filter(isFirst).filter(({ check }) => check !== "value" || !secret.unread);
  return [...versionsOf(facts), pendingOf(facts), acceptsOf(facts), ...further];
};
