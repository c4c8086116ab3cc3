import type { Obey } from "./in-process.ts";
import { oneStatement, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";
import type { Span, Trace } from "./trace.ts";

const WARM_UP = 5;

const first = (spans: readonly Span[], what: RegExp): Span => {
  const found = spans.find((span) => what.test(span.what));
  if (found) return found;
  throw new Error(
    `the revocation made no call like ${what}: ${spans.map((span) => span.what.slice(0, 40)).join("; ")}`,
  );
};

type Parts = Readonly<Record<"ready" | "lock" | "refused" | "sweep" | "verify" | "whole", number>>;

/** Where the time of one revocation went, in ms; `refused` is from entry until the commit of NOLOGIN was answered. */
const partsOf = (spans: readonly Span[], from: number, to: number, login: string): Parts => {
  const lock = first(spans, /NOLOGIN/);
  const tried = first(spans, new RegExp(`^connect ${login}$`));
  return {
    ready: lock.from - from,
    lock: lock.to - lock.from,
    refused: lock.to - from,
    sweep: tried.from - lock.to,
    verify: to - tried.from,
    whole: to - from,
  };
};

const LINES: readonly (readonly [keyof Parts, string])[] = [
  ["refused", "revocation: function entry → login refused (NOLOGIN committed)"],
  ["ready", "revocation: of it, until NOLOGIN is sent: reading the secret"],
  ["lock", "revocation: of it, NOLOGIN"],
  ["sweep", "revocation: then, ending sessions until 50 ms are quiet"],
  ["verify", "revocation: then, trying the old password until refused"],
  ["whole", "revocation: function entry → tried and refused"],
];

/** Each on a server that this process has not reached within 10 s, as far as it can tell: by an admin secret of its own. */
export const firstReach = async (stage: Stage, obey: Obey, trace: Trace, n: number): Promise<Row> => {
  const [seen, floor]: [number[], number[]] = [[], []];
  const other = await stage.credential("passer_by");
  for (let i = -1; i < n; i++) {
    const subject = await stage.credential(`fresh_${i + 1}`, `bench/admin-${i + 1}`);
    const least = await timed(() => oneStatement(other.first));
    trace.take();
    const from = performance.now();
    await obey({ verb: "revoke", credential: subject.id, doomed: "current" });
    const { refused } = partsOf(trace.take(), from, performance.now(), subject.first.username);
    if (i < 0) continue;
    seen.push(refused);
    floor.push(least);
  }
  const note = "reads the admin secret and connects as well";
  return row("revocation: the same on a server not reached for 10 s", seen, { floor, note });
};

/** Revokes and restores one login over and over through the rotate function's own entry, warm, by parts. */
export const killParts = async (stage: Stage, obey: Obey, trace: Trace, n: number): Promise<readonly Row[]> => {
  const [subject, other] = await Promise.all([stage.credential("revoked"), stage.credential("bystander")]);
  const seen: Parts[] = [];
  const floor: number[] = [];
  for (let i = -WARM_UP; i < n; i++) {
    const least = await timed(() => oneStatement(other.first));
    trace.take();
    const from = performance.now();
    const { killed } = await obey({ verb: "revoke", credential: subject.id, doomed: "current" });
    const to = performance.now();
    const parts = partsOf(trace.take(), from, to, subject.first.username);
    const versions = killed.map(({ version, undo }) => ({ version, undo }));
    await obey({ verb: "restore", credential: subject.id, versions });
    if (i < 0) continue;
    seen.push(parts);
    floor.push(least);
  }
  const note = "floor: one statement on a new connection. The rotator's connection of the last 10 s is used again";
  return LINES.map(([part, name]) =>
    row(
      name,
      seen.map((parts) => parts[part]),
      { floor, ...(part === "refused" && { note }) },
    ),
  );
};
