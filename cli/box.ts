import { InvalidArgumentError } from "commander";
import { LONGEST_BOX_MS, SHORTEST_BOX_MS } from "../lib/core/time-box.ts";

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `45m`, `2h` or `3d` in ms. Throws InvalidArgumentError for anything else, and beyond five minutes to ninety days. */
export const boxMs = (given: string): number => {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(given) ?? [];
  if (!amount || !unit) throw new InvalidArgumentError("Give minutes, hours or days: 45m, 2h, 3d.");
  const ms = Number(amount) * UNITS[unit as keyof typeof UNITS];
  if (ms < SHORTEST_BOX_MS || ms > LONGEST_BOX_MS) throw new InvalidArgumentError("From 5m to 90d.");
  return ms;
};
