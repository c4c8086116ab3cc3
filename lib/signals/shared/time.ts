import * as z from "zod/mini";
import type { Instant } from "../../core/types.ts";

/** A detector's time, ISO 8601 with a zone. */
export const Time = z.iso.datetime({ offset: true });

/** The same moment as an Instant: UTC, milliseconds. */
export const instantOf = (time: string): Instant => new Date(time).toISOString() as Instant;
