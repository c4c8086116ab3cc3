import { type Row, row, timed } from "./stats.ts";
import { type Weathered, weather } from "./weather.ts";

const SEED = 7;
const MINUTE_MS = 60_000;
const STORM = { signals: 10_000, subjects: 300, overMs: MINUTE_MS, seed: SEED };

const once = ({ effective }: Weathered) => effective.filter((count) => count === 1).length;
const outcome = (of: Weathered) =>
  `${of.lost} lost, ${once(of)} of ${of.effective.length} subjects contained once, ${of.stillIn} still in; at most ${of.most} invocations at a time`;

/** 10,000 signals in a minute, in memory, on a clock that jumps: what the engine makes of Lambda's scaling. */
export const run = async ({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const diesOf1000 of [0, 20]) {
    let of: Weathered | undefined;
    const storm = { ...STORM, diesOf1000, ...(quick && { signals: 2_000, subjects: 100 }) };
    const tookMs = await timed(async () => {
      of = await weather(storm);
    });
    if (!of) continue;
    const what = `${storm.signals} signals in a minute${diesOf1000 ? `, ${of.died} invocations dying` : ""}`;
    rows.push(
      row(`storm: ${what}, first signal → refused`, of.refusedAfter, { note: `${outcome(of)}; simulated time` }),
      row(`answering: ${what}, signal → answered`, of.answeredAfter, {
        note: `simulated time; who comes while another works on it comes again after 3 s. Engine on this machine: ${Math.round(storm.signals / (tookMs / 1_000))} signals/s`,
      }),
    );
  }
  return rows;
};
