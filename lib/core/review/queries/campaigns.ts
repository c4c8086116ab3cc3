import { campaignOf, HASTY_MS } from "../campaign.ts";
import type { Moment, Sealed } from "../entry.ts";
import { boolean, number, type Query, sorted, text } from "../query.ts";

const PREFIX = "review/";

const rowOf = (stream: string, events: readonly Sealed[], { at, ms }: Moment) => {
  const campaign = campaignOf(stream.slice(PREFIX.length), events, (from, to) => ms(to) - ms(from));
  if (!campaign) return [];
  const { id, scope, openedAt, deadline, hasty, signedAt } = campaign;
  const opened = events.find((event) => event.type === "review.opened");
  const decided = new Set(events.flatMap((event) => (event.type === "review.decided" ? [event.data.credential] : [])));
  return [
    {
      review: id,
      scope,
      opened_at: openedAt,
      deadline,
      items: opened?.data.items ?? 0,
      decided: decided.size,
      hasty,
      signed_at: signedAt ?? null,
      late: ms(signedAt ?? at) > ms(deadline),
    },
  ];
};

/** Q15: access reviews. */
export const campaigns: Query = {
  id: "Q15",
  title: "Access reviews: how far, late or not, and decisions too fast to have looked",
  basis: `Reviews that were opened with \`rekey review\`. Hasty: recorded less than ${HASTY_MS / 1000} s after the same person's decision before it.`,
  rowsAre: "facts",
  params: [],
  columns: [
    ...["review", "scope", "opened_at", "deadline"].map(text),
    ...["items", "decided", "hasty"].map(number),
    text("signed_at"),
    boolean("late"),
  ],
  evaluate: (entries, _, moment) => {
    const streams = Map.groupBy(
      entries.filter(({ stream }) => stream.startsWith(PREFIX)),
      ({ stream }) => stream,
    );
    return sorted(
      [...streams].flatMap(([stream, events]) => rowOf(stream, events, moment)),
      "opened_at",
      "review",
    );
  },
  sql: ({ text: at, ms }, _, now) => `SELECT substr(o.stream, ${PREFIX.length + 1}) AS review, o.scope,
  o.happened AS opened_at, o.deadline, o.items, COALESCE(d.decided, 0) AS decided, COALESCE(d.hasty, 0) AS hasty,
  s.happened AS signed_at, COALESCE(s.ms, ${now}) > ${ms("o.deadline")} AS late
FROM (
  SELECT stream, happened, ${at("data", "$.scope")} AS scope, ${at("data", "$.deadline")} AS deadline,
    CAST(${at("data", "$.items")} AS BIGINT) AS items, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx) AS n
  FROM events WHERE type = 'review.opened' AND stream LIKE '${PREFIX}%'
) AS o
LEFT JOIN (
  SELECT stream, COUNT(DISTINCT credential) AS decided,
    SUM(CASE WHEN received - before < ${HASTY_MS} THEN 1 ELSE 0 END) AS hasty
  FROM (
    SELECT stream, credential, received,
      LAG(received) OVER (PARTITION BY stream, actor ORDER BY idx) AS before
    FROM (
      SELECT stream, idx, actor, ${at("data", "$.credential")} AS credential, ${ms("receivedat")} AS received
      FROM events WHERE type = 'review.decided'
    ) AS decisions
  ) AS spaced GROUP BY stream
) AS d ON d.stream = o.stream
LEFT JOIN (
  SELECT stream, happened, ms, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx) AS n
  FROM events WHERE type = 'review.signed'
) AS s ON s.stream = o.stream AND s.n = 1
WHERE o.n = 1
ORDER BY opened_at, review`,
};
